"""The guide (docs/operations.md) followed to the letter: its blocks are typed on hosts that have `/etc`, `/usr/local`,
`/var` and a name of their own. Only the values of its `export` lines are the lab's."""

import os
import re
import shutil
import subprocess
import unittest

import lab as lab_module
from hosts import HERE, MUSTER
from lab import ROOT, Lab, eventually

GUIDE = os.path.join(ROOT, "docs", "operations.md")
WORKERS = 10
OWN_FOLDERS = ("etc", "usr/local", "var", "root")


def blocks():
    """(where, text) of each marked block, in the guide's order."""
    with open(GUIDE) as file:
        return re.findall(r"<!-- on: (.+?) -->\n```sh\n(.*?)```", file.read(), re.DOTALL)


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = lab_module.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        with open("/proc/filesystems") as file:
            if "overlay" not in file.read() and subprocess.run(["modprobe", "overlay"], capture_output=True).returncode != 0:
                raise unittest.SkipTest("no overlay file system: hosts cannot have an /etc of their own")
        cls.lab = Lab(WORKERS + 1)
        try:
            cls.prepare()
        except BaseException:
            cls.lab.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    @classmethod
    def prepare(cls):
        cls.release = os.path.join(cls.lab.folder, "release")
        os.makedirs(os.path.join(cls.release, ".build/release"))
        shutil.copytree(os.path.join(ROOT, "packaging"), os.path.join(cls.release, "packaging"))
        program = os.path.join(cls.release, ".build/release/muster")
        # Without symbols: eleven copies of it are made.
        if shutil.which("strip") is None or subprocess.run(["strip", "-o", program, MUSTER]).returncode != 0:
            shutil.copy(MUSTER, program)
        cls.workers = [f"n{number}" for number in range(1, WORKERS + 1)]
        cls.desk = f"n{WORKERS + 1}"
        # A disk of its own for what the hosts write: an overlay cannot lie on every file system.
        cls.inner = {name: cls.enter(name) for name in cls.lab.hosts}
        cls.values = {
            "CONTROLLER": cls.lab.hosts["c"].address, "RELEASE": cls.release, "WORKERS": str(WORKERS)}

    @classmethod
    def enter(cls, name):
        """Starts what keeps a host's view of the disk alive. - Returns: its pid."""
        own = os.path.join(cls.lab.hosts[name].folder, "disk")
        lines = [f"mkdir -p {own}", f"hostname {name}"]
        for folder in OWN_FOLDERS:
            upper, work = f"{own}/{folder}.upper", f"{own}/{folder}.work"
            lines += [f"mkdir -p {upper} {work}",
                      f"mount -t overlay overlay -o lowerdir=/{folder},upperdir={upper},workdir={work} /{folder}"]
        lines += [f"install -m 0755 {HERE}/systemctl.py /usr/local/sbin/systemctl", f"touch {own}/ready"]
        process = cls.lab.start(
            name, ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-ec",
                   "\n".join(lines) + "\nexec sleep infinity"], log="disk.log")
        eventually(lambda: f"the disk of {name} is there: {cls.lab.log(name, 'disk.log')}",
                   lambda: os.path.exists(f"{own}/ready"))
        return process.pid

    def type(self, name, text):
        """What a person types on a host, with the values of `export` lines replaced."""
        def value(match):
            given = self.values.get(match.group(1))
            return match.group(0) if given is None else f"export {match.group(1)}='{given}'"
        text = re.sub(r"^export (\w+)=.*$", value, text, flags=re.MULTILINE)
        known = "".join(f"export {key}='{word}'\n" for key, word in self.values.items())
        done = subprocess.run(
            ["nsenter", "-t", str(self.inner[name]), "--mount", "--net", "--uts", "sh", "-euc", known + text],
            capture_output=True, text=True, timeout=120, cwd="/", env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "LANG": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, f"on {name}:\n{text}\n{done.stdout}{done.stderr}{self.unit_logs(name)}")
        return done.stdout

    def unit_logs(self, name):
        folder, text = os.path.join(self.lab.hosts[name].folder, "disk/var.upper/lib/lab-units"), ""
        for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if entry.endswith(".log"):
                with open(os.path.join(folder, entry), errors="replace") as file:
                    text += file.read()[-1000:]
        return text

    def test_the_guide(self):
        """Install on ten hosts, log in from a desk, back up, upgrade: every marked block, in its order."""
        seen = []
        for where, text in blocks():
            seen.append(where)
            if where == "every host":
                for name in self.lab.hosts:
                    self.type(name, text)
            elif where.startswith("the controller"):
                out = self.type("c", text)
                if "token create" in text:
                    self.values["TOKEN"] = out.strip().splitlines()[-1]
                    self.assertTrue(self.values["TOKEN"].startswith("muster1."))
                if "muster run" in text:
                    self.assertIn(f"rank 0 of {WORKERS}", out)
            elif where.startswith("each worker"):
                for name in self.workers:
                    self.type(name, text)
            elif where == "a desk":
                self.values["PEOPLE_TOKEN"] = self.type("c", "cat /var/lib/muster/token").strip()
                out = self.type(self.desk, text)
                for name in self.workers:
                    self.assertIn(name, out)
                for rank in range(WORKERS):
                    log = self.type(self.desk, f"muster logs 1 --rank {rank}")
                    self.assertEqual(log, f"rank {rank} of {WORKERS}\n")
            else:
                self.fail(f"the guide says \"on: {where}\", and nobody knows where that is")
        self.assertEqual(seen, ["every host", "the controller", "the controller", "each worker", "the controller", "a desk",
                                "the controller, later", "each worker, later"])
        self.type("c", "systemd-analyze verify /etc/systemd/system/muster-server.service")
        self.type("n1", "systemd-analyze verify /etc/systemd/system/muster-agent.service")
        self.upgraded_without_a_token()
        self.restored()

    def upgraded_without_a_token(self):
        """After the upgrade's restart all are back by their certificates alone."""
        self.assertFalse(os.path.exists(os.path.join(self.lab.hosts["n1"].folder, "disk/etc.upper/muster/join-token")))
        self.type("c", 'until [ "$(muster nodes --data /var/lib/muster | grep -c " ready ")" -eq "$WORKERS" ]; do sleep 0.2; done')

    def restored(self):
        """The backup is a data folder: the controller starts from it, and the nodes come back after step 3."""
        self.type("c", """
systemctl stop muster-server
mv /var/lib/muster /var/lib/muster-away
install -d -o muster -m 0700 /var/lib/muster
cp -a /var/backups/muster/. /var/lib/muster/
chown -R muster: /var/lib/muster
muster replay /var/lib/muster
systemctl start muster-server
until muster nodes --data /var/lib/muster 2>/dev/null; do sleep 0.2; done
muster job 1 --data /var/lib/muster
""")
        for name in self.workers:
            self.type(name, "systemctl stop muster-agent")
        for name in self.workers:
            self.type(name, "systemctl start muster-agent")
        self.type("c", 'until [ "$(muster nodes --data /var/lib/muster | grep -c " ready ")" -eq "$WORKERS" ]; do sleep 0.2; done\n'
                       'muster run --data /var/lib/muster --nodes "$WORKERS" -- true')


if __name__ == "__main__":
    unittest.main()
