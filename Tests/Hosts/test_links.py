"""Links that are cut, in both directions and in one, and hosts that go: what became of the job, and which ranks ran
where, as they wrote it down themselves."""

import unittest

from hosts import PORT, PYTHON, HERE, HostsCase
from lab import boot_seconds, eventually

import os


class Links(HostsCase):
    # 6 s leave a loaded machine room for its beats; a test that waits for a lease waits 7 s.
    fleet_options = {"lease": "6s"}

    def running(self, fence, step=22, nodes=4):
        job = self.record(nodes=nodes, fence=fence)
        return job, self.fleet.wait_step(job, step)["nodes"]

    def ready_by_itself(self, name):
        self.fleet.lab.heal()
        eventually(f"{name} is ready by itself", lambda: self.fleet.connected(name), 15)
        self.assertNotIn("nodeResumed", [event["kind"] for event in self.fleet.events() if event.get("node") == name])

    def replaced(self, fence, cut, causes=("nodeSilent",)):
        """A gang of four loses its second host. - Returns: how long after the cut the next attempt began."""
        job, before = self.running(fence)
        victim = before[1]
        at = boot_seconds()
        cut(victim)
        after = self.fleet.wait_attempt(job, 2)["nodes"]
        self.assertEqual((after[0], after[2], after[3]), (before[0], before[2], before[3]))
        self.assertNotIn(victim, after)
        began = min(self.first_words(job, 2)) - at
        fault = self.fleet.faults(job)[0]
        self.assertIn(fault["cause"], causes)
        self.assertEqual(fault["node"], victim)
        # Its own lease ends what runs there, although nobody reaches it.
        eventually("the old rank has ended", lambda: boot_seconds() > at + self.fleet.lease + 1.5, 20)
        self.assert_clean(fence, job, cuts=[([victim], at)])
        eventually("it is isolated", lambda: self.fleet.node(victim)["state"] == "isolated", 20)
        self.ready_by_itself(victim)
        return began

    def test_cut_under_attempt(self):
        """A link cut in both directions, `attempt`: the job goes on elsewhere long before the lease is over."""
        self.assertLess(self.replaced("attempt", self.fleet.lab.cut), self.fleet.lease)

    def test_cut_under_strict(self):
        """A link cut in both directions, `strict`: the job goes on when lease and margin have passed, never sooner."""
        began = self.replaced("strict", self.fleet.lab.cut)
        # The last acknowledged beat was sent up to a beat's interval before the cut.
        self.assertGreater(began, self.fleet.lease + 1 - 0.7)
        self.assertLess(began, self.fleet.lease + 1 + 5)

    def test_unplugged(self):
        """A cable pulled, so that the host sees its own link go down: the same."""
        self.assertLess(self.replaced("attempt", self.fleet.lab.unplug), self.fleet.lease)

    def test_cut_towards_the_controller(self):
        """What the node says is lost, what it is told arrives: it is silent, and its lease ends its ranks."""
        self.replaced("attempt", lambda victim: self.fleet.lab.cut_one_way(victim, "c"))

    def test_cut_from_the_controller(self):
        """What the node is told is lost, what it says arrives at first: nothing is acknowledged, the lease ends its ranks."""
        # Until their connections give up, its shim and its agent are heard, one perhaps for a second longer.
        self.replaced("strict", lambda victim: self.fleet.lab.cut_one_way("c", victim), causes=("nodeSilent", "shimDied"))

    def test_idle_node_returns_by_itself(self):
        """A node cut off for longer than the lease is isolated for silence alone; its agent redials within 5 s of the
        healed link, and it is ready again without anybody's word."""
        self.fleet.cut("n6")
        eventually("it is isolated", lambda: self.fleet.node("n6")["state"] == "isolated", 30)
        self.assertIn("silent", self.fleet.node("n6")["reason"])
        self.fleet.lab.heal("n6")
        at = boot_seconds()
        eventually("it is connected", lambda: self.fleet.node("n6")["connected"], 10)
        self.assertLess(boot_seconds() - at, 5)
        self.ready_by_itself("n6")

    def test_short_cut(self):
        """A cut shorter than what counts as silence is nobody's business."""
        job, before = self.running("attempt")
        at = boot_seconds()
        self.fleet.lab.cut(before[1])
        eventually("half a second has passed", lambda: boot_seconds() > at + 0.5, every=0.02)
        self.fleet.lab.heal(before[1])
        self.fleet.wait_step(job, 60)
        self.assertEqual((self.fleet.job(job)["attempt"], self.fleet.faults(job)), (1, []))

    def test_two_hosts_at_once(self):
        """Two hosts of a gang cut off at the same moment: both are replaced."""
        job, before = self.running("attempt")
        victims = before[1:3]
        at = self.fleet.cut(*victims)
        after = self.fleet.wait_attempt(job, 2)["nodes"]
        self.assertEqual((after[0], after[3]), (before[0], before[3]))
        self.assertFalse(set(victims) & set(after))
        eventually("the leases are over", lambda: boot_seconds() > at + self.fleet.lease + 1.5, 20)
        self.assert_clean("attempt", job, cuts=[(victims, at)])

    def test_the_replacement_dies_too(self):
        """The host that took a lost one's place is lost as well: the next spare takes its place."""
        job, before = self.running("attempt")
        first = self.fleet.cut(before[1])
        second = self.fleet.wait_attempt(job, 2)["nodes"]
        cut_again = self.fleet.cut(second[1])
        third = self.fleet.wait_attempt(job, 3)["nodes"]
        self.assertEqual(len({before[1], second[1], third[1]}), 3)
        self.assertEqual((third[0], third[2], third[3]), (before[0], before[2], before[3]))
        eventually("the leases are over", lambda: boot_seconds() > cut_again + self.fleet.lease + 1.5, 20)
        self.assert_clean("attempt", job, cuts=[([before[1]], first), ([second[1]], cut_again)])

    def test_controller_cut_off_from_all(self):
        """The controller loses every link for less than a lease: the fault is nearer home, no attempt ends."""
        job, _ = self.running("attempt")
        known = self.fleet.events()[-1]["sequence"]
        at = self.fleet.cut("c")
        eventually("3 s have passed", lambda: boot_seconds() > at + 3, every=0.05)
        self.fleet.lab.heal("c")
        healed = boot_seconds()
        eventually("all agents are back", lambda: self.fleet.connected(*self.fleet.workers), 10)
        self.assertLess(boot_seconds() - healed, 5)
        self.fleet.wait_step(job, 90)
        self.assertEqual((self.fleet.job(job)["attempt"], self.fleet.faults(job)), (1, []))
        kinds = [event["kind"] for event in self.fleet.events() if event["sequence"] > known]
        self.assertIn("silenceWithheld", kinds)
        self.assert_clean("strict", job)

    def test_controller_cut_off_for_longer_than_the_lease(self):
        """The controller loses every link for longer than the lease: every rank has ended by then, and the job begins
        again by itself when the links are back."""
        jobs = [self.running("strict")[0], self.record(nodes=2, fence="attempt")]
        self.fleet.wait_step(jobs[1], 5)
        at = self.fleet.cut("c")
        eventually("a lease and more has passed", lambda: boot_seconds() > at + self.fleet.lease + 3, 20)
        for job in jobs:
            self.assertLess(max(run.end for run in self.fleet.runs(job)), at + self.fleet.lease + 1)
        self.fleet.lab.heal("c")
        for job in jobs:
            self.fleet.wait_attempt(job, 2)
            self.assert_clean("strict", job, cuts=[(self.fleet.workers, at)])
        self.fleet.wait_connected()

    def test_reboot(self):
        """A host that reboots: its other boot id proves that nothing old runs there, so even `strict` does not wait for
        the lease."""
        job, before = self.running("strict")
        at = boot_seconds()
        self.fleet.reboot(before[1], f"{self.fleet.lab.name}-{before[1]}-boot-2-{job}")
        self.fleet.wait_attempt(job, 2)
        self.assertLess(min(self.first_words(job, 2)) - at, self.fleet.lease)
        fault = self.fleet.faults(job)[0]
        self.assertEqual((fault["component"], fault["node"]), ("node", before[1]))
        self.assert_clean("strict", job)

    def test_slow_and_lossy(self):
        """A host behind a path that delays, stalls and drops connections: the job goes on, and nobody is blamed."""
        fleet = self.fleet
        proxy = fleet.lab.start(
            "c", [PYTHON, os.path.join(HERE, "proxy.py"), "--listen", f"{fleet.address}:7999", "--to",
                  f"{fleet.address}:{PORT}", "--seed", "5"], log="proxy.log")
        fleet.agents["n2"].terminate()
        fleet.agents["n2"].wait(5)
        fleet.start_agent("n2", join=f"{fleet.address}:7999")
        try:
            fleet.wait_connected()
            job, _ = self.running("attempt", nodes=6)
            fleet.wait_step(job, 150)
            self.assertEqual((fleet.job(job)["attempt"], fleet.faults(job)), (1, []))
            self.assertIn("dropped", fleet.lab.log("c", "proxy.log"))
            self.assert_clean("strict", job)
            fleet.muster("cancel", job)
            fleet.end(job)
        finally:
            fleet.agents["n2"].terminate()
            fleet.agents["n2"].wait(5)
            fleet.start_agent("n2")
            proxy.terminate()


if __name__ == "__main__":
    unittest.main()
