"""The checker can fail: made-up records that overlap, run late, or say what was never said."""

import json
import os
import tempfile
import unittest

import checker
from checker import Run


def started(attempt, resume, job=1):
    return {"kind": "attemptStarted", "job": job, "attempt": attempt, "resumeStep": resume}


def committed(attempt, step, job=1):
    return {"kind": "checkpointCommitted", "job": job, "attempt": attempt, "step": step}


class Overlaps(unittest.TestCase):
    def test_strict_finds_two_attempts_at_once(self):
        """Under strict, an old rank that is still there when the next attempt begins is found."""
        runs = [Run(1, 1, 0, "a", 0, 10), Run(1, 1, 1, "b", 0, 13), Run(1, 2, 0, "a", 12, 20)]
        found = checker.strict_problems(runs)
        self.assertEqual(len(found), 1)
        self.assertIn("attempt 1 rank 1 on b", found[0])

    def test_strict_accepts_one_after_the_other(self):
        """Attempts one after the other, and other jobs beside them, are well."""
        runs = [Run(1, 1, 0, "a", 0, 10), Run(1, 2, 0, "a", 10.1, 20), Run(2, 1, 0, "b", 5, 15)]
        self.assertEqual(checker.problems(runs, "strict"), [])

    def test_ranks_of_one_attempt_are_no_overlap(self):
        """Ranks of one attempt run together, on one device even."""
        runs = [Run(1, 1, 0, "a", 0, 10, [0]), Run(1, 1, 1, "a", 0, 10, [0])]
        self.assertEqual(checker.problems(runs, "strict"), [])

    def test_attempt_allows_other_hosts_only(self):
        """Under attempt two attempts may overlap on different hosts or devices, not on one device."""
        runs = [Run(1, 1, 0, "a", 0, 13, [0, 1]), Run(1, 2, 0, "b", 12, 20, [0, 1])]
        self.assertEqual(checker.problems(runs, "attempt"), [])
        runs.append(Run(1, 2, 1, "a", 12.5, 20, [2]))
        self.assertEqual(checker.problems(runs, "attempt"), [])
        runs.append(Run(1, 2, 2, "a", 12.5, 20, [1]))
        self.assertEqual(len(checker.problems(runs, "attempt")), 1)

    def test_older_attempt_named_later(self):
        """The order in which records are read does not matter."""
        runs = [Run(1, 2, 0, "a", 12, 20, [0]), Run(1, 1, 0, "a", 0, 13, [0])]
        self.assertEqual(len(checker.device_problems(runs)), 1)
        self.assertEqual(len(checker.strict_problems(runs)), 1)

    def test_a_run_within_another(self):
        """An attempt that came and went while an old rank ran on is found, too."""
        runs = [Run(1, 1, 0, "a", 0, 100), Run(1, 2, 0, "b", 10, 11)]
        self.assertEqual(len(checker.strict_problems(runs)), 1)

    def test_device_of_two_jobs(self):
        """A device with ranks of two jobs at once is found."""
        runs = [Run(1, 1, 0, "a", 0, 10, [3]), Run(2, 1, 0, "a", 9, 20, [3])]
        self.assertEqual(len(checker.device_problems(runs)), 1)
        self.assertEqual(checker.device_problems([runs[0], Run(2, 1, 0, "a", 9, 20, [4])]), [])


class Leases(unittest.TestCase):
    def test_rank_past_its_lease(self):
        """A rank that runs past lease and margin after the cut is found; one that ends in time is not."""
        runs = [Run(1, 1, 0, "a", 0, 27.5), Run(1, 1, 1, "b", 0, 26.5), Run(1, 1, 2, "c", 0, 99), Run(1, 2, 0, "a", 30, 99)]
        found = checker.late_problems(runs, ["a", "b"], cut_at=20, lease=6)
        self.assertEqual(len(found), 1)
        self.assertIn("rank 0 on a", found[0])


class Checkpoints(unittest.TestCase):
    runs = [Run(1, 1, 0, "a", 0, 13, commits=[(3, 11), (12.5, 21)]),
            Run(1, 2, 0, "b", 12, 20, commits=[(14, 12)], resume=11)]

    def test_well(self):
        """Each accepted checkpoint was said by the newest attempt, and the next one resumes after the last of them."""
        events = [started(1, 0), committed(1, 11), started(2, 11), committed(2, 12)]
        self.assertEqual(checker.problems(self.runs, "attempt", events), [])

    def test_old_attempt(self):
        """A checkpoint of an old attempt that was accepted is found."""
        events = [started(1, 0), committed(1, 11), started(2, 11), committed(1, 21)]
        self.assertEqual(len(checker.checkpoint_problems(self.runs, events)), 1)

    def test_under_a_wrong_name(self):
        """So is one that was accepted as if the new attempt had said it."""
        events = [started(1, 0), committed(1, 11), started(2, 11), committed(2, 21)]
        self.assertIn("no rank of attempt 2 said checkpoint 21", checker.checkpoint_problems(self.runs, events)[0])

    def test_wrong_resume(self):
        """An attempt that resumes after another step than the last accepted one is found, and so is a rank that was
        told something else."""
        events = [started(1, 0), committed(1, 11), started(2, 0)]
        self.assertEqual(len(checker.checkpoint_problems(self.runs, events)), 1)
        self.assertEqual(len(checker.resume_problems(self.runs, events)), 1)

    def test_number_used_again(self):
        """An attempt's number that is used again is found."""
        self.assertEqual(len(checker.checkpoint_problems(self.runs, [started(1, 0), started(1, 0)])), 1)


class Files(unittest.TestCase):
    def test_reading(self):
        """A record that ends in the middle of a line is read up to there; an empty one is nobody's."""
        with tempfile.TemporaryDirectory() as folder:
            who = {"job": 7, "attempt": 2, "rank": 3, "host": "a", "devices": [1], "network": "n", "master": "m",
                   "resume": 5, "began": 1_000_000_000}
            with open(os.path.join(folder, "a.record"), "w") as file:
                file.write(json.dumps(who) + "\nr 1500000000\nk 2000000000 7\nr 25000")
            open(os.path.join(folder, "b.record"), "w").close()
            runs = checker.read(folder)
            self.assertEqual(len(runs), 1)
            run = runs[0]
            self.assertEqual((run.job, run.attempt, run.rank, run.begin, run.end), (7, 2, 3, 1.0, 2.0))
            self.assertEqual(run.commits, ((2.0, 7),))

    def test_damage(self):
        """A record that is none is an error, not silence."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "a.record"), "w") as file:
                file.write('{"began": 1}\nx 5\n')
            with self.assertRaises(ValueError):
                checker.read(folder)


if __name__ == "__main__":
    unittest.main()
