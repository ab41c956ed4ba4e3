"""A controller with TLS and agents that join it by a token, on loopback: real certificates, renewed and revoked."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

from fleet import MUSTER, Program, eventually


class Joined(unittest.TestCase):
    """`muster server --tls` and two agents; certificates live 10 s, so that every test sees them renewed."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-tls-")
        self.data = os.path.join(self.folder, "controller")
        self.programs = []
        self.server = self.start("server", "--tls", "--listen", "127.0.0.1:0", "--data", self.data, "--lease", "6s",
                                 "--certificate-lifetime", "10s")
        eventually("the controller answers", lambda: self.muster("nodes", check=False).returncode == 0)
        with open(os.path.join(self.data, "address")) as file:
            self.address = file.read().strip()
        self.token = self.muster("token", "create", "--expires", "5m").stdout.splitlines()[-1]

    def tearDown(self):
        for program in reversed(self.programs):
            program.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *arguments):
        program = Program([MUSTER, *arguments], os.path.join(self.folder, f"log-{len(self.programs)}"))
        self.programs.append(program)
        return program

    def muster(self, *arguments, check=True, environment=None, stdin=""):
        env = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
        env.update({"MUSTER_DATA": self.data} if environment is None else environment)
        done = subprocess.run([MUSTER, *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"muster {' '.join(arguments)} exited with {done.returncode}: {done.stderr}")
        return done

    def agent(self, name, *more, token=True):
        arguments = ["agent", "--join", self.address, "--name", name, "--devices", "2", "--data",
                     os.path.join(self.folder, name), *more]
        return self.start(*arguments, *(["--token", self.token] if token else []))

    def ready(self, *names):
        def check():
            rows = self.muster("nodes").stdout.splitlines()[1:]
            return all(any(row.split()[:2] == [name, "ready"] for row in rows) for name in names)
        eventually(f"{names} are ready", check)

    def test_renewed_and_restarted(self):
        """A job outlives the certificates of its nodes; an agent that starts again needs no token."""
        first = self.agent("node-a")
        self.agent("node-b")
        self.ready("node-a", "node-b")
        certificate = os.path.join(self.folder, "node-a", "identity", "certificate.pem")

        def text():
            with open(certificate) as file:
                return file.read()

        before = text()
        job = self.muster("submit", "--json", "-", stdin="gang: {nodes: 2}\ncommand: [sleep, '14']\n").stdout
        self.assertIn('"id"', job)
        eventually("a new certificate", lambda: text() != before, 15)
        first.end()
        self.agent("node-a", token=False)
        self.ready("node-a")
        self.assertEqual(self.muster("wait", "1", "--timeout", "30s", check=False).returncode, 0)
        self.assertIn('"attempt": 1', self.muster("job", "1", "--json").stdout)

    def test_expired(self):
        """A certificate that expired while its machine was away is refused in so many words; a token lets it in again."""
        agent = self.agent("node-a")
        self.ready("node-a")
        agent.end()
        gone = time.monotonic() + 11
        eventually("the certificate has expired", lambda: time.monotonic() > gone)
        late = self.agent("node-a", token=False)
        eventually("it is told", lambda: "certificate has expired" in late.log())
        late.end()
        self.agent("node-a")
        self.ready("node-a")

    def test_strangers(self):
        """No token, a made-up one and another controller's fingerprint let nobody in; nor does a node token or none."""
        parts = self.token.split(".")
        for token, words in (
            (".".join([parts[0], parts[1], "0" * 32, parts[3]]), "no such join token"),
            (".".join(parts[:3] + ["0" * 64]), "not the controller that was meant"),
            ("muster1.nonsense", "no join token"),
        ):
            agent = self.start("agent", "--join", self.address, "--name", "x", "--data",
                               os.path.join(self.folder, "x"), "--token", token)
            self.assertEqual(agent.wait(), 5, agent.log())
            self.assertIn(words, agent.log())
        self.assertEqual(self.start("agent", "--join", self.address, "--data", self.folder + "/y").wait(), 2)
        self.assertEqual(self.muster("nodes", "--json").stdout.strip(), "[]")

    def test_revoked(self):
        """A revoked node is out at once and stays out; its key is not let in again even with a token."""
        agent = self.agent("node-a")
        self.ready("node-a")
        self.muster("revoke", "node-a")
        eventually("it is told", lambda: "was revoked" in agent.log(), 2)
        self.assertIn("isolated", self.muster("node", "node-a", "--json").stdout)
        agent.end()
        os.remove(os.path.join(self.folder, "node-a", "identity", "certificate.pem"))
        again = self.agent("node-a")
        self.assertEqual(again.wait(), 5, again.log())
        self.assertIn("revoked", again.log())
        shutil.rmtree(os.path.join(self.folder, "node-a"))
        self.agent("node-a")
        eventually("the new key is known", lambda: '"connected": true' in self.muster("node", "node-a", "--json").stdout)
        self.muster("resume", "node-a")
        self.ready("node-a")

    def test_another_machine(self):
        """A name that is taken is not given to another machine before the old one is fenced."""
        agent = self.agent("node-a")
        self.ready("node-a")
        agent.end()
        other = self.start("agent", "--join", self.address, "--name", "node-a", "--data", self.folder + "/other",
                           "--token", self.token)
        self.assertEqual(other.wait(), 5, other.log())
        self.assertIn("another machine is known", other.log())
        eventually("it is suspect", lambda: "ready" not in self.muster("node", "node-a", "--json").stdout, 20)
        self.muster("fence", "node-a", "--confirm-dead")
        self.start("agent", "--join", self.address, "--name", "node-a", "--data", self.folder + "/other",
                   "--token", self.token)
        eventually("the other is there", lambda: '"connected": true' in self.muster("node", "node-a", "--json").stdout)

    def test_login(self):
        """login remembers a controller that is proven by its certificate or its fingerprint, and by nothing else."""
        home = {"MUSTER_DATA": os.path.join(self.folder, "home")}
        token = os.path.join(self.data, "token")
        ca = os.path.join(self.data, "ca.pem")
        unknown = self.muster("login", self.address, "--token-file", token, environment=home, check=False)
        self.assertEqual(unknown.returncode, 2)
        wrong = self.muster("login", self.address, "--token-file", token, "--fingerprint", "0" * 64, environment=home,
                            check=False)
        self.assertEqual(wrong.returncode, 5)
        self.assertFalse(os.path.exists(home["MUSTER_DATA"]))
        self.muster("login", self.address, "--token-file", token, "--ca", ca, environment=home)
        self.assertIn("No nodes", self.muster("nodes", environment=home).stdout)
        self.assertEqual(os.stat(os.path.join(home["MUSTER_DATA"], "token")).st_mode & 0o777, 0o600)
        fingerprint = self.token.split(".")[3]
        self.muster("login", self.address, "--token-file", token, "--fingerprint", fingerprint, environment=home)
        with open(token) as file:
            direct = {"MUSTER_ADDR": self.address, "MUSTER_TOKEN": file.read().strip(), "MUSTER_CA": ca}
        self.assertIn("No nodes", self.muster("nodes", environment=direct).stdout)
        direct["MUSTER_CA"] = os.path.join(self.folder, "nowhere.pem")
        self.assertEqual(self.muster("nodes", environment=direct, check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
