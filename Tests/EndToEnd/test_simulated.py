"""`muster up --simulate`: the real server over a pretend fleet, in faster time."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from fleet import MUSTER, Program, eventually

FLEET = "levels: [block, rack]\ncounts: [2, 2]\nnodesPerRack: 4\ndevicesPerNode: 8\ndeviceType: H100\n"


class Simulated(unittest.TestCase):
    """16 nodes; an hour takes 3.6 s."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")
        self.fleet = self.write("fleet.yaml", FLEET)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def up(self, *arguments):
        """Started, and up when it says so."""
        command = [MUSTER, "up", "--data", self.data, "--listen", "127.0.0.1:0", "--json", *map(str, arguments)]
        program = Program(command, os.path.join(self.folder, "up.log"))
        self.addCleanup(program.end)
        eventually("muster up says that it is up", lambda: self.is_up(program), 30)
        return program

    @staticmethod
    def is_up(program):
        if program.process.poll() is not None:
            raise AssertionError(f"it ended with {program.process.returncode}: {program.log()}")
        return '"address"' in program.log()

    def simulate(self, *arguments):
        return self.up("--simulate", self.fleet, "--speed", 1000, *arguments)

    def muster(self, *arguments, check=True):
        env = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
        env["MUSTER_DATA"] = self.data
        done = subprocess.run(
            [MUSTER, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=env, cwd=self.folder)
        if check and done.returncode != 0:
            raise AssertionError(f"muster {arguments}: exit {done.returncode}: {done.stderr}")
        return done

    def json(self, *arguments):
        return json.loads(self.muster(*arguments, "--json").stdout)

    def stop(self, program):
        program.process.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0, program.log())
        self.assertIn("Stopped", program.log())

    def test_life(self):
        """Jobs complete at speed; a person's commands work as on a real fleet; the journal stays a pretend one's."""
        program = self.simulate()
        self.assertEqual(json.loads(program.log().splitlines()[0])["nodes"], 16)
        eventually(
            "drawn jobs complete", lambda: [job for job in self.json("jobs") if job["state"] == "completed"], 30)
        self.assertEqual({node["state"] for node in self.json("nodes")}, {"ready"})
        self.assertIn("r4", self.muster("topology").stdout)
        self.assertIn("research", self.muster("quota").stdout)
        frame = self.json("top", "--order", "lost", "--limit", 3)
        self.assertEqual(sum(frame["devices"].values()), 128)
        self.assertEqual(sum(frame["gpuMilliseconds"].values()), frame["capacityGpuMilliseconds"])
        lost = [job["lostGpuMilliseconds"] for job in frame["top"]]
        self.assertLessEqual(len(lost), 3)
        self.assertEqual(lost, sorted(lost, reverse=True))
        self.assertIn("of 128 in use", self.muster("top").stdout)
        self.assertEqual(self.muster("top", "--minutes", "0", check=False).returncode, 2)

        job = self.json("submit", self.write("job.yaml", json.dumps({
            "name": "mine", "priority": 100, "gang": {"nodes": 2, "devicesPerNode": 8}, "command": ["sleep", "30m"],
            "checkpoint": {"every": 600}, "project": "mine", "workingDirectory": "/"})))["id"]
        self.assertEqual(self.muster("wait", job).returncode, 0)
        seen = self.json("job", job)
        self.assertEqual(seen["state"], "completed")
        self.assertGreaterEqual(seen["checkpointStep"], 1200)
        kinds = [event["kind"] for event in self.events(job)]
        for kind in ("jobSubmitted", "attemptStarted", "gangStarted", "stepsBegan", "checkpointCommitted", "jobEnded"):
            self.assertIn(kind, kinds)
        report = self.json("report", job)
        self.assertAlmostEqual(report["wallSeconds"], 1800, delta=120)
        self.assertGreater(report["goodput"], 0.8)
        logs = self.muster("logs", job, check=False)
        self.assertEqual(logs.returncode, 3)
        self.assertIn("has no logs: its ranks are pretended", logs.stderr)

        other = self.json("submit", self.write("long.yaml", json.dumps({
            "name": "long", "priority": 100, "command": ["sleep", "30d"], "workingDirectory": "/"})))["id"]
        self.assertTrue(self.json("why", other)["id"])
        self.muster("cancel", other)
        self.assertEqual(self.muster("wait", other, check=False).returncode, 1)
        self.muster("drain", "n01", "--reason", "new cables")
        self.assertIn(self.json("node", "n01")["state"], ("draining", "drained"))

        self.stop(program)
        for refused in ("up", "server"):
            real = subprocess.run(
                [MUSTER, refused, "--data", self.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                timeout=60)
            self.assertEqual(real.returncode, 5)
            self.assertIn("journal of a pretend fleet", real.stderr)
        # The same fleet goes on with it.
        program = self.simulate()
        self.assertIn(self.json("node", "n01")["state"], ("draining", "drained"))
        self.assertEqual(self.json("job", job)["state"], "completed")
        self.stop(program)

    def events(self, job):
        return [json.loads(line) for line in self.muster("events", job, "--json").stdout.splitlines()]

    def test_real_folder(self):
        """A real fleet's journal is not gone on with as a pretend one; nor one of another pretend fleet."""
        program = self.up("--nodes", 1)
        program.process.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0)
        refused = self.muster("up", "--simulate", self.fleet, "--listen", "127.0.0.1:0", check=False)
        self.assertEqual(refused.returncode, 5)
        self.assertIn("journal of a real fleet", refused.stderr)
        self.data = os.path.join(self.folder, "other")
        self.stop(self.simulate("--workload", "none"))
        self.fleet = self.write("fleet.yaml", "nodes: 4\ndevicesPerNode: 8\n")
        refused = self.muster("up", "--simulate", self.fleet, "--listen", "127.0.0.1:0", check=False)
        self.assertEqual(refused.returncode, 5)
        self.assertIn('the journal\'s node 1 is "n01"', refused.stderr)

    def test_workload(self):
        """A trace's rows run as they say, over and over; faults strike; a policy's projects hold."""
        trace = self.write(
            "jobs.csv", "submit_seconds,duration_seconds,devices,project,user\n0,3600,128,lab,ada\n0,600,8,lab,ada\n")
        policy = self.write("policy.yaml", json.dumps({
            "projects": [{"name": "lab", "quotas": {"any": 64}}]}))
        faults = self.write(
            "faults.yaml",
            "source: a test\nrepair: [10m, 20m]\nkinds:\n  - {cause: board, per: node, count: 1, days: 1}\n")
        program = self.simulate(
            "--workload", trace, "--apply", policy, "--faults", faults, "--checkpoint-every", "10m")
        eventually("the first row came again", lambda: self.rows("row-2") >= 2, 60)
        eventually("a node was repaired", lambda: "nodeReturned" in self.muster("events").stdout, 60)
        self.assertIn("lab", self.muster("quota").stdout)
        self.stop(program)

    def rows(self, name):
        return len([job for job in self.json("jobs") if job["name"] == name and job["state"] == "completed"])

    def test_usage(self):
        """What makes no sense is refused before anything is started."""
        for arguments, says in (
            (["--speed", 10], "only with --simulate"),
            (["--simulate", self.fleet, "--speed", 0], "from 1 to 1000"),
            (["--simulate", self.fleet, "--nodes", 3], "--nodes is for real nodes"),
            (["--simulate", self.write("bad.yaml", "nodes: 4\n")], "devicesPerNode"),
            (["--simulate", self.fleet, "--workload", self.write("no.csv", "a,b\n")], "submit_seconds"),
        ):
            done = self.muster("up", "--listen", "127.0.0.1:0", *arguments, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)
        self.assertFalse(os.path.exists(self.data))


if __name__ == "__main__":
    unittest.main()
