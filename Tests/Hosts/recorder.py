#!/usr/bin/python3
"""A rank that writes down that it runs, into a file of its own that Muster knows nothing of.

One file for each process: a line of JSON that says who it is (job, attempt, rank, host, devices, network namespace),
then `r NANOSECONDS` every 20 ms by the boot-time clock, which all hosts of the lab share, and `k NANOSECONDS STEP` for
each checkpoint that it told Muster. What ends with a kill ends with its last line.

Checkpoints are told at steps that only this attempt uses (the step modulo `--checkpoint-every` is the attempt), so
that one which was accepted from an old attempt shows itself.
"""

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
import muster

TICK_SECONDS = 0.02


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Record:
    def __init__(self, folder):
        environment = os.environ
        self.who = {
            "job": int(environment["MUSTER_JOB_ID"]), "attempt": int(environment["MUSTER_ATTEMPT"]),
            "rank": int(environment["RANK"]), "host": environment.get("SLURMD_NODENAME", ""),
            "devices": [int(word) for word in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if word],
            "network": os.readlink("/proc/self/ns/net"), "master": environment.get("MASTER_ADDR", ""),
            "resume": muster.resume_step(), "began": now(),
        }
        name = "{job}.{attempt}.{rank}.{host}.{began}.record".format(**self.who)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self.file = os.open(os.path.join(folder, name), flags, 0o644)
        self.write(json.dumps(self.who))
        self.write(f"r {now()}")

    def write(self, line):
        os.write(self.file, line.encode() + b"\n")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", required=True, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--step-seconds", type=float, default=0.1)
    parser.add_argument("--checkpoint-every", type=int, default=0, metavar="STEPS", help="more than there are attempts")
    return parser.parse_args()


def main():
    options = parse_options()
    record = Record(options.records)
    every, attempt = options.checkpoint_every, record.who["attempt"]
    muster.ready()
    step, due = muster.resume_step(), time.monotonic() + options.step_seconds
    while step < options.steps:
        time.sleep(TICK_SECONDS)
        record.write(f"r {now()}")
        if time.monotonic() < due:
            continue
        due += options.step_seconds
        step += 1
        muster.step(step)
        if every and step % every == attempt % every and record.who["rank"] == 0:
            record.write(f"k {now()} {step}")
            muster.checkpoint(step)


if __name__ == "__main__":
    main()
