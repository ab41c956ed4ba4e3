#!/usr/bin/python3
"""A rank that takes memory, and uses it, until it is killed or has what it was told to take.

Give it a limit (a memory cgroup) below `--megabytes`. Nobody killed it: exit code 3.
It offers itself as the kernel's first choice, so that nothing else has to go.
"""

import argparse
import sys
import time

from common import log, muster

CHUNK_MEGABYTES = 16


def offer_to_be_killed_first():
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError as error:
        log(f"cannot offer itself to the kernel: {error}")


def take_memory(megabytes):
    held = []
    for taken in range(0, megabytes, CHUNK_MEGABYTES):
        size = min(CHUNK_MEGABYTES, megabytes - taken)
        held.append(b"\1" * (size << 20))  # written to, so that its pages exist
    return held


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--megabytes", type=int, required=True)
    parser.add_argument("--step", type=int, default=1, metavar="N", help="steps to do before, and all there are")
    parser.add_argument("--step-seconds", type=float, default=0.1)
    parser.add_argument("--once", action="store_true", help="in the first attempt only; later ones step and end well")
    return parser.parse_args()


def main():
    options = parse_options()
    muster.ready()
    for n in range(muster.resume_step() + 1, options.step + 1):
        time.sleep(options.step_seconds)
        muster.step(n)
    if options.once and muster.attempt() > 1:
        log(f"attempt {muster.attempt()} takes no memory, done")
        return
    log(f"takes {options.megabytes} MB after step {options.step}")
    offer_to_be_killed_first()
    held = take_memory(options.megabytes)
    log(f"holds {sum(map(len, held)) >> 20} MB and nobody killed it")
    sys.exit(3)


if __name__ == "__main__":
    main()
