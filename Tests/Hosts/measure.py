#!/usr/bin/python3
"""How long a gang takes to run again, on six hosts in network namespaces.

From the moment at which a host's processes are killed, or its link is cut with no FIN, to the first word of the last rank of
the next attempt, both as the ranks themselves and this program read them from the boot-time clock. A gang of five, one
spare host, recorders as ranks (a small Python program). Prints a table.
"""

import argparse
import os
import platform
import statistics
import sys
import time

import lab as lab_module
from hosts import FINAL, Fleet
from lab import boot_seconds, eventually

GANG = 5


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, load {load:.1f} at the start"


class Trial:
    """One gang that loses a host."""

    def __init__(self, fleet, fence, kind, number):
        self.fleet, self.fence, self.kind, self.number = fleet, fence, kind, number

    def run(self):
        fleet = self.fleet
        fleet.wait_connected()
        job = fleet.record(nodes=GANG, fence=self.fence, stop={"grace": "1s"})
        before = fleet.wait_step(job, 22)["nodes"]
        # Not at the same phase of beats and reports each time.
        time.sleep(0.137 * (self.number % 7))
        victim = before[1 + self.number % (GANG - 1)]
        at = boot_seconds()
        if self.kind == "kill":
            fleet.lab.kill_all(victim)
        else:
            fleet.lab.cut(victim)

        def next_attempt():
            runs = fleet.runs(job, 2)
            return runs if len(runs) == GANG else None
        runs = eventually(lambda: f"the next attempt runs: {fleet.describe(job)}", next_attempt, 90, every=0.3)
        self.after = max(run.begin for run in runs) - at
        self.first = min(run.begin for run in runs) - at
        old = [run for run in fleet.runs(job, 1) if run.host == victim]
        if self.kind == "cut":
            eventually("the lease is over", lambda: boot_seconds() > at + fleet.lease + 1.5, fleet.lease + 10)
            old = [run for run in fleet.runs(job, 1) if run.host == victim]
        self.between = min(run.begin for run in runs) - max(run.end for run in old)
        cuts = [([victim], at)] if self.kind == "cut" else []
        problems = fleet.problems(self.fence, job, cuts)
        fleet.muster("cancel", job)
        fleet.lab.heal()
        if self.kind == "kill":
            fleet.start_agent(victim, boot=f"{fleet.lab.name}-{victim}-{self.fence}-{self.number}")
        eventually("the job ends", lambda: fleet.job(job)["state"] in FINAL, 60)
        for node in fleet.json("nodes"):
            if node["state"] == "isolated" and "silent" not in node["reason"]:
                fleet.muster("resume", node["name"])
        if problems:
            raise SystemExit("the checker: " + "; ".join(problems))
        return self


def row(name, trials, values):
    return (f"| {name} | {len(trials)} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |"
            f" {min(trial.first for trial in trials):.2f} | {min(trial.between for trial in trials):+.2f} |")


def series(lease, count, fence, kind, name):
    fleet = Fleet(6, lease=f"{lease:g}s")
    try:
        trials = [Trial(fleet, fence, kind, number).run() for number in range(count)]
    finally:
        fleet.close()
    return row(name, trials, [trial.after for trial in trials])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--lease", type=float, default=6, metavar="SECONDS")
    options = parser.parse_args()
    reason = lab_module.why_not()
    if reason:
        sys.exit(f"not measured: {reason}")
    lines = [machine(), "", f"lease {options.lease:g} s, `{' '.join(sys.argv)}`", "",
             "| six hosts, a gang of five, one host lost | trials | median s | min | max | first rank, earliest | "
             "old rank's end to first new rank, least |", "|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for count, fence, kind, name in (
            (options.kills, "attempt", "kill", "processes killed, `attempt`"),
            (options.cuts, "attempt", "cut", "link cut with no FIN, `attempt`"),
            (options.cuts, "strict", "cut", "link cut with no FIN, `strict`")):
        if count:
            print(series(options.lease, count, fence, kind, name), flush=True)


if __name__ == "__main__":
    main()
