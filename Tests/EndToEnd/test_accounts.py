"""Where GPU time went, against what a job wrote down itself, and over the controller's death."""

import csv
import os
import unittest

from fleet import PYTHON, ROOT, Fleet

# Writes down when each step was done and each checkpoint was whole. Saves after every fifth step, and says so; the first
# attempt fails after step 12.
RANK = """
import os, sys, time
sys.path.insert(0, os.path.join(sys.argv[1], "python"))
import muster
start = muster.resume_step()
with open("steps-" + os.environ["MUSTER_ATTEMPT"], "w") as log:
    def note(what, step):
        print(what, step, time.time(), file=log, flush=True)
    note("step", start)
    for step in range(start + 1, 21):
        time.sleep(0.15)
        muster.step(step)
        note("step", step)
        if start == 0 and step == 12:
            sys.exit(3)
        if step % 5 == 0:
            muster.status("checkpointing")
            time.sleep(0.3)
            muster.checkpoint(step)
            note("saved", step)
"""


class Accounts(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(nodes=2, devices=4)
        self.addCleanup(self.fleet.stop)

    def accounts(self, *arguments):
        return self.fleet.json("accounts", *arguments)

    def test_a_job_that_failed_once(self):
        job = self.fleet.submit([PYTHON, "-c", RANK, ROOT], devices=4, ranks=1, project="vision")
        self.assertEqual(self.fleet.end(job)["state"], "completed")
        told = self.accounts("--by", "job")
        row = next(row for row in told["rows"] if row["key"] == job)
        amounts = row["gpuMilliseconds"]

        def log(attempt):
            with open(os.path.join(self.fleet.folder, f"steps-{attempt}")) as file:
                lines = [line.split() for line in file]
            return {(what, int(step)): float(at) for what, step, at in lines}

        first, second = log(1), log(2)
        # Ten steps and two savings were kept of each attempt, two steps of the first were done again. Four devices.
        kept = 4000 * (first["saved", 10] - first["step", 0] + second["saved", 20] - second["step", 10])
        saving = 4000 * sum(
            at - (first if step <= 10 else second)["step", step]
            for (what, step), at in (first | second).items() if what == "saved")
        self.assertLess(abs(amounts["productive"] + amounts["checkpointing"] - kept), 0.1 * kept, (amounts, kept))
        self.assertLess(abs(amounts["checkpointing"] - saving), 0.1 * saving, (amounts, saving))
        self.assertGreater(amounts["redone"], 4000 * 2 * 0.1, amounts)
        self.assertEqual(sum(a for name, a in amounts.items() if name == "free"), 0)
        self.assertEqual(row["provisionalGpuMilliseconds"], 0)
        self.assertEqual((row["project"], row["name"], row["state"]), ("vision", "test", "completed"))
        lost = [r for r in told["restatements"] if r["to"] == "redone"]
        self.assertEqual({(r["job"], r["attempt"], r["from"]) for r in lost}, {(job, 1, "productive")})
        self.assertEqual(sum(r["gpuMilliseconds"] for r in lost), amounts["redone"])

        report = self.fleet.json("report", job)
        self.assertEqual(report["checkpoints"]["count"], 4)
        self.assertGreater(report["checkpoints"]["costSeconds"], 0.2)
        self.assertGreater(report["checkpoints"]["suggestedIntervalSeconds"], 0)
        self.assertGreater(report["meanTimeBetweenFailuresSeconds"], 1)

        # The next controller folds the same journal.
        self.fleet.process.kill()
        self.fleet.process.wait()
        self.fleet.log.close()
        self.fleet.start()
        again = self.accounts("--by", "job")
        self.assertEqual(next(r for r in again["rows"] if r["key"] == job), row)
        self.assertEqual(again["restatements"], told["restatements"])
        for by in ("job", "project", "user", "type", "day"):
            told = self.accounts("--by", by)
            self.assertEqual(told["capacityGpuMilliseconds"], told["accountedGpuMilliseconds"], by)
            self.assertGreater(told["capacityGpuMilliseconds"], 0)
            self.assertEqual(
                sum(sum(r["gpuMilliseconds"].values()) for r in told["rows"]), told["accountedGpuMilliseconds"], by)

    def test_what_is_asked_for(self):
        lines = list(csv.DictReader(self.fleet.muster("accounts", "--by", "type", "--csv").stdout.splitlines()))
        self.assertEqual(len(lines), 1)
        self.assertGreater(int(lines[0]["free"]), 0)
        told = self.accounts("--from", "now-7d", "--to", "now")
        self.assertLessEqual(told["from"], told["to"])
        for arguments, field in ((("--by", "planet"), "planet"), (("--from", "yesterday"), "--from"),
                                 (("--from", "now-1h", "--to", "now-2h"), "--to"), (("--csv", "--json"), "--csv")):
            refused = self.fleet.muster("accounts", *arguments, check=False)
            self.assertEqual(refused.returncode, 2, arguments)
            self.assertIn(field, refused.stderr)
        status, answer = self.fleet.request("GET", "/v1/accounts?by=planet")[:2]
        self.assertEqual(status, 400, answer)


if __name__ == "__main__":
    unittest.main()
