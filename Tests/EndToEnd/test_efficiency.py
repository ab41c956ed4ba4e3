"""What a job wasted and why, its MFU twice, and what happens to one that uses nothing: a real controller and real agents,
whose devices play a recording."""

import csv
import os
import tempfile
import unittest

from fleet import PYTHON, ROOT, Fleet, eventually

HEADER = ("t_s,gpu_util_pct,power_mw,sm_clock_mhz,mem_used_bytes,processes,gpm_graphics_util,gpm_sm_util,"
          "gpm_any_tensor_util,gpm_dram_bw_util\n")
WORKS = "98,698000,1371,9663676416,1,98.0,95.0,92.0,25.0"
NOTHING = "0,75000,1980,0,0,0,0,0,0"
POLICY = """
thresholds: {source: a test, shortRun: 5s, idleFor: 10s, measuredShare: 0.1}
prices: [{date: 2026-01-01, currency: USD, source: a test, gpuHour: {H100: 3600}}]
"""
# A step takes 0.2 s, and is written down.
RANK = """
import os, sys, time
sys.path.insert(0, os.path.join(sys.argv[1], "python"))
import muster
with open("steps" if os.environ["RANK"] == "0" else os.devnull, "w") as log:
    for step in range(1, 10_000):
        time.sleep(0.2)
        muster.step(step)
        print(step, time.time(), file=log, flush=True)
"""
MODEL = {"parameters": "1B", "layers": 10, "hidden": 1000, "sequence": 1000, "tokensPerStep": "100k"}


