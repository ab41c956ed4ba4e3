"""Controllers that are known by a name: a partition takes the name servers, too."""

import os
import signal
import unittest

from hosts import HERE, PORT, PYTHON, HostsCase
from lab import boot_seconds, eventually

NAME = "controller.muster.test"


class Names(HostsCase):
    fleet_options = {"lease": "6s", "workers": 5, "joins": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fleet = cls.fleet
        try:
            resolver = os.path.join(fleet.lab.folder, "resolv.conf")
            with open(resolver, "w") as file:
                file.write(f"nameserver {fleet.address}\noptions timeout:15\n")
            fleet.lab.start(
                "c", [PYTHON, os.path.join(HERE, "nameserver.py"), "--listen", fleet.address, "--address", fleet.address],
                log="nameserver.log")
            for name in fleet.workers:
                fleet.join(name, join=f"{NAME}:{PORT}", mounts=f"mount --bind {resolver} /etc/resolv.conf")
            fleet.wait_connected()
        except BaseException:
            fleet.close()
            raise

    def hold_shims(self, name):
        for pid in self.fleet.lab.hosts[name].pids():
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().split(b"\0")[:2] == [b"muster", b"shim"]:
                    os.kill(pid, signal.SIGSTOP)

    def cut_with_its_names(self, *victims):
        """Nothing of what they send arrives anywhere, and no neighbour's silence tells them so early."""
        for victim in victims:
            self.fleet.lab.cut_one_way(victim, "c")
        return self.fleet.cut(*victims)

    def test_lease_while_names_are_not_answered_for(self):
        """A cut that takes the name server, too, under `strict`: shims wait for a name, and end their ranks in time."""
        job = self.record(nodes=4, fence="strict")
        victim = self.fleet.wait_step(job, 22)["nodes"][1]
        at = self.cut_with_its_names(victim)
        self.fleet.wait_attempt(job, 2)
        old = next(run for run in self.fleet.runs(job, 1) if run.host == victim)
        self.assertLess(old.end, at + self.fleet.lease + 0.5)
        self.assert_clean("strict", job, cuts=[([victim], at)])
        self.fleet.lab.heal()
        healed = boot_seconds()
        eventually(f"{victim} is back", lambda: self.fleet.node(victim)["connected"], 15)
        self.assertLess(boot_seconds() - healed, 15)

    def test_held_shim_while_names_are_not_answered_for(self):
        """The same with the shim held: its agent, which waits for a name itself, kills it in time."""
        job = self.record(nodes=4, fence="strict")
        before = self.fleet.wait_step(job, 22)
        victim = before["nodes"][1]
        at = self.cut_with_its_names(victim)
        self.hold_shims(victim)
        self.fleet.wait_attempt(job, 2)
        old = next(run for run in self.fleet.runs(job, 1) if run.host == victim)
        self.assertLess(old.end, at + self.fleet.lease + 1)
        self.assert_clean("strict", job, cuts=[([victim], at)])


if __name__ == "__main__":
    unittest.main()
