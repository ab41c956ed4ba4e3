"""The controller that stops, comes back late, or comes back elsewhere, and a shim that comes back with old news."""

import signal
import unittest

import checker
from hosts import HostsCase
from lab import boot_seconds, eventually


class Controller(HostsCase):
    # Longer than the 5 s that the controller is stopped for.
    fleet_options = {"lease": "10s"}

    def stopped_for(self, seconds):
        at = boot_seconds()
        self.fleet.signal_controller(signal.SIGSTOP)
        try:
            eventually(f"{seconds} s have passed", lambda: boot_seconds() > at + seconds, seconds + 10)
        finally:
            self.fleet.signal_controller(signal.SIGCONT)
        return at

    def test_stopped_for_five_seconds(self):
        """A controller that did not run for 5 s ends no attempt."""
        job = self.record(fence="strict")
        self.fleet.wait_step(job, 10)
        self.stopped_for(5)
        # Everything that was missed would have been judged by then.
        self.fleet.wait_step(job, 90)
        self.assertEqual((self.fleet.job(job)["attempt"], self.fleet.faults(job)), (1, []))
        self.assertTrue(self.fleet.connected(*self.fleet.workers))
        self.assert_clean("strict", job)

    def test_stopped_for_longer_than_the_lease(self):
        """A controller that did not run for longer than the lease: the shims have ended every rank, the job begins again,
        and no node is blamed."""
        job = self.record(fence="attempt")
        self.fleet.wait_step(job, 12)
        at = self.stopped_for(self.fleet.lease + 3)
        self.assertLess(max(run.end for run in self.fleet.runs(job, 1)), at + self.fleet.lease + 1)
        after = self.fleet.wait_attempt(job, 2)
        self.assertGreaterEqual(after["resumeStep"], 11)
        self.assertEqual({fault["cause"] for fault in self.fleet.faults(job)}, {"leaseExpired"})
        self.fleet.wait_connected()
        self.assert_clean("strict", job, cuts=[(self.fleet.workers, at)])

    def test_a_stale_shim(self):
        """A shim that was cut off goes on with attempt 1, checkpoints included, while attempt 2 runs elsewhere. Back
        within its lease it reports attempt 1: nothing of it is believed, and it stops."""
        job = self.record(fence="attempt", checkpoint_every=10)
        before = self.fleet.wait_step(job, 22)["nodes"]
        # Rank 0 is the one that says checkpoints.
        victim = before[0]
        at = self.fleet.cut(victim)
        self.fleet.wait_attempt(job, 2)
        began = min(self.first_words(job, 2))

        def old_news():
            old = [run for run in self.fleet.runs(job, 1) if run.host == victim]
            return [commit for run in old for commit in run.commits if commit[0] > began + 0.2]
        news = eventually("the old attempt says a checkpoint that nobody may take", old_news, 8)
        self.assertLess(boot_seconds(), at + self.fleet.lease - 1, "too slow a machine: the lease is nearly over")
        self.fleet.lab.heal(victim)
        healed = boot_seconds()
        eventually("the old rank has been stopped", lambda: not [
            run for run in self.fleet.runs(job, 1) if run.host == victim and run.end > boot_seconds() - 0.5], 8)
        old = next(run for run in self.fleet.runs(job, 1) if run.host == victim)
        self.assertGreater(old.end, began, "the old rank never ran beside the new attempt")
        self.assertLess(old.end, min(healed + 5, at + self.fleet.lease + 1))
        eventually("its node is ready by itself", lambda: self.fleet.connected(victim), 10)
        self.fleet.wait_step(job, news[-1][1] + 15, attempt=2)
        self.assert_clean("attempt", job)
        # The checker itself would have seen it: the same records are no good for `strict`.
        self.assertTrue(checker.strict_problems(self.fleet.runs(job)))

    def test_killed_and_started_again(self):
        """A controller that is killed and started again knows every rank as before."""
        job = self.record(fence="strict")
        before = self.fleet.wait_step(job, 10)
        self.fleet.controller.kill()
        self.fleet.controller.wait(5)
        self.fleet.start_controller()
        self.fleet.wait_connected()
        self.fleet.wait_step(job, 60)
        after = self.fleet.job(job)
        self.assertEqual((after["attempt"], self.fleet.faults(job)), (1, []))
        self.assertEqual([rank["pid"] for rank in after["ranks"]], [rank["pid"] for rank in before["ranks"]])
        self.assert_clean("strict", job)


class MovedController(HostsCase):
    fleet_options = {"workers": 3, "lease": "30s", "joins": False}

    def test_moved(self):
        """The controller moves to another host with its data folder: agents and shims that were given both addresses
        find it, and the job never notices."""
        fleet = self.fleet
        other = fleet.lab.add_host("c2", 2)
        fleet.join_addresses = f"{fleet.address}:7070,{other.address}:7070"
        for name in fleet.workers:
            if name != "c2":
                fleet.join(name)
        fleet.wait_connected(*fleet.workers)
        job = self.record(nodes=3, fence="strict")
        before = fleet.wait_step(job, 10)
        fleet.stop_controller()
        # The old machine is switched off: what is sent there vanishes.
        fleet.lab.cut("c")
        fleet.start_controller(host="c2")
        fleet.wait_connected(*fleet.workers)
        fleet.wait_step(job, 100)
        after = fleet.job(job)
        self.assertEqual((after["attempt"], fleet.faults(job)), (1, []))
        self.assertEqual([rank["pid"] for rank in after["ranks"]], [rank["pid"] for rank in before["ranks"]])
        self.assert_clean("strict", job)


if __name__ == "__main__":
    unittest.main()
