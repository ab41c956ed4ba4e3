"""What a recording of a GPU's counters says, by the commands that people type. No controller, no fleet."""

import gzip
import json
import os
import subprocess
import tempfile
import unittest

from fleet import MUSTER

HEADER = ("t_s,phase,gpu_util_pct,power_mw,sm_clock_mhz,mem_used_bytes,processes,throttle_reasons,gpm_graphics_util,"
          "gpm_sm_util,gpm_any_tensor_util,gpm_dram_bw_util")
IDLE = "idle,0,74000,345,503316480,0,1,0.0,0.0,0.0,0.001"
LOADING = "load,10,124000,1980,9663676416,1,0,0.02,0.0,0.0,0.16"
MATRICES = "gemm,98,698000,1371,9663676416,1,4,98.0,95.0,92.0,25.0"
SPIN = "hang,100,127000,1980,9663676416,1,0,100.0,6.0,0.0,0.0"
DARK = "gemm,98,698000,1371,9663676416,1,4,0,0,0,0"

TIMELINE = """\
────────────────░░░░░░░░░░░░░░░░████████████████╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳????????????????
─ idle  ░ starting  █ working  ╳ hung  ? unknown

FROM  LENGTH  STATE     EVIDENCE
 0.0  10.0 s  idle      power 74 W of 700, 0 % busy, SM 0 %, tensor 0 %, DRAM 0 %: no kernel runs
10.0  10.0 s  starting  power 124 W of 700, 0 % busy, SM 0 %, tensor 0 %, DRAM 0 %: a process is there and has not run any work yet
20.0  10.0 s  working   power 698 W of 700, 98 % busy, SM 95 %, tensor 92 %, DRAM 25 %: kernels compute
30.0  10.0 s  hung      power 127 W of 700, 100 % busy, SM 6 %, tensor 0 %, DRAM 0 %: a kernel spins
40.0   9.8 s  unknown   every profiling counter is 0 while the device tells 98 % busy and 698 W of 700: the counters are dark, this is not idleness
"""

MFU = """\
────────────────░░░░░░░░░░░░░░░░████████████████╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳????????????????
─ idle  ░ starting  █ working  ╳ hung  ? unknown

FROM  LENGTH  STATE     TENSOR   MHZ  TFLOP/S     MFU  FLAGS
 0.0  10.0 s  idle       0.0 %   345      0.0   0.0 %
10.0  10.0 s  starting   0.0 %  1980      0.0   0.0 %
20.0  10.0 s  working   92.0 %  1371    682.0  68.9 %  powerCapped
30.0  10.0 s  hung       0.0 %  1980      0.0   0.0 %
40.0   9.8 s  unknown        -  1371        -       -  powerCapped, blackout
"""


