"""Who is let in, and who is put out."""

import json
import os
import shutil
import unittest

from hosts import PORT, PYTHON, HostsCase, clean_environment
from lab import boot_seconds, eventually

# Speaks TLS, with a certificate only if one is named, and asks for the link with what is to be said there.
NOBODY = """
import socket, ssl, sys
address, port, ca, body = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.stdin.buffer.read() or b'{}\\n'
context = ssl.create_default_context(cafile=ca)
context.check_hostname = False
if len(sys.argv) > 4: context.load_cert_chain(sys.argv[4], sys.argv[5])
with context.wrap_socket(socket.create_connection((address, port), timeout=5)) as link:
    head = f'POST /v1/link HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n'
    link.sendall(head.encode() + body)
    answer = b''
    while part := link.recv(4096): answer += part
    print(link.version(), answer.decode())
"""


class Admission(HostsCase):
    fleet_options = {"workers": 4, "lease": "6s", "joins": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in cls.fleet.workers[:3]:
            cls.fleet.join(name)
        cls.fleet.wait_connected(*cls.fleet.workers[:3])

    def workers_in_service(self):
        """`n4` never gets in here, and who was revoked is out for ever."""
        return [name for name in self.fleet.workers[:3] if name not in getattr(type(self), "revoked", [])]

    def ends_refused(self, agent, name):
        eventually(f"the agent gives up: {self.fleet.lab.log(name, 'agent.log')}", lambda: agent.poll() is not None, 15)
        self.assertEqual(agent.returncode, 5)
        self.assertNotIn(name, [node["name"] for node in self.fleet.json("nodes")])
        return self.fleet.lab.log(name, "agent.log")

    def test_wrong_token(self):
        """A token with another secret, or one that is none, lets nobody in, and the agent says so."""
        head, number, secret, fingerprint = self.fleet.token().split(".")
        made_up = ".".join([head, number, "0" * len(secret), fingerprint])
        log = self.ends_refused(self.fleet.join("n4", token=made_up), "n4")
        self.assertIn("token", log)

    def test_another_controller(self):
        """A token of another controller is not shown to this one: its key is not the one that the token names."""
        head, number, secret, fingerprint = self.fleet.token().split(".")
        log = self.ends_refused(self.fleet.join("n4", token=".".join([head, number, secret, "0" * 64])), "n4")
        self.assertIn("fingerprint", log)
        self.assertIn("not the controller that was meant", log)

    def test_nobody(self):
        """The link is closed to who shows no certificate, and the API to who shows no token."""
        fleet, ca = self.fleet, os.path.join(self.fleet.data, "ca.pem")
        done = fleet.lab.run("n4", [PYTHON, "-c", NOBODY, fleet.address, PORT, ca])
        self.assertIn("TLSv1.3", done.stdout)
        self.assertIn(" 401 ", done.stdout, done.stderr)
        self.assertIn("noCertificate", done.stdout)
        for token in ("wrong", "muster1.1.00000000000000000000000000000000." + "0" * 64):
            environment = clean_environment(
                MUSTER_ADDR=f"https://{fleet.address}:{PORT}", MUSTER_TOKEN=token, MUSTER_CA=ca, HOME=fleet.lab.folder)
            self.assertEqual(fleet.try_muster("jobs", host="n4", environment=environment).returncode, 5)

    def test_an_unknown_version(self):
        """Who speaks another version of the link is refused in so many words."""
        fleet = self.fleet
        hello = {"t": "hello", "v": 99, "role": "agent", "node": "n1", "machine": "m", "boot": "b", "devices": 1,
                 "deviceType": "", "cpus": 1, "memoryBytes": 1, "address": fleet.lab.hosts["n1"].address, "pid": 1}
        identity = os.path.join(fleet.agent_folder("n1"), "identity")
        done = fleet.lab.run(
            "n1", [PYTHON, "-c", NOBODY, fleet.address, PORT, f"{identity}/ca.pem", f"{identity}/certificate.pem",
                   f"{identity}/key.pem"], input=json.dumps(hello) + "\n")
        self.assertIn("link version 99 is not spoken here", done.stdout, done.stderr)
        self.assertTrue(fleet.connected("n1"))

    def test_a_certificate_of_another_authority(self):
        """A node of another controller is not let in, whatever its certificate says; nor does a command believe a
        controller whose authority it does not know."""
        fleet, other = self.fleet, os.path.join(self.fleet.lab.folder, "other")
        server = fleet.lab.start(
            "n4", [fleet.muster_file, "server", "--listen", f"{fleet.lab.hosts['n4'].address}:{PORT}", "--tls", "--data",
                   other], environment=clean_environment(), log="other.log")
        there = clean_environment(MUSTER_DATA=other)
        try:
            eventually("the other controller answers", lambda: fleet.try_muster(
                "nodes", host="n4", environment=there).returncode == 0)
            token = fleet.muster("token", "create", host="n4", environment=there).stdout.split()[-1]
            folder = os.path.join(fleet.lab.folder, "foreign")
            agent = fleet.lab.start(
                "n4", [fleet.muster_file, "agent", "--join", f"{fleet.lab.hosts['n4'].address}:{PORT}", "--token", token,
                       "--name", "n4", "--devices", "1", "--data", folder], environment=clean_environment(),
                log="foreign.log")
            eventually("it has joined the other one", lambda: os.path.exists(f"{folder}/identity/certificate.pem"))
            agent.terminate()
            agent.wait(5)
            mixed = clean_environment(MUSTER_ADDR=f"https://{fleet.address}:{PORT}", MUSTER_TOKEN="x",
                                      MUSTER_CA=f"{other}/ca.pem", HOME=fleet.lab.folder)
            done = fleet.try_muster("jobs", host="n4", environment=mixed)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("is not trusted", done.stderr)
            ca = os.path.join(fleet.data, "ca.pem")
            done = fleet.lab.run("n4", [PYTHON, "-c", NOBODY, fleet.address, PORT, ca, f"{folder}/identity/certificate.pem",
                                        f"{folder}/identity/key.pem"])
            self.assertNotIn("200", done.stdout)
            shutil.copy(ca, f"{folder}/identity/ca.pem")
            agent = fleet.lab.start(
                "n4", [fleet.muster_file, "agent", "--join", f"{fleet.address}:{PORT}", "--name", "n4", "--devices", "1",
                       "--data", folder], environment=clean_environment(), log="foreign.log")
            eventually("it is refused", lambda: "certificate" in fleet.lab.log("n4", "foreign.log").lower(), 10)
            self.assertNotIn("n4", [node["name"] for node in fleet.json("nodes")])
            agent.terminate()
            agent.wait(5)
        finally:
            server.terminate()
            server.wait(10)

    def test_a_name_that_is_taken(self):
        """Another machine cannot take a known node's name, even with a good token."""
        agent = self.fleet.join("n4", node="n1")
        eventually("it is refused", lambda: agent.poll() is not None, 15)
        self.assertEqual(agent.returncode, 5)
        self.assertTrue(self.fleet.connected("n1"))

    def test_revoked(self):
        """A revoked node is out within a second: its link and its ranks; the job goes on elsewhere, and the node does not
        come back, not even with a good token."""
        fleet = self.fleet
        job = self.record(nodes=2, fence="attempt")
        nodes = fleet.wait_step(job, 12)["nodes"]
        victim = nodes[1]
        type(self).revoked = [victim]
        at = boot_seconds()
        fleet.muster("revoke", victim)
        answered = boot_seconds()
        eventually("it is out", lambda: not fleet.node(victim)["connected"], 5, every=0.02)
        after = fleet.wait_attempt(job, 2)
        self.assertNotIn(victim, after["nodes"])
        old = [run for run in fleet.runs(job, 1) if run.host == victim]
        self.assertEqual(len(old), 1)
        self.assertLess(old[0].end - answered, 1, f"its rank ran {old[0].end - at:.2f} s from the command on")
        self.assertEqual(fleet.node(victim)["state"], "isolated")
        eventually("it hears why", lambda: "revoked" in fleet.lab.log(victim, "agent.log"), 5)
        fleet.agents[victim].terminate()
        fleet.agents[victim].wait(5)
        agent = fleet.join(victim)
        eventually("it is told again", lambda: fleet.lab.log(victim, "agent.log").count("revoked") > 1, 10)
        self.assertFalse(fleet.node(victim)["connected"])
        if agent.poll() is None:
            agent.terminate()
            agent.wait(5)
        self.assert_clean("attempt", job)


class Certificates(HostsCase):
    # Renewed at half of it, so a test of several lifetimes is short.
    fleet_options = {"workers": 3, "lease": "6s", "lifetime": "10s"}

    def test_renewed_by_themselves(self):
        """Certificates are renewed over the link: after more than two lifetimes all are connected, a job that ran all
        the time is in its first attempt, and its shims have new certificates, too."""
        job = self.record(nodes=3, fence="strict")
        self.fleet.wait_step(job, 5)
        at = boot_seconds()
        eventually("two lifetimes have passed", lambda: boot_seconds() > at + 22, 30)
        self.assertTrue(self.fleet.connected(*self.fleet.workers), self.fleet.muster("nodes").stdout)
        self.fleet.wait_step(job, 220)
        self.assertEqual((self.fleet.job(job)["attempt"], self.fleet.faults(job)), (1, []))
        self.assert_clean("strict", job)

    def test_expired(self):
        """A node that was away for longer than its certificate is refused and told why; a new token lets the same machine
        in again."""
        fleet = self.fleet
        fleet.agents["n3"].terminate()
        fleet.agents["n3"].wait(5)
        at = boot_seconds()
        eventually("its certificate has expired", lambda: boot_seconds() > at + 11, 20)
        before = len(fleet.lab.log("n3", "agent.log"))
        agent = fleet.start_agent("n3")
        eventually("it says so", lambda: "expired" in fleet.lab.log("n3", "agent.log")[before:].lower(), 10)
        self.assertFalse(fleet.node("n3")["connected"])
        if agent.poll() is None:
            agent.terminate()
            agent.wait(5)
        fleet.join("n3")
        fleet.wait_connected("n3")


if __name__ == "__main__":
    unittest.main()
