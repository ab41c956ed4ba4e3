"""Projects that share a fleet: guarantees, limits, priorities, and who gives way to whom."""

import json
import os
import unittest

from fleet import Fleet, eventually

POLICY = """
projects:
  - {name: research, userLimits: {runningJobs: 3}}
  - {name: product, quotas: {any: {guaranteed: 4, borrowLimit: 2}}}
priorities:
  - {name: urgent, value: 100}
  - {name: calm, value: 100, preempts: false}
"""
# Says that it was asked, then ends.
POLITE = "trap 'echo saved; exit 0' TERM; echo began; while :; do sleep 0.05; done"


class Sharing(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(nodes=4, devices=2)
        self.addCleanup(self.fleet.stop)
        path = os.path.join(self.fleet.folder, "policy.yaml")
        with open(path, "w") as file:
            file.write(POLICY)
        self.fleet.muster("apply", "-f", path)

    def submit(self, project, nodes, command=POLITE, **fields):
        return self.fleet.submit(["sh", "-c", command], nodes=nodes, devices=2, project=project, **fields)

    def kinds(self, job):
        return [cause["kind"] for cause in self.fleet.json("why", job)["causes"]]

    def test_guarantee(self):
        """What is guaranteed is taken back, at a checkpoint; who gave way goes on when it can."""
        borrower = self.submit("research", 4)
        self.fleet.wait_state(borrower, "running")
        owner = self.submit("product", 2, "sleep 3")
        self.fleet.wait_state(owner, "running", "completed")
        lines = self.fleet.muster("events", borrower, "--json").stdout.splitlines()
        events = [json.loads(line) for line in lines if line]
        given = [event for event in events if event["kind"] == "attemptPreempted"]
        self.assertEqual([event["by"] for event in given], [str(owner)])
        self.assertEqual(self.fleet.end(owner)["state"], "completed")
        again = self.fleet.wait_state(borrower, "running")
        self.assertEqual(again["attempt"], 2)
        self.assertIn("saved", self.fleet.muster("logs", borrower, "--attempt", 1).stdout)
        self.fleet.muster("cancel", borrower)
        self.fleet.end(borrower)

    def test_priority(self):
        """A higher priority stops no more than it needs; one that does not preempt waits."""
        low = [self.submit("other", 1) for _ in range(4)]
        for job in low:
            self.fleet.wait_state(job, "running")
        calm = self.submit("other", 1, priority="calm")
        eventually("the calm job says what it waits for", lambda: self.kinds(calm) == ["nodesBusy"])
        urgent = self.submit("other", 1, "sleep 1", priority="urgent")
        self.assertEqual(self.fleet.end(urgent)["state"], "completed")
        attempts = sorted(self.fleet.job(job)["attempt"] for job in low)
        self.assertEqual(attempts.count(1) >= 3, True, attempts)
        for job in low + [calm]:
            self.fleet.muster("cancel", job)

    def test_alone(self):
        """Who is to be alone on a node has it when all who share it have gone, and nobody else comes meanwhile."""
        others = [self.submit("other", 1, priority="urgent") for _ in range(3)]
        for job in others:
            self.fleet.wait_state(job, "running")
        shared = [
            self.fleet.submit(["sh", "-c", POLITE], devices=1, project="other") for _ in range(2)]
        for job in shared:
            self.fleet.wait_state(job, "running")
        nodes = {self.fleet.job(job)["ranks"][0]["node"] for job in shared}
        self.assertEqual(len(nodes), 1)
        alone = self.fleet.submit(
            ["sh", "-c", POLITE], devices=1, project="other", priority="urgent", exclusive=True)
        self.fleet.wait_state(alone, "running")
        self.assertEqual({self.fleet.job(alone)["ranks"][0]["node"]}, nodes)
        for job in shared:
            self.assertEqual(self.fleet.job(job)["state"], "pending")
            self.assertIn("saved", self.fleet.muster("logs", job, "--attempt", 1).stdout)
        self.fleet.muster("cancel", alone)
        for job in shared:
            self.fleet.wait_state(job, "running")
        for job in others + shared:
            self.fleet.muster("cancel", job)

    def test_limits(self):
        """More than a project may ever use is refused; more than a user may run at a time waits."""
        refused = self.fleet.muster(
            "run", "--project", "product", "--nodes", 4, "--devices", 2, "--", "true", check=False)
        self.assertEqual(refused.returncode, 5)
        self.assertIn("project product may use 6 devices (4 guaranteed, 2 borrowed)", refused.stderr)
        jobs = [self.submit("research", 1) for _ in range(4)]
        for job in jobs[:3]:
            self.fleet.wait_state(job, "running")
        eventually("the fourth job says whose limit it is", lambda: self.kinds(jobs[3]) == ["quota"])
        row = next(row for row in self.fleet.json("jobs", "--pending") if row["id"] == jobs[3])
        self.assertIn("may run 3 jobs at the same time", row["causes"][0]["message"])
        self.fleet.muster("cancel", jobs[0])
        self.fleet.wait_state(jobs[3], "running")
        for job in jobs[1:]:
            self.fleet.muster("cancel", job)


if __name__ == "__main__":
    unittest.main()
