"""Where GPU time went, against what a job wrote down itself, and over the controller's death."""

import csv
import os
import shutil
import tempfile
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

# Four ranks meet after every step; the third one works three times as long, and each writes down what it waited.
MEETS = """
import os, socket, sys, time
sys.path.insert(0, os.path.join(sys.argv[1], "python"))
import muster
rank, peers = int(os.environ["RANK"]), []
path = "\\0muster-test-" + sys.argv[2]
if rank == 0:
    place = socket.socket(socket.AF_UNIX)
    place.bind(path)
    place.listen()
    peers = [place.accept()[0] for _ in range(3)]
else:
    while not peers:
        try:
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(path)
            peers = [peer]
        except OSError:
            time.sleep(0.05)
def meet():
    if rank: peers[0].send(b".")
    for peer in peers: peer.recv(1)
    if rank == 0:
        for peer in peers: peer.send(b".")
waited = 0
for step in range(1, 31):
    time.sleep(0.3 if rank == 2 else 0.1)
    begin = time.monotonic()
    with muster.waiting():
        meet()
    waited += time.monotonic() - begin
    muster.step(step)
with open(f"waited-{rank}", "w") as log:
    print(waited, file=log)
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
        self.assertEqual(report["goodput"], row["goodput"], "one job has one goodput")
        parts = sum(seconds for name, seconds in report["lostSeconds"].items() if name != "waiting")
        self.assertAlmostEqual(parts + report["productiveSeconds"], report["heldSeconds"], delta=0.02)
        self.assertAlmostEqual(report["lostSeconds"]["checkpointing"], amounts["checkpointing"] / 4000, delta=0.002)
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

    def test_a_rank_that_the_others_wait_for(self):
        folder = tempfile.mkdtemp(prefix="muster-accounts-")
        self.addCleanup(shutil.rmtree, folder)
        policy = os.path.join(folder, "efficiency.yaml")
        with open(policy, "w") as file:
            file.write("thresholds: {source: a test, shortRun: 1s}\n")
        self.fleet.stop()
        self.fleet = Fleet(nodes=2, devices=4, extra=["--efficiency", policy])
        self.addCleanup(self.fleet.stop)
        job = self.fleet.submit([PYTHON, "-c", MEETS, ROOT, str(os.getpid())], nodes=2, devices=4, ranks=2)
        self.assertEqual(self.fleet.end(job)["state"], "completed")
        waited = []
        for rank in range(4):
            with open(os.path.join(self.fleet.folder, f"waited-{rank}")) as file:
                waited.append(float(file.read()))
        self.assertEqual(min(waited), waited[2])
        lost = 8000 * (sum(waited) / 4 - waited[2])
        rows = self.accounts("--by", "job")["rows"]
        amounts = next(row for row in rows if row["key"] == job)["gpuMilliseconds"]
        self.assertLess(abs(amounts["straggling"] - lost), 0.1 * lost, (amounts, waited))
        found = self.fleet.request("GET", f"/v1/jobs/{job}/efficiency")[1]["findings"]
        self.assertIn("straggling", [finding["kind"] for finding in found])
        sentence = next(finding["sentence"] for finding in found if finding["kind"] == "straggling")
        node = self.fleet.job(job)["ranks"][2]["node"]
        self.assertRegex(sentence, rf"^ranks wait \d\d % of each step for rank 2 on {node}$")

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
