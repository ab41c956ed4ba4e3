"""The controller killed, stopped, doubled: what was acknowledged stays, what runs goes on."""

import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from fleet import FAULTS, MUSTER, PYTHON, Fleet, alive, eventually, parent

HANG = os.path.join(FAULTS, "hang.py")

# A rank that writes down each warning, with its attempt.
WARNED = """
import os, signal, time

def warned(number, frame):
    with open(f"warned-{os.environ['RANK']}", "a") as file:
        file.write(os.environ["MUSTER_ATTEMPT"] + " ")

signal.signal(signal.SIGUSR1, warned)
while True:
    time.sleep(0.1)
"""


class Controller(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(nodes=3)

    def tearDown(self):
        self.fleet.stop()

    def kill(self):
        self.fleet.process.kill()
        self.fleet.process.wait()
        self.fleet.log.close()

    def test_killed_while_jobs_run(self):
        """Ranks never notice a killed controller; what happened meanwhile is not lost."""
        long = self.fleet.steps("--steps", 100, "--step-seconds", 0.1, nodes=2, devices=1)
        short = self.fleet.submit(["sh", "-c", "sleep 2; exit 5"], devices=1, restart={"limit": 0})
        before = self.fleet.wait_step(long, 3)
        exiting = self.fleet.wait_state(short, "running")["ranks"][0]["pid"]
        self.kill()
        pids = [rank["pid"] for rank in before["ranks"]]
        eventually("the short job's rank has ended", lambda: not alive(exiting), 10)
        self.assertTrue(all(alive(pid) for pid in pids))
        self.fleet.start()
        eventually("the same ranks are known again", lambda: [r["pid"] for r in self.fleet.job(long)["ranks"]] == pids)
        ended = self.fleet.end(short)
        self.assertEqual((ended["state"], ended["exitCode"], ended["attempt"]), ("failed", 5, 1))
        ended = self.fleet.end(long)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 1))
        report = self.fleet.json("report", long)
        self.assertGreater(report["goodput"], 0.7, report)

    def test_warned_over_a_restart(self):
        """`warn` reaches every rank in time and once, whatever the controller does meanwhile; then the walltime ends it."""
        script = os.path.join(self.fleet.folder, "warned.py")
        with open(script, "w") as file:
            file.write(WARNED)
        begin = time.time()
        job = self.fleet.submit([PYTHON, script], nodes=2, devices=1, walltime="9s", warn={"signal": "USR1", "before": "5s"},
                                stop={"grace": "1s"})
        self.fleet.wait_state(job, "running")

        def warned():
            found = []
            for path in glob.glob(os.path.join(self.fleet.folder, "warned-*")):
                with open(path) as file:
                    found.append(file.read().split())
            return found

        eventually("both are warned", lambda: len(warned()) == 2 and all(warned()), 10)
        self.assertGreater(time.time() - begin, 3.5)
        self.kill()
        self.fleet.start()
        eventually("the same ranks are known again", lambda: all(rank["pid"] for rank in self.fleet.job(job)["ranks"]))
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("timedOut", 1))
        self.assertEqual(warned(), [["1"], ["1"]])
        self.assertIsNotNone(ended["attempts"][0]["warnedAt"])
        lines = [json.loads(line) for line in self.fleet.muster("events", job, "--json").stdout.splitlines() if line]
        events = [line for line in lines if line["kind"] == "attemptWarned"]
        self.assertEqual([event["signal"] for event in events], ["USR1"])
        self.assertIn("signal USR1 to all ranks; its walltime ends at", events[0]["text"])

    def test_stopped_for_five_seconds(self):
        """A controller that did not run for 5 s ends no attempt."""
        job = self.fleet.steps("--steps", 100, "--step-seconds", 0.1, nodes=3, devices=1)
        self.fleet.wait_step(job, 3)
        os.kill(self.fleet.process.pid, signal.SIGSTOP)
        waiter = threading.Event()
        waiter.wait(5)
        os.kill(self.fleet.process.pid, signal.SIGCONT)
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 1))
        self.assertEqual(self.fleet.faults(job), [])
        self.assertTrue(all(node["state"] == "ready" for node in self.fleet.json("nodes")))

    def test_hang_found_after_a_restart(self):
        """A rank that hung before the controller was killed is found by the next one, by the steps that the shims saw."""
        job = self.fleet.submit(
            [PYTHON, HANG, "--steps", "40", "--step-seconds", "0.2", "--form", "read", "--hang-rank", "2", "--hang-at-step", "8"],
            nodes=3, devices=1)
        self.fleet.wait_step(job, 6)
        self.kill()
        self.fleet.start()
        fault = eventually("the fault is found", lambda: self.fleet.faults(job), 15)[0]
        self.assertEqual((fault["cause"], fault["rank"]), ("hangBlocked", 2))
        self.assertEqual(self.fleet.end(job)["state"], "completed")

    def test_cut_log_followed(self):
        """A log whose middle was dropped is followed over a controller's restart: nothing twice, no hole without its line."""
        script = "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); [ $((i % 1000)) = 0 ] && sleep 0.1; done"
        job = self.fleet.submit(["sh", "-c", script], logs={"limit": "64KiB"})
        self.fleet.wait_state(job, "running")
        path = os.path.join(self.fleet.folder, "followed")
        with open(path, "w") as out:
            follower = subprocess.Popen(
                [MUSTER, "logs", str(job), "--follow", "--data", self.fleet.data], stdout=out, stderr=subprocess.DEVNULL)
        try:
            eventually("its middle was dropped", lambda: "dropped" in self.fleet.muster("logs", job, check=False).stdout)
            self.kill()
            self.fleet.start()
            self.fleet.end(job)
            follower.wait(20)
        finally:
            follower.kill()
            follower.wait()
        with open(path) as file:
            followed = file.read()
        for text in (followed, self.fleet.muster("logs", job).stdout):
            # Each part between two lines of what was dropped is whole: its first and last line may be cut.
            self.assertNotIn("\0", text)
            parts = re.split(r"\n\[\.\.\. [0-9]+ bytes dropped \.\.\.\]\n", text)
            last = -1
            for part in parts:
                numbers = [int(line[5:]) for line in part.split("\n")[1:-1] if line.startswith("line ")]
                self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))) if numbers else [])
                self.assertGreater(numbers[0] if numbers else last + 1, last, text[:200])
                last = numbers[-1] if numbers else last
            self.assertTrue(text.endswith("line 59999\n") and text.startswith("line 0\n"))
        self.assertGreater(len(parts), 1)

    def test_held_shim(self):
        """The controller away for longer than the lease, and a shim that is held: its agent ends the ranks for it."""
        job = self.fleet.steps("--steps", 1000, "--step-seconds", 0.1, nodes=2, devices=1)
        ranks = self.fleet.wait_step(job, 3)["ranks"]
        shim = parent(ranks[0]["pid"])
        os.kill(self.fleet.process.pid, signal.SIGSTOP)
        os.kill(shim, signal.SIGSTOP)
        try:
            eventually("ranks past their lease are gone", lambda: not any(alive(r["pid"]) for r in ranks), 33)
        finally:
            os.kill(self.fleet.process.pid, signal.SIGCONT)
        eventually("the job runs again", lambda: self.fleet.job(job)["attempt"] == 2, 20)
        self.fleet.muster("cancel", str(job))

    def test_killed_under_submissions(self):
        """kill -9 under a loop of submissions loses nothing acknowledged and reuses no id."""
        acknowledged = []
        for _ in range(4):
            ending = threading.Event()

            def submit():
                while not ending.is_set():
                    try:
                        status, answer = self.fleet.request(
                            "POST", "/v1/jobs", {"command": ["true"], "user": "u", "workingDirectory": "/", "hold": True})
                        if status == 201:
                            acknowledged.append(answer["id"])
                    except (OSError, ValueError):
                        return

            threads = [threading.Thread(target=submit) for _ in range(4)]
            for thread in threads:
                thread.start()
            count = len(acknowledged)
            eventually("some were acknowledged", lambda: len(acknowledged) > count + 50)
            self.kill()
            ending.set()
            for thread in threads:
                thread.join()
            self.fleet.start()
        known = {job["id"] for job in self.fleet.json("jobs", "--all")}
        self.assertEqual(len(acknowledged), len(set(acknowledged)))
        self.assertEqual(set(acknowledged) - known, set())

    def test_up_with_a_node_out_of_service(self):
        """`up` does not wait for a node that only a person brings back: it says which, why, and the way."""
        self.fleet.muster("drain", "node-2", "--reason", "fan")
        eventually("it is drained", lambda: self.fleet.node("node-2")["state"] == "drained")
        self.fleet.process.send_signal(signal.SIGINT)
        self.fleet.process.wait(30)
        self.fleet.log.close()
        self.fleet.start()
        eventually("it says so", lambda: "node-2 is not ready: drained: fan. `muster resume node-2`" in self.fleet.up_log())

    def test_listeners_that_left(self):
        """A client of an endless stream that goes away leaves nothing behind, also where nothing more is ever said."""
        job = self.fleet.submit(["true"])
        self.fleet.end(job)
        with open(os.path.join(self.fleet.data, "token")) as file:
            token = file.read().strip()
        for path in (f"/v1/events?job={job}", "/v1/events"):
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", self.fleet.port), 5) as client:
                    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
                    self.assertIn(b"200", client.recv(4096))

        def half_closed():
            with open("/proc/net/tcp") as file:
                rows = [line.split() for line in file.readlines()[1:]]
            return [row for row in rows if int(row[1].split(":")[1], 16) == self.fleet.port and row[3] == "08"]

        eventually(lambda: f"{len(half_closed())} connections are left", lambda: not half_closed(), 10)

    def test_burst_of_large_submissions(self):
        """Many large submissions at once are commits of their own size: nothing is lost, no connection is ended."""
        spec = {"command": ["true"], "environment": {"A": "x" * 7000}, "hold": True}
        body = [spec] * 1000
        answers = []

        def send():
            status, answer = self.fleet.request("POST", "/v1/jobs", body)
            answers.append(status if status == 201 else answer)

        threads = [threading.Thread(target=send) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(answers, [201] * 12)
        self.assertEqual(self.fleet.request("GET", "/v1/cluster")[1]["epoch"], 1)

    def test_large_launches_of_one_node(self):
        """More jobs with large environments than one message holds start on one node all the same."""
        jobs = [self.fleet.submit(["sleep", "30"], environment={"A": "x" * 100_000}) for _ in range(24)]
        eventually("all run", lambda: all(self.fleet.job(job)["state"] == "running" for job in jobs), 40)
        self.fleet.muster("cancel", *jobs)

    def test_second_server_is_refused(self):
        """A second server on the same folder is refused, and a busy port is named with the way out."""
        done = self.fleet.muster("server", "--listen", "127.0.0.1:0", check=False, timeout=20)
        self.assertEqual(done.returncode, 5)
        self.assertIn(str(self.fleet.process.pid), done.stderr)
        done = subprocess.run(
            [MUSTER, "server", "--data", os.path.join(self.fleet.folder, "other"), "--listen", f"127.0.0.1:{self.fleet.port}"],
            capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 5)
        self.assertIn(str(self.fleet.port), done.stderr)
        self.assertIn("127.0.0.1:0", done.stderr)

    def test_replay_agrees(self):
        """Two processes fold the journal to the same hash."""
        self.fleet.end(self.fleet.submit(["true"], nodes=2))
        first, second = (self.fleet.json("replay", self.fleet.data) for _ in range(2))
        self.assertEqual(first["stateHash"], second["stateHash"])
        part = json.loads(self.fleet.muster("replay", self.fleet.data, "--until", "2", "--json").stdout)
        self.assertEqual(part["sequence"], 2)
        self.assertNotEqual(part["stateHash"], first["stateHash"])

    def test_interrupt_stops_all(self):
        """Ctrl-C drains, stops the ranks, says so and leaves nothing running; the job goes on at the next start."""
        job = self.fleet.steps("--steps", 400, "--step-seconds", 0.1, "--checkpoint-every", 5, nodes=2, devices=1)
        before = self.fleet.wait_step(job, 6)
        pids = [rank["pid"] for rank in before["ranks"]] + self.fleet.processes()
        self.fleet.process.send_signal(signal.SIGINT)
        self.assertEqual(self.fleet.process.wait(30), 0)
        self.assertIn("Stopped: no rank runs.", self.fleet.up_log())
        eventually("nothing is left", lambda: not any(alive(pid) for pid in pids), 5)
        self.fleet.log.close()
        self.fleet.start()
        after = eventually("it runs again", lambda: self.fleet.at_step(job, 6), 30)
        self.assertGreaterEqual(after["resumeStep"], 5)
        self.fleet.muster("cancel", job)

    def test_interrupt_twice(self):
        """A second Ctrl-C kills at once; that it was a person's wish and how far the job had come is kept all the same."""
        job = self.fleet.steps("--steps", 60, "--step-seconds", 0.1, "--checkpoint-every", 20, nodes=2, devices=1)
        self.fleet.wait_step(job, 26)
        self.fleet.process.send_signal(signal.SIGINT)
        eventually("it drains", lambda: "Draining" in self.fleet.up_log(), 10)
        self.fleet.process.send_signal(signal.SIGINT)
        self.assertEqual(self.fleet.process.wait(10), 130)
        self.fleet.log.close()
        self.fleet.start()
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 2))
        report = self.fleet.json("report", job)
        self.assertEqual(report["faults"], [], "a person's wish is no fault")
        self.assertGreaterEqual(report["stepsLost"], 5)
        self.assertGreater(report["lostSeconds"]["redone"], 0.4, report)
        self.assertGreater(report["productiveSeconds"], 5, report)

    def test_all_killed_at_once(self):
        """Controller, agents and shims end in the same moment: what was done up to the last checkpoint counts as done."""
        job = self.fleet.steps("--steps", 60, "--step-seconds", 0.1, "--checkpoint-every", 20, nodes=2, devices=1)
        self.fleet.wait_step(job, 24)
        for pid in [self.fleet.process.pid, *self.fleet.processes()]:
            os.kill(pid, signal.SIGKILL)
        self.fleet.process.wait()
        self.fleet.log.close()
        self.fleet.start()
        ended = self.fleet.end(job)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 2))
        report = self.fleet.json("report", job)
        self.assertGreater(report["productiveSeconds"], 5, report)
        self.assertIn("not known", report["faults"][0]["evidence"][-1])


if __name__ == "__main__":
    unittest.main()
