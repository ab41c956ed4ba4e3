"""What people type and what clients read."""

import json
import os
import unittest

from fleet import MUSTER, Fleet, eventually


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(nodes=4)

    @classmethod
    def tearDownClass(cls):
        cls.fleet.stop()

    def test_fields(self):
        """JSON has the fields that were promised."""
        job = self.fleet.steps("--steps", 10, "--step-seconds", 0.05, "--checkpoint-every", 5, nodes=2, devices=1)
        self.fleet.end(job)
        row = next(row for row in self.fleet.json("jobs", "--all") if row["id"] == job)
        for name in "id name project state attempt nodes step checkpointStep submittedAt startedAt endedAt reason".split():
            self.assertIn(name, row)
        detail = self.fleet.job(job)
        for name in "role rank node pid state".split():
            self.assertIn(name, detail["ranks"][0])
        for name in "name state devices free reason".split():
            self.assertIn(name, self.fleet.json("nodes")[0])
        report = self.fleet.json("report", job)
        for name in "wallSeconds productiveSeconds goodput attempts faults".split():
            self.assertIn(name, report)
        self.assertGreater(report["goodput"], 0)

    def test_run(self):
        """`run` shows the logs and exits as the job does."""
        done = self.fleet.muster("run", "--nodes", 2, "--", "sh", "-c", "echo hello from $RANK of $WORLD_SIZE")
        self.assertIn("hello from 0 of 2", done.stdout)
        self.assertIn("hello from 1 of 2", done.stdout)
        done = self.fleet.muster("run", "--", "sh", "-c", "kill -9 $$", check=False)
        self.assertEqual(done.returncode, 137)

    def test_environment(self):
        """Ranks get a clean base, what launchers read, and never a token or a stray descriptor."""
        job = self.fleet.submit(
            ["sh", "-c", "env | sort; ls /proc/self/fd | wc -l; pwd"], nodes=2, devices=2, environment={"MINE": "yes"})
        self.fleet.end(job)
        text = self.fleet.muster("logs", job, "--rank", 3).stdout
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        for name, value in {
            "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "NODE_RANK": "1",
            "SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_LOCALID": "1", "MINE": "yes",
            "CUDA_VISIBLE_DEVICES": "0,1", "MUSTER_ATTEMPT": "1", "MUSTER_JOB_ID": str(job), "LANG": "C.UTF-8",
        }.items():
            self.assertEqual(lines.get(name), value, name)
        self.assertTrue(lines["MASTER_PORT"].isdigit())
        with open(os.path.join(self.fleet.data, "token")) as file:
            self.assertNotIn(file.read().strip(), text)
        self.assertNotIn("TOKEN", text)
        self.assertIn("\n4\n", text)  # 0, 1, 2, and the folder that ls itself reads
        self.assertIn(self.fleet.folder, text)

    def test_cancel(self):
        """Cancel asks with TERM, then kills after the grace."""
        job = self.fleet.submit(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], stop={"grace": "1s"})
        rank = self.fleet.wait_state(job, "running")["ranks"][0]
        self.fleet.muster("cancel", job)
        self.assertEqual(self.fleet.end(job, 10)["state"], "cancelled")
        self.assertFalse(os.path.exists(f"/proc/{rank['pid']}"))
        self.assertEqual(self.fleet.muster("cancel", job, check=False).returncode, 5)
        self.assertEqual(self.fleet.muster("wait", job, check=False).returncode, 1)

    def test_walltime(self):
        """A job that runs longer than its walltime is timedOut."""
        job = self.fleet.submit(["sleep", "60"], walltime="1s", stop={"grace": "1s"})
        self.assertEqual(self.fleet.end(job, 15)["state"], "timedOut")

    def write(self, name, text):
        path = os.path.join(self.fleet.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_array(self):
        """One file becomes as many jobs as it has indices; each is told its own, and is named by it."""
        path = self.write("array.yaml", "command: [sh, -c, 'env | grep ARRAY_ | sort']\narray: 3-9:3\n")
        done = self.fleet.json("submit", path, "--idempotency-key", "array")
        self.assertEqual(done["tasks"], 3)
        self.assertEqual(self.fleet.json("submit", path, "--idempotency-key", "array"), done)
        array = done["id"]
        self.fleet.muster("wait", array)
        task = f"{array}_6"
        self.assertEqual(self.fleet.json("job", task)["id"], array + 1)
        self.assertEqual(
            self.fleet.muster("logs", task).stdout,
            f"MUSTER_ARRAY_ID={array}\nMUSTER_ARRAY_INDEX=6\nSLURM_ARRAY_JOB_ID={array}\nSLURM_ARRAY_TASK_COUNT=3\n"
            "SLURM_ARRAY_TASK_ID=6\n")
        self.assertIn(task, self.fleet.muster("jobs", "--all").stdout)
        self.assertEqual(self.fleet.muster("why", f"{array}_7", check=False).returncode, 3)
        done = self.fleet.json("submit", self.write("two.yaml", "command: [sleep, '60']\n"), "--array", "0-1")
        self.fleet.muster("cancel", done["id"])
        for index in range(2):
            self.assertEqual(self.fleet.end(f"{done['id']}_{index}")["state"], "cancelled")

    def test_hold(self):
        """A job that waits is held and released; one that runs is not."""
        waits = self.fleet.submit(["true"], begin="now+1h")
        self.assertIn("is held", self.fleet.muster("hold", waits).stdout)
        self.fleet.muster("hold", waits)
        self.fleet.muster("release", waits)
        self.fleet.muster("cancel", waits)
        job = self.fleet.submit(["sleep", "60"])
        self.fleet.wait_state(job, "running")
        done = self.fleet.muster("hold", job, check=False)
        self.assertEqual(done.returncode, 5)
        self.assertIn("running", done.stderr)
        self.fleet.muster("cancel", job)

    def test_policy(self):
        """What is declared counts for jobs, is kept over other files, and shows in the quota."""
        path = self.write("policy.yaml", "projects: [{name: vision, quotas: {any: 2}}]\n---\n"
                          "priorities: [{name: urgent, value: 50}]\n")
        self.assertIn("+ project vision: any guaranteed 2", self.fleet.muster("apply", "-f", path, "--dry-run").stdout)
        self.assertEqual(self.fleet.request("GET", "/v1/policy")[1]["projects"], [])
        self.fleet.muster("apply", "-f", path)
        self.assertIn("Nothing changes", self.fleet.muster("apply", "-f", path).stdout)
        whole = self.fleet.muster("policy").stdout
        self.assertIn("Nothing changes", self.fleet.muster("apply", "-f", "-", stdin=whole).stdout)
        job = self.fleet.submit(["sleep", "60"], devices=3, project="vision", priority="urgent")
        self.assertEqual(self.fleet.wait_state(job, "running")["priority"], 50)
        row = self.fleet.json("quota")["projects"][0]
        self.assertEqual((row["name"], row["devices"][0]["used"], row["devices"][0]["borrowed"]), ("vision", 3, 1))
        self.assertIn("vision", self.fleet.muster("quota").stdout)
        done = self.fleet.muster("run", "--priority", "high", "--", "true", check=False)
        self.assertEqual(done.returncode, 5)
        self.assertIn("urgent", done.stderr)
        self.fleet.muster("cancel", job)
        self.fleet.muster("apply", "-f", "-", stdin="projects: []")
        policy = self.fleet.request("GET", "/v1/policy")[1]
        self.assertEqual((policy["projects"], len(policy["priorities"])), ([], 1))

    def test_maintenance(self):
        """A maintenance is planned, listed and removed."""
        done = self.fleet.json("maintenance", "add", "--from", "now+1h", "--for", "2h", "--nodes", "node-[3-4]")
        self.assertEqual((done["state"], done["nodes"]), ("planned", "node-[3-4]"))
        self.assertIn("node-[3-4]", self.fleet.muster("maintenance", "list").stdout)
        self.fleet.muster("maintenance", "remove", done["id"])
        self.assertEqual(self.fleet.json("maintenance", "list"), [])
        add = lambda *arguments: self.fleet.muster("maintenance", "add", *arguments, check=False)
        self.assertEqual(add("--from", "2020-01-01T00:00:00Z", "--for", "2h", "--nodes", "node-3").returncode, 5)
        unknown = add("--for", "2h", "--nodes", "node-99")
        self.assertEqual(unknown.returncode, 3)
        self.assertIn("node-99", unknown.stderr)

    def test_exit_codes(self):
        """2 usage, 3 not found, 4 unreachable, 5 refused, 124 the command's own timeout."""
        code = lambda *arguments, **options: self.fleet.muster(*arguments, check=False, **options).returncode
        self.assertEqual(code("job"), 2)
        self.assertEqual(code("nonsense"), 2)
        self.assertEqual(code("job", 99999), 3)
        self.assertEqual(code("node", "nobody"), 3)
        self.assertEqual(code("jobs", environment={"MUSTER_ADDR": "http://127.0.0.1:1", "MUSTER_TOKEN": "x"}), 4)
        job = self.fleet.submit(["sleep", "30"])
        self.assertEqual(code("wait", job, "--timeout", "0.3"), 124)
        self.fleet.muster("cancel", job)

    def test_errors_of_a_file(self):
        """All problems of a file are told together, each with line, field and value."""
        path = os.path.join(self.fleet.folder, "bad.yaml")
        with open(path, "w") as file:
            file.write("name: x\ngang: {nodes: 0, devicesPerNode: many}\ncomand: [a]\nwalltime: 90\n")
        done = self.fleet.muster("submit", path, check=False)
        self.assertEqual(done.returncode, 2)
        for word in ("gang.nodes", "gang.devicesPerNode", "comand", "walltime", "command"):
            self.assertIn(word, done.stderr)

    def test_token(self):
        """Nobody is anonymous."""
        self.assertEqual(self.fleet.request("GET", "/v1/jobs", token="")[0], 401)
        self.assertEqual(self.fleet.request("POST", "/v1/jobs", {"command": ["true"]}, token="wrong")[0], 401)
        self.assertEqual(self.fleet.request("POST", "/v1/join", {}, token="")[0], 401)
        self.assertEqual(os.stat(os.path.join(self.fleet.data, "token")).st_mode & 0o777, 0o600)

    def test_idempotency_and_many(self):
        """The same key is the same submission; many jobs go in one request, all or none."""
        job = {"command": ["true"], "user": "u", "workingDirectory": "/"}
        first = self.fleet.request("POST", "/v1/jobs", [job] * 3, headers={"Idempotency-Key": "abc"})
        again = self.fleet.request("POST", "/v1/jobs", [job] * 3, headers={"Idempotency-Key": "abc"})
        self.assertEqual(first, again)
        self.assertEqual(len({entry["id"] for entry in first[1]}), 3)
        other = self.fleet.request("POST", "/v1/jobs", [job] * 2, headers={"Idempotency-Key": "abc"})
        self.assertEqual(other[0], 409)
        status, answer = self.fleet.request("POST", "/v1/jobs", [job, {"command": "not a list"}])
        self.assertEqual(status, 400)
        self.assertEqual(answer["error"]["problems"][0]["index"], 1)

    def test_drain(self):
        """A drained node takes nothing new; resume puts it back."""
        name = self.fleet.json("nodes")[0]["name"]
        self.fleet.muster("drain", name, "--reason", "fan")
        self.assertEqual(self.fleet.node(name)["state"], "drained")
        job = self.fleet.submit(["true"], nodes=4)
        self.assertIn("free now: 3", self.fleet.json("why", job)["causes"][0]["message"])
        self.fleet.muster("resume", name)
        self.assertEqual(self.fleet.end(job)["state"], "completed")

    def test_why(self):
        """A job that waits for nodes says for how many, and how many there are."""
        first = self.fleet.submit(["sleep", "60"], nodes=3, devices=8, walltime="1h")
        job = self.fleet.submit(["true"], nodes=2, devices=4, walltime="1h")
        why = eventually("a round has looked at it", lambda: self.looked_at(job))
        self.assertEqual((why["state"], why["causes"][0]["kind"]), ("pending", "nodesBusy"))
        self.assertIn("needs 2 nodes", why["causes"][0]["message"])
        ends = [change for change in why["wouldStartNow"] if change["kind"] == "jobsEnd"]
        self.assertEqual([change["jobs"] for change in ends], [[first]])
        self.assertIn(f"It would start when job {first} ends", self.fleet.muster("why", job).stdout)
        queue = self.fleet.json("jobs", "--pending")
        self.assertEqual([row["id"] for row in queue], [job])
        for name in ("causes", "startEstimate", "wouldStartNow"):
            self.assertEqual(queue[0][name], why[name])
        self.assertIn(" 2x4 ", self.fleet.muster("jobs", "--pending").stdout)
        self.fleet.muster("cancel", job, first)

    def test_impossible(self):
        """What the fleet could never run is refused at once, with the numbers, also while its nodes are drained."""
        self.fleet.muster("drain", "node-1", "--reason", "fan")
        busy = self.fleet.submit(["true"], nodes=4, devices=8)
        self.fleet.muster("cancel", busy)
        self.fleet.muster("resume", "node-1")
        before = len(self.fleet.json("jobs", "--all"))
        for gang, numbers in [
            ("{nodes: 9}", "needs 9 nodes; the fleet has 4"),
            ("{nodes: 5, devicesPerNode: 8}", "needs 5 nodes of 8 devices; the fleet has 4 such nodes, busy or not"),
            ("{nodes: 2, devicesPerNode: 9}", "the most devices that a node has is 8"),
        ]:
            path = self.write("impossible.yaml", f"name: big\ncommand: ['true']\ngang: {gang}\n")
            done = self.fleet.muster("submit", path, check=False)
            self.assertEqual(done.returncode, 5)
            self.assertIn('job "big" can never run on this fleet', done.stderr)
            self.assertIn(numbers, done.stderr)
            self.assertIn("muster topology", done.stderr)
            done = self.fleet.muster("submit", path, "--json", check=False)
            self.assertEqual(done.returncode, 5)
            error = json.loads(done.stderr)["error"]
            self.assertEqual(error["code"], "impossible")
            self.assertIn(numbers, error["message"])
        done = self.fleet.muster("run", "--nodes", "9", "--", "true", check=False)
        self.assertEqual(done.returncode, 5)
        self.assertEqual(len(self.fleet.json("jobs", "--all")), before)

    def looked_at(self, job):
        why = self.fleet.json("why", job)
        return why if why["causes"] and why["causes"][0]["kind"] != "planning" else None

    def test_logs_limit(self):
        """A log over its limit keeps its beginning and its end."""
        script = "echo the-beginning; i=0; while [ $i -lt 60 ]; do head -c 20000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); sleep 0.05; done; echo the-end; sleep 1"
        job = self.fleet.submit(["sh", "-c", script], logs={"limit": "128KiB"})
        self.fleet.end(job)
        text = self.fleet.muster("logs", job, "--rank", 0).stdout
        self.assertTrue(text.startswith("the-beginning"))
        self.assertIn("bytes dropped", text)
        self.assertIn("the-end", text)
        self.assertLess(len(text), 400_000)

    def test_notify(self):
        """A shell says its steps with `muster notify`."""
        job = self.fleet.submit(["sh", "-c", f"for i in 1 2 3; do {MUSTER} notify STEP=$i LOSS=0.5; done; {MUSTER} notify CHECKPOINT=3"])
        ended = self.fleet.end(job)
        self.assertEqual((ended["step"], ended["checkpointStep"]), (3, 3))

    def test_events_resume(self):
        """A client that names the last event it saw gets the rest."""
        job = self.fleet.submit(["true"])
        self.fleet.end(job)
        lines = [json.loads(line) for line in self.fleet.muster("events", job, "--json").stdout.splitlines() if line]
        self.assertEqual(lines[0]["kind"], "jobSubmitted")
        self.assertEqual(lines[-1]["kind"], "jobEnded")
        numbers = [line["sequence"] for line in lines]
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_pending_job_starts_when_there_is_room(self):
        """A job that waits for devices starts when they are free."""
        first = self.fleet.submit(["sleep", "1"], nodes=4, devices=8)
        second = self.fleet.submit(["true"], nodes=4, devices=8)
        self.assertEqual(self.fleet.job(second)["state"], "pending")
        self.assertEqual(self.fleet.end(first)["state"], "completed")
        self.assertEqual(self.fleet.end(second)["state"], "completed")
        eventually("all devices are free", lambda: all(n["free"] == 8 for n in self.fleet.json("nodes")))


class Labels(unittest.TestCase):
    def test_labels(self):
        """What an agent says of its node is shown; said anew, it is changed."""
        fleet = Fleet(nodes=1, extra=["--label", "rack=r17", "--label", "ib=hdr", "--device-type", "H100"])
        try:
            node = fleet.json("node", "node-1")
            self.assertEqual((node["labels"], node["deviceType"]), ({"ib": "hdr", "rack": "r17"}, "H100"))
            self.assertIn("ib=hdr rack=r17", fleet.muster("node", "node-1").stdout)
        finally:
            fleet.stop()


if __name__ == "__main__":
    unittest.main()
