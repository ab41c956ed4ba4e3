"""Jobs of several roles: each its own gang, all started together or none."""

import json
import os
import signal
import unittest

from fleet import Fleet, eventually

JOB = """
name: rl
roles:
  trainer:
    nodes: 2
    devicesPerNode: 2
    ranksPerNode: 2
    command: [sh, -c, 'echo $MUSTER_ROLE $RANK/$WORLD_SIZE $NODE_RANK $SLURM_NNODES $CUDA_VISIBLE_DEVICES at $MASTER_PORT; %s']
  rollout:
    nodes: 2
    devicesPerNode: 1
    command: [sh, -c, 'echo $MUSTER_ROLE $RANK/$WORLD_SIZE $NODE_RANK $SLURM_NNODES $CUDA_VISIBLE_DEVICES at $MASTER_PORT; %s']
  evaluate:
    command: [sh, -c, 'echo $MUSTER_ROLE $RANK/$WORLD_SIZE $NODE_RANK $SLURM_NNODES at $MASTER_PORT; %s']
"""


class Roles(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(nodes=2, devices=4)
        self.addCleanup(self.fleet.stop)

    def submit(self, command, text=JOB, check=True):
        path = os.path.join(self.fleet.folder, "job.yaml")
        with open(path, "w") as file:
            file.write(text.replace("%s", command))
        return self.fleet.muster("submit", path, "--json", check=check)

    def number(self, answer):
        return json.loads(answer.stdout)["id"]

    def test_each_counts_for_itself(self):
        job = self.number(self.submit("true"))
        self.assertEqual(self.fleet.end(job)["state"], "completed")
        lines = self.fleet.muster("logs", job).stdout.splitlines()
        said = sorted(line.split("] ", 1)[1].rsplit(" at ", 1)[0] for line in lines)
        self.assertEqual(
            [" ".join(line.split()[:4]) for line in said],
            ["evaluate 0/1 0 1", "rollout 0/2 0 2", "rollout 1/2 1 2"]
            + ["trainer 0/4 0 2", "trainer 1/4 0 2", "trainer 2/4 1 2", "trainer 3/4 1 2"])
        ports = {(line.split("] ", 1)[1].split()[0], line.rsplit(" at ", 1)[1]) for line in lines}
        self.assertEqual(len(ports), 3, "each role meets at a port of its own")
        ranks = self.fleet.job(job)["ranks"]
        self.assertEqual([rank["rank"] for rank in ranks], list(range(7)))
        self.assertEqual(
            [(rank["role"], rank["roleRank"]) for rank in ranks],
            [("trainer", i) for i in range(4)] + [("rollout", 0), ("rollout", 1), ("evaluate", 0)])

    def test_a_fault_in_one_ends_all_and_all_begin_again(self):
        job = self.number(self.submit("sleep 300"))
        self.fleet.wait_state(job, "running")
        before = self.fleet.job(job)["ranks"]
        os.kill(before[-1]["pid"], signal.SIGKILL)
        eventually("the second attempt", lambda: self.fleet.job(job)["attempt"] == 2)
        self.fleet.wait_state(job, "running")
        after = self.fleet.job(job)["ranks"]
        self.assertEqual([rank["node"] for rank in after], [rank["node"] for rank in before])
        self.assertFalse({rank["pid"] for rank in after} & {rank["pid"] for rank in before})
        self.fleet.muster("cancel", job)
        self.fleet.end(job)

    def test_all_or_none(self):
        """One role fits, the other does not: nothing starts, and both are named."""
        first = self.number(self.submit("sleep 300"))
        self.fleet.wait_state(first, "running")
        second = self.number(self.submit("sleep 300"))
        why = self.fleet.json("why", second)
        self.assertEqual(why["state"], "pending")
        text = "\n".join(cause["message"] for cause in why["causes"])
        self.assertIn("role trainer: needs 2 nodes", text)
        queue = self.fleet.json("jobs", "--pending")
        self.assertEqual([row["id"] for row in queue], [second])
        self.fleet.muster("cancel", first)
        self.fleet.wait_state(second, "running")
        self.fleet.muster("cancel", second)
        refused = self.submit("true", JOB.replace("devicesPerNode: 1", "devicesPerNode: 3"), check=False)
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("needs 10 devices for its 3 roles together; the fleet has 8", refused.stderr)


    def test_others_give_way_to_all_of_its_roles(self):
        """Two roles with devices: the places of both are left for them, and they start when the last victim is gone."""
        stubborn = "trap 'echo asked' TERM; echo began; while :; do sleep 0.05; done"
        low = [
            self.fleet.submit(["sh", "-c", stubborn], nodes=2, devices=2, stop={"grace": "3s"}) for _ in range(2)]
        for job in low:
            self.fleet.wait_state(job, "running")
        high = self.number(self.submit("sleep 300", "priority: 10\n" + JOB))
        why = eventually(
            "others are leaving for it",
            lambda: (lambda why: why if why["causes"] and why["causes"][0]["kind"] == "preempting" else None)(
                self.fleet.json("why", high)))
        self.assertIn("takes the place of 2 jobs", why["causes"][0]["message"])
        self.fleet.wait_state(high, "running")
        roles = [rank["role"] for rank in self.fleet.job(high)["ranks"]]
        self.assertEqual(roles, ["trainer"] * 4 + ["rollout"] * 2 + ["evaluate"])
        for job in low:
            self.assertEqual(self.fleet.job(job)["state"], "pending")
        self.fleet.muster("cancel", high)
        for job in low:
            self.fleet.wait_state(job, "running")
            self.fleet.muster("cancel", job)


if __name__ == "__main__":
    unittest.main()
