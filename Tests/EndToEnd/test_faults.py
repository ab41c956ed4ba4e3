"""Each fault on real processes: what was seen, what was blamed, what became of the job."""

import os
import signal
import unittest

from fleet import FAULTS, PYTHON, Fleet, alive, eventually, parent

HANG = os.path.join(FAULTS, "hang.py")


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(nodes=4)

    @classmethod
    def tearDownClass(cls):
        cls.fleet.stop()

    def setUp(self):
        self.fleet.ready_again()

    def nodes_ready(self):
        return all(node["state"] == "ready" for node in self.fleet.json("nodes"))

    def test_exit_code(self):
        """A rank that exits non-zero restarts on the same nodes; after the limit the job fails and no node is blamed."""
        job = self.fleet.submit(["sh", "-c", "exit 7"], nodes=2, restart={"limit": 2})
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"], ended["exitCode"]), ("failed", 3, 7))
        self.assertEqual({fault["component"] for fault in self.fleet.faults(job)}, {"rank"})
        self.assertTrue(self.nodes_ready())

    def test_own_bug(self):
        """A job that fails at the same step wherever it runs is its own fault."""
        job = self.fleet.steps("--steps", 50, "--step-seconds", 0.02, "--fail-at-step", 6, nodes=2, restart={"limit": 1})
        ended = self.fleet.end(job)
        self.assertEqual(ended["state"], "failed")
        self.assertIn("no new step", ended["reason"])
        self.assertTrue(self.nodes_ready())

    def test_own_bugs_of_many_jobs(self):
        """Jobs that fail by their own doing, one after the other on the same node, blame no node: its peers have served too
        little to compare. (A fleet of its own: after other tests they have served enough.)"""
        fleet = Fleet(nodes=4)
        self.addCleanup(fleet.stop)
        for _ in range(6):
            job = fleet.submit(["sh", "-c", "muster notify STEP=1; [ $MUSTER_ATTEMPT = 1 ] && exit 9; exit 0"],
                               restart={"limit": 1})
            self.assertEqual(fleet.end(job)["attempt"], 2)
            fleet.end(fleet.submit(["sh", "-c", "exit 3"], restart={"limit": 0}))
        self.assertEqual([node["reason"] for node in fleet.json("nodes") if node["state"] != "ready"], [])

    def test_frozen_node(self):
        """Agent, shim and ranks of a node that are frozen at once: the node is silent, not its shim dead."""
        job = self.fleet.steps("--steps", 600, "--step-seconds", 0.1, "--checkpoint-every", 5, nodes=3, devices=1)
        victim = self.fleet.wait_step(job, 12)["ranks"][1]
        pids = (self.fleet.node(victim["node"])["pid"], parent(victim["pid"]), victim["pid"])
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            fault = eventually("a verdict", lambda: self.fleet.faults(job), 10)[0]
            self.assertEqual((fault["cause"], fault["component"], fault["node"], fault["action"]),
                             ("nodeSilent", "node", victim["node"], "replaceNode"))
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        self.fleet.muster("cancel", job)
        self.fleet.end(job)

    def test_logs_of_earlier_attempts(self):
        """What a failed attempt said last is shown by run, and stays readable when the next one has started."""
        # Rank 0 speaks last, just before it ends; rank 1 has spoken when it is stopped for it.
        script = ("said() { echo attempt $MUSTER_ATTEMPT failed; }; "
                  "if [ $RANK = 1 ]; then said; exec sleep 60; fi; sleep 0.5; said; exit 4")
        done = self.fleet.muster("run", "--nodes", 2, "--", "sh", "-c", script, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertNotIn("trying again", done.stderr)
        for attempt in range(1, 5):
            self.assertIn(f"attempt {attempt} failed", done.stdout)
        job = max(job["id"] for job in self.fleet.json("jobs"))
        self.assertEqual(self.fleet.muster("logs", job, "--attempt", 1, "--rank", 1).stdout, "attempt 1 failed\n")

    def test_stopped_before_its_steps_are_learned(self):
        """A stopped rank is certain: nothing has to be learned of the job's steps first."""
        job = self.fleet.steps("--steps", 600, "--step-seconds", 0.2, nodes=2, devices=1, restart={"limit": 0})
        rank = self.fleet.wait_step(job, 1)["ranks"][1]
        os.kill(rank["pid"], signal.SIGSTOP)
        fault = eventually("a verdict", lambda: self.fleet.faults(job), 15)[0]
        self.assertEqual((fault["cause"], fault["rank"]), ("hangStopped", 1))
        self.fleet.end(job)

    def test_signal(self):
        """A rank killed by a signal: the gang restarts on the same nodes from its checkpoint."""
        job = self.fleet.steps("--steps", 40, "--step-seconds", 0.1, "--checkpoint-every", 5, nodes=3, devices=1)
        before = self.fleet.wait_step(job, 12)
        os.kill(before["ranks"][1]["pid"], signal.SIGKILL)
        ended = self.fleet.end(job)
        fault = self.fleet.faults(job)[0]
        self.assertEqual((ended["state"], ended["attempt"], ended["nodes"]), ("completed", 2, before["nodes"]))
        self.assertEqual((fault["cause"], fault["rank"], fault["action"]), ("signal", 1, "restartOnSameNodes"))
        self.assertGreaterEqual(ended["resumeStep"], 10)

    def test_cannot_execute(self):
        """A command that cannot be executed fails the job at once and names the path."""
        job = self.fleet.submit(["/no/such/program"])
        ended = self.fleet.end(job, 10)
        self.assertEqual((ended["state"], ended["attempt"], ended["exitCode"]), ("failed", 1, 127))
        self.assertIn("/no/such/program", ended["reason"])
        path = os.path.join(self.fleet.folder, "plain.txt")
        with open(path, "w") as file:
            file.write("not a program")
        ended = self.fleet.end(self.fleet.submit([path]), 10)
        self.assertEqual((ended["state"], ended["exitCode"]), ("failed", 126))
        self.assertIn(path, ended["reason"])

    def test_missing_directory(self):
        """A working directory that is missing on a node fails the job and names both."""
        job = self.fleet.submit(["true"], workingDirectory="/no/such/folder")
        ended = self.fleet.end(job, 10)
        self.assertEqual(ended["state"], "failed")
        self.assertIn("/no/such/folder", ended["reason"])
        self.assertIn("node-", ended["reason"])

    def test_node_killed(self):
        """A lost node is isolated and replaced; the others keep their places; resume brings it back."""
        job = self.fleet.steps("--steps", 60, "--step-seconds", 0.1, "--checkpoint-every", 5, nodes=3, devices=1)
        before = self.fleet.wait_step(job, 12)
        victim = before["ranks"][1]
        pids = (self.fleet.node(victim["node"])["pid"], parent(victim["pid"]), victim["pid"])
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        after = eventually("attempt 2 runs", lambda: (lambda j: j if j["attempt"] == 2 and j["state"] == "running" else None)(self.fleet.job(job)), 10)
        self.assertEqual((after["nodes"][0], after["nodes"][2]), (before["nodes"][0], before["nodes"][2]))
        self.assertNotEqual(after["nodes"][1], victim["node"])
        node = self.fleet.node(victim["node"])
        self.assertEqual(node["state"], "isolated")
        self.assertIn("died", node["reason"])
        self.assertEqual(self.fleet.end(job)["state"], "completed")
        fault = self.fleet.faults(job)[0]
        self.assertEqual((fault["component"], fault["node"], fault["confidence"]), ("node", victim["node"], "certain"))
        self.fleet.muster("resume", victim["node"])
        eventually("it is back", lambda: (lambda n: n["state"] == "ready" and n["connected"])(self.fleet.node(victim["node"])))

    def test_agent_killed(self):
        """An agent that dies and comes back leaves its job untouched, and no exit code is lost meanwhile."""
        job = self.fleet.steps("--steps", 40, "--step-seconds", 0.1, nodes=2, devices=1)
        before = self.fleet.wait_step(job, 5)
        name = before["nodes"][0]
        agent = self.fleet.node(name)["pid"]
        os.kill(agent, signal.SIGKILL)
        eventually("another agent is there", lambda: (lambda n: n["connected"] and n["pid"] not in (None, agent))(self.fleet.node(name)))
        after = self.fleet.job(job)
        self.assertEqual([rank["pid"] for rank in after["ranks"]], [rank["pid"] for rank in before["ranks"]])
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 1))

    def test_shim_killed(self):
        """A killed shim takes all its descendants with it; the job restarts on the same nodes."""
        mark = os.path.join(self.fleet.folder, "orphan")
        script = f"setsid sh -c 'trap \"\" TERM; echo $$ > {mark}; exec sleep 600' & exec sleep 600"
        job = self.fleet.submit(["sh", "-c", script], nodes=2, devices=1)
        before = self.fleet.wait_state(job, "running")
        eventually("the orphan runs", lambda: os.path.exists(mark) and os.path.getsize(mark) > 0)
        shim = parent(before["ranks"][0]["pid"])
        inner = self.descendants(shim)
        self.assertGreaterEqual(len(inner), 2)
        os.kill(shim, signal.SIGKILL)
        eventually("nothing of it is left", lambda: not any(alive(pid) for pid in inner), 5)
        after = eventually("attempt 2 runs", lambda: (lambda j: j if j["attempt"] == 2 and j["state"] == "running" else None)(self.fleet.job(job)), 10)
        self.assertEqual(after["nodes"], before["nodes"])
        self.assertEqual(self.fleet.faults(job)[0]["component"], "shim")
        self.fleet.muster("cancel", job)
        self.fleet.end(job)

    def descendants(self, pid):
        found = []
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                children = [int(word) for word in file.read().split()]
        except FileNotFoundError:
            return []
        for child in children:
            found += [child] + self.descendants(child)
        return found

    def test_out_of_memory(self):
        """Out of memory is told apart from any other kill."""
        job = self.fleet.submit(
            [PYTHON, os.path.join(FAULTS, "oom.py"), "--megabytes", "400", "--once"], gang={"memory": "64MiB"})
        ended = self.fleet.end(job)
        faults = self.fleet.faults(job)
        if not faults or faults[0]["cause"] != "outOfMemory":
            log = self.fleet.muster("logs", job, check=False).stdout
            self.skipTest(f"no memory cgroup may be made here: {faults} {log[-200:]}")
        self.assertTrue(any("oom_kill" in line or "kernel log" in line for line in faults[0]["evidence"]))
        self.assertIn(ended["state"], ("completed", "failed"))

    def hang(self, form):
        job = self.fleet.submit(
            [PYTHON, HANG, "--steps", "40", "--step-seconds", "0.2", "--form", form, "--hang-rank", "2", "--hang-at-step", "8"],
            nodes=4, devices=1)
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 2))
        fault = self.fleet.faults(job)[0]
        self.assertLess(fault["detectedAfterSeconds"], 5)
        self.assertTrue(self.nodes_ready())
        return fault

    def test_hang_busy(self):
        """A rank in a busy loop is found and named."""
        fault = self.hang("busy")
        self.assertEqual((fault["cause"], fault["rank"]), ("hangBusy", 2))

    def test_hang_blocked_read(self):
        """A rank in a blocked read is found and named."""
        fault = self.hang("read")
        self.assertEqual((fault["cause"], fault["rank"]), ("hangBlocked", 2))

    def test_hang_busy_alone(self):
        """A job's only rank in a busy loop is found and named, too."""
        job = self.fleet.submit(
            [PYTHON, HANG, "--steps", "30", "--step-seconds", "0.2", "--form", "busy", "--hang-rank", "0", "--hang-at-step", "8"])
        self.assertEqual((self.fleet.end(job)["state"], self.fleet.job(job)["attempt"]), ("completed", 2))
        fault = self.fleet.faults(job)[0]
        self.assertEqual((fault["cause"], fault["rank"]), ("hangBusy", 0))
        self.assertLess(fault["detectedAfterSeconds"], 5)

    def test_hang_under_a_launcher(self):
        """A rank that is a shell which waits for the program: what the program does is what is seen."""
        command = f"{PYTHON} {HANG} --steps 40 --step-seconds 0.2 --form read --hang-rank 2 --hang-at-step 8; exit $?"
        job = self.fleet.submit(["sh", "-c", command], nodes=4, devices=1)
        self.assertEqual(self.fleet.end(job)["attempt"], 2)
        fault = self.fleet.faults(job)[0]
        self.assertEqual((fault["cause"], fault["rank"]), ("hangBlocked", 2))

    def test_hang_in_collective(self):
        """All wait in a collective that one never joined: unknown, and no node is blamed."""
        fault = self.hang("collective")
        self.assertEqual((fault["cause"], fault["node"]), ("hangUnknown", None))

    def test_hang_stopped(self):
        """A stopped rank is found and named, for certain."""
        job = self.fleet.submit(
            [PYTHON, HANG, "--steps", "60", "--step-seconds", "0.2", "--form", "none"], nodes=4, devices=1)
        self.fleet.wait_step(job, 6)
        self.fleet.muster("inject", "stop-rank", "--job", job, "--rank", 3)
        eventually("the fault is found", lambda: self.fleet.faults(job), 10)
        fault = self.fleet.faults(job)[0]
        self.assertEqual((fault["cause"], fault["rank"], fault["confidence"]), ("hangStopped", 3, "certain"))
        self.assertLess(fault["detectedAfterSeconds"], 5)
        self.fleet.muster("cancel", job)
        self.fleet.end(job)

    def test_evaluation_is_no_hang(self):
        """A slow start and a long evaluation, said with STATUS, are never taken for a hang."""
        job = self.fleet.steps(
            "--steps", 30, "--step-seconds", 0.1, "--evaluate-every", 10, "--evaluate-seconds", 5, "--start-seconds", 6,
            nodes=2, devices=1)
        ended = self.fleet.end(job, 90)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 1))


if __name__ == "__main__":
    unittest.main()