class Efficiency(unittest.TestCase):
    def start(self, sample, policy=POLICY):
        folder = tempfile.mkdtemp(prefix="muster-efficiency-")
        recording, file = os.path.join(folder, "recording.csv"), os.path.join(folder, "efficiency.yaml")
        with open(recording, "w") as out:
            out.write(HEADER + "".join(f"{i},{sample}\n" for i in range(30)))
        with open(file, "w") as out:
            out.write(policy)
        self.fleet = Fleet(nodes=2, devices=4, extra=[
            "--device-type", "H100-SXM5-80GB", "--device-recording", recording, "--efficiency", file])
        self.addCleanup(self.fleet.stop)

    def told(self, job):
        return self.fleet.request("GET", f"/v1/jobs/{job}/efficiency")[1]

    def test_mfu_twice(self):
        """From its counters as the recording has them; from its model, as its own step log says."""
        self.start(WORKS)
        job = self.fleet.submit([PYTHON, "-c", RANK, ROOT], nodes=2, devices=4, ranks=1, model=MODEL)
        # Two whole intervals of ten seconds.
        eventually(lambda: f"counters tell: {self.told(job)}",
                   lambda: (self.told(job)["counters"] or {}).get("gpuHours", 0) > 0.04, 60)
        mfu = self.told(job)["mfu"]
        # 92 % of the time, at 1,371 MHz of the 1,830 that the peak is stated at.
        self.assertAlmostEqual(mfu["counters"], 0.92 * 1371 / 1830, delta=0.005)
        with open(os.path.join(self.fleet.folder, "steps")) as file:
            lines = [line.split() for line in file]
        step = (float(lines[-1][1]) - float(lines[0][1])) / (len(lines) - 1)
        flops = (6e9 + 12 * 10 * 1000 * 1000) * 100_000
        self.assertAlmostEqual(mfu["declared"] / (flops / step / (8 * 989.4e12)), 1, delta=0.02)
        # Nothing is wrong with the devices, but the two do not agree: one of them is off.
        self.assertIn("counters say MFU 69 %", mfu["disagreement"] or "", mfu)
        report = self.fleet.muster("report", job).stdout
        self.assertIn("from counters", report)
        self.assertIn("as declared", report)
        # The job's `model` says bf16 by saying nothing: both are over the same peak.
        for basis in (mfu["basis"], mfu["declaredBasis"]):
            self.assertIn("989.4 TFLOP/s (dense bf16", basis)
        (top,) = self.fleet.json("top")["top"]
        self.assertEqual(top["id"], job)
        self.assertAlmostEqual(top["busy"], 0.98, delta=0.01)
        self.assertAlmostEqual(top["mfu"]["counters"], mfu["counters"], delta=0.005)
        self.assertAlmostEqual(top["mfu"]["declared"] / mfu["declared"], 1, delta=0.02)
        row = next(line for line in self.fleet.muster("top").stdout.splitlines() if line.split()[:1] == [str(job)])
        self.assertIn(" 98.0 % ", row)
        # As values and as a page: both figures with their basis.
        rows = list(csv.DictReader(self.fleet.muster("report", job, "--csv").stdout.splitlines()))
        self.assertAlmostEqual(float(rows[0]["mfuCounters"]), mfu["counters"], delta=0.005)
        self.assertIn("4096 FLOP a clock", rows[0]["mfuBasis"])
        self.assertIn("dense bf16", rows[0]["mfuDeclaredBasis"])
        page = os.path.join(self.fleet.folder, "job.html")
        self.fleet.muster("report", job, "--html", page)
        with open(page) as file:
            html = file.read()
        for text in (mfu["basis"], mfu["declaredBasis"], "the model that it declares"):
            self.assertIn(text, html)

    def test_fp8(self):
        """Both figures are over the peak of the precision that the job declares."""
        self.start(WORKS)
        job = self.fleet.submit([PYTHON, "-c", RANK, ROOT], nodes=1, devices=4, ranks=1, model={**MODEL, "precision": "fp8"})
        eventually(lambda: f"counters tell: {self.told(job)}",
                   lambda: (self.told(job)["counters"] or {}).get("gpuHours", 0) > 0.01, 60)
        mfu = self.told(job)["mfu"]
        self.assertAlmostEqual(mfu["counters"], 0.92 * 1371 / 1830, delta=0.005)
        self.assertIn("8192 FLOP a clock and SM x SM clock, over 1978.9 TFLOP/s (dense fp8, as declared)", mfu["basis"])
        self.assertIn("4 x 1978.9 TFLOP/s (dense fp8)", mfu["declaredBasis"])
        devices = self.fleet.request("GET", f"/v1/jobs/{job}/devices")[1]
        self.assertAlmostEqual(devices["counterMFU"], mfu["counters"], delta=0.005)

    def test_nothing_is_used(self):
        """It is said with its evidence and its cost, then warned, then cancelled with that reason."""
        self.start(NOTHING, POLICY + "idle: {warnAfter: 20s, cancelAfter: 60s, exempt: {projects: [spared]}}\n")
        job = self.fleet.submit(["sleep", "600"], devices=4, ranks=1)
        spared = self.fleet.submit(["sleep", "600"], devices=4, ranks=1, project="spared")
        eventually(lambda: f"it is found: {self.told(job)}", lambda: self.told(job)["findings"], 60)
        finding = self.told(job)["findings"][0]
        self.assertEqual(finding["kind"], "allIdle")
        self.assertIn("4 GPUs", finding["sentence"])
        self.assertTrue(finding["evidence"])
        self.assertTrue(finding["nextStep"])
        worst = self.fleet.json("top")["worstWaste"]
        # Two jobs of as many GPUs lose the same; which comes first does not matter.
        self.assertIn(worst["job"], (job, spared))
        self.assertEqual(worst["kind"], finding["kind"])
        self.assertRegex(self.fleet.muster("top").stdout, rf"Waste   job ({job}|{spared}) test .*4 GPUs")
        told = self.told(job)
        self.assertLessEqual(told["gpuHoursWasted"], told["gpuHoursHeld"])
        self.assertAlmostEqual(told["cost"]["held"], 3600 * told["gpuHoursHeld"], delta=1)
        eventually(lambda: f"it is warned: {self.told(job)}", lambda: self.told(job)["idle"], 90)
        self.assertEqual(self.fleet.job(job)["state"], "running")
        ended = self.fleet.end(job, 150)
        self.assertEqual(ended["state"], "cancelled")
        self.assertIn("idle policy", ended["reason"])
        self.assertEqual(self.fleet.job(spared)["state"], "running")
        waste = self.fleet.request("GET", "/v1/waste?by=job")[1]
        self.assertEqual({row["key"] for row in waste["rows"]}, {job, spared})
        page = os.path.join(self.fleet.folder, "week.html")
        self.fleet.muster("report", "--week", "--html", page)
        with open(page) as file:
            self.assertIn("<svg", file.read())


if __name__ == "__main__":
    unittest.main()