class GPU(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="muster-gpu-")
        rows = [row for row in (IDLE, LOADING, MATRICES, SPIN, DARK) for _ in range(50)]
        cls.text = HEADER + "\n" + "".join(f"{i * 0.2:.1f},{row}\n" for i, row in enumerate(rows))
        cls.plain = cls.write("a.csv", cls.text.encode())
        cls.packed = cls.write("a.csv.gz", gzip.compress(cls.text.encode()))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, content):
        path = os.path.join(cls.folder.name, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def muster(self, *arguments, stdin=None, status=0):
        done = subprocess.run([MUSTER, "gpu", *arguments], input=stdin, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_timeline(self):
        """The strip and the table, to the letter; packed, from standard input and as JSON it is the same."""
        text = self.muster("replay", self.plain, "--device", "H100-SXM5-80GB").stdout
        self.assertEqual(text, TIMELINE)
        self.assertEqual(self.muster("replay", self.packed, "--device", "NVIDIA H100 80GB HBM3").stdout, text)
        self.assertEqual(self.muster("replay", "-", "--device", "h100-sxm5-80gb", stdin=self.text).stdout, text)
        segments = json.loads(self.muster("replay", self.packed, "--json").stdout)
        self.assertEqual([set(s) for s in segments], [{"fromSeconds", "toSeconds", "state", "evidence"}] * 5)
        self.assertEqual([s["state"] for s in segments], ["idle", "starting", "working", "hung", "unknown"])
        self.assertEqual([s["fromSeconds"] for s in segments], [0, 10, 20, 30, 40])
        self.assertEqual(segments[-1]["toSeconds"], 49.8)
        self.assertIn("power limit 698 W, learned while the power cap held", segments[3]["evidence"][-1])

    def test_phase_is_not_read(self):
        """The truth in the recording changes nothing: it may be absent, or wrong."""
        wanted = self.muster("replay", self.plain, "--json").stdout
        rows = [line.split(",") for line in self.text.splitlines()]
        without = "".join(",".join(row[:1] + row[2:]) + "\n" for row in rows)
        self.assertEqual(self.muster("replay", "-", "--json", stdin=without).stdout, wanted)
        wrong = "".join(",".join(row[:1] + ["phase" if i == 0 else "idle"] + row[2:]) + "\n" for i, row in enumerate(rows))
        self.assertEqual(self.muster("replay", "-", "--json", stdin=wrong).stdout, wanted)
        turned = "".join(",".join(reversed(row)) + "\n" for row in rows)
        self.assertEqual(self.muster("replay", "-", "--json", stdin=turned).stdout, wanted)

    def test_mfu(self):
        """MFU of each segment, in text and as JSON."""
        text = self.muster("mfu", self.packed, "--device", "H100-SXM5-80GB").stdout
        self.assertTrue(text.startswith(MFU), text)
        answer = json.loads(self.muster("mfu", self.packed, "--device", "H100-SXM5-80GB", "--json").stdout)
        self.assertEqual(list(answer), ["device", "peakTflops", "precision", "basis", "segments", "note"])
        self.assertEqual((answer["device"], answer["peakTflops"], answer["precision"]), ("H100-SXM5-80GB", 989.4, "bf16"))
        work = answer["segments"][2]
        self.assertEqual(
            list(work),
            ["fromSeconds", "toSeconds", "state", "tensorActivity", "smClockMHz", "tflops", "mfu", "flags"])
        self.assertEqual((work["mfu"], work["tflops"], work["flags"]), (0.68927, 681.96, ["powerCapped"]))
        dark = answer["segments"][-1]
        self.assertEqual((dark["mfu"], dark["tensorActivity"], dark["flags"]), (None, None, ["powerCapped", "blackout"]))

    def test_wrong(self):
        """What is wrong is told with its place, and exits as the other commands do."""
        done = self.muster("mfu", self.plain, "--device", "H100", status=2)
        self.assertIn("H100-SXM5-80GB", done.stderr)
        self.muster("mfu", self.plain, status=2)
        self.assertIn("not published", self.muster("mfu", self.plain, "--device", "GB200-NVL72", status=2).stderr)
        nowhere = self.muster("replay", os.path.join(self.folder.name, "b.csv"), "--json", status=3)
        self.assertEqual(json.loads(nowhere.stderr)["error"]["code"], "notFound")
        for content, text in (
            ("", "the file is empty"), ("a,b\n1,2\n", "there is no column t_s"),
            ("t_s,power_mw\n1,75000\n2,warm\n", "line 3: power_mw: warm (allowed: a number"),
            ("t_s,power_mw\n2,75000\n1,75000\n", "line 3: t_s: 1 (allowed: 2.0 or more"),
            ("t_s,power_mw\n0x10,75000\n", "line 2: t_s: 0x10 (allowed: seconds"),
            ("t_s,power_mw\n", "line 2: there is no row below the header"),
            ("t_s,power_mw\r1,75000\r", "line 1: it ends in CR alone"),
        ):
            done = self.muster("replay", "-", "--json", stdin=content, status=5)
            error = json.loads(done.stderr)["error"]
            self.assertEqual(error["code"], "invalidRecording")
            self.assertIn(text, error["message"])
            self.assertEqual(done.stdout, "")
        cut = self.write("cut.csv.gz", gzip.compress(self.text.encode())[:-20])
        self.assertIn("ends too early", self.muster("replay", cut, status=5).stderr)


if __name__ == "__main__":
    unittest.main()
