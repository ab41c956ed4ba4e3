#!/usr/bin/python3
"""A rank that only steps: a training job without the training.

Ranks do not know of each other. A checkpoint is only said (by rank 0), because the
number of the step is all the state there is. Resumes after MUSTER_RESUME_STEP.
"""

import argparse
import sys
import time

from common import RANK, log, muster


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--step-seconds", type=float, default=0.1)
    parser.add_argument("--start-seconds", type=float, default=0, help="a slow start, before READY and the first step")
    parser.add_argument("--checkpoint-every", type=int, default=0, metavar="STEPS")
    parser.add_argument("--evaluate-every", type=int, default=0, metavar="STEPS")
    parser.add_argument("--evaluate-seconds", type=float, default=30)
    parser.add_argument("--fail-at-step", type=int, default=0, metavar="N",
                        help="end after step N is done, in every attempt")
    parser.add_argument("--fail-once", action="store_true", help="fail in the first attempt only")
    parser.add_argument("--fail-rank", type=int, metavar="R", help="only this rank fails (default: all do)")
    parser.add_argument("--exit-code", type=int, default=1)
    return parser.parse_args()


def main():
    options = parse_options()
    fails = options.fail_rank in (None, RANK) and not (options.fail_once and muster.attempt() > 1)
    start = muster.resume_step()
    log(f"attempt {muster.attempt()}, begins at step {start + 1}")
    time.sleep(options.start_seconds)
    muster.ready()
    for n in range(start + 1, options.steps + 1):
        time.sleep(options.step_seconds)
        muster.step(n)
        if options.checkpoint_every and n % options.checkpoint_every == 0 and RANK == 0:
            muster.checkpoint(n)
        if fails and n == options.fail_at_step:
            log(f"fails at step {n} with exit code {options.exit_code}")
            sys.exit(options.exit_code)
        if options.evaluate_every and n % options.evaluate_every == 0:
            muster.status("evaluating")
            time.sleep(options.evaluate_seconds)
    log(f"done at step {max(start, options.steps)}")


if __name__ == "__main__":
    main()
