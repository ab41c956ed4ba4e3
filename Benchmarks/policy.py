"""How long jobs wait under Muster's policy and under EASY backfill, on the same jobs and pools.

    python3 Benchmarks/policy.py --philly .../philly.csv [--seed 1] [--loads 0.70,0.85,0.95] [--policies easy,muster]

Two sets of jobs, each on pools of nodes with 8 GPUs that are sized for a load (GPU-seconds asked for over GPU-seconds of the
pool from the first to the last submission):

    philly   9 to 22 October 2017 of the Philly trace as published: 26,936 jobs of 1 to 128 GPUs
    llm      drawn here for a fortnight: 6,000 jobs, see KINDS; three times as many come by day as by night

The walltime of a job is its duration times a factor drawn log-uniformly from 1.05 to 10, rounded up to 5 minutes, at least
10: the same for all policies and pools. Prints a row a line of a Markdown table. "largest 1 %" are the jobs with the most
GPUs. MUSTER_BIN names the binary (default .build/release/muster).
"""

import argparse
import csv
import datetime
import json
import math
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "release", "muster"))
FORTNIGHT = 14 * 86_400

# Of 100 jobs so many; GPUs, each as likely; seconds, log-uniform.
KINDS = [
    ("debug", 40, [1, 2, 4, 8], 120, 3_600),
    ("evaluation", 30, [1, 2, 4, 8], 600, 14_400),
    ("tuning", 27, [8, 16, 32], 1_800, 43_200),
    ("pretraining", 3, [64, 128, 256, 512], 14_400, 345_600),
]


def log_uniform(dice, low, high):
    return low * math.exp(dice.random() * math.log(high / low))


def llm(dice):
    jobs = []
    while len(jobs) < 6_000:
        at = dice.random() * FORTNIGHT
        # Half of the way between night and day at 6 and 18 o'clock.
        if dice.random() > 0.625 - 0.375 * math.cos(2 * math.pi * at / 86_400):
            continue
        kind = dice.choices(KINDS, weights=[kind[1] for kind in KINDS])[0]
        user = f"{kind[0]}-{dice.randrange(20)}"
        jobs.append((int(at), int(log_uniform(dice, kind[3], kind[4])), dice.choice(kind[2]), kind[0], user))
    return sorted(jobs)


def philly(path):
    jobs = []
    begin = datetime.datetime(2017, 10, 9)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            at = (datetime.datetime.fromisoformat(row["timestamp"]) - begin).total_seconds()
            if 0 <= at < FORTNIGHT:
                jobs.append((int(at), int(float(row["duration"])), int(row["num_gpus"]), row["cluster"], "nobody"))
    # As the trace orders those of one second.
    return sorted(jobs, key=lambda job: job[0])


def write(jobs, dice, path, exact):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow("submit_seconds duration_seconds devices walltime_seconds project user".split())
        for at, duration, devices, project, user in jobs:
            factor = log_uniform(dice, 1.05, 10)
            walltime = max(1, duration) if exact else max(600, math.ceil(duration * factor / 300) * 300)
            rows.writerow([at, max(1, duration), devices, walltime, project, user])


def percentile(values, share):
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def simulate(folder, workload, nodes, policy, options):
    fleet, results, rows = (os.path.join(folder, name) for name in ("fleet.yaml", "results.json", "jobs.csv"))
    with open(fleet, "w") as file:
        file.write(f"nodes: {nodes}\ndevicesPerNode: 8\n")
    subprocess.run(
        [MUSTER, "sim", "--fleet", fleet, "--workload", workload, "--format", "csv", "--policy", policy, "--json", results,
         "--jobs-csv", rows, *options], check=True, stdout=subprocess.DEVNULL)
    with open(results) as file:
        totals = json.load(file)
    with open(rows, newline="") as file:
        jobs = [row for row in csv.DictReader(file) if row["state"] == "completed"]
    waits = [float(row["wait_seconds"]) for row in jobs]
    largest = sorted(jobs, key=lambda row: -int(row["devices"]))[: max(1, math.ceil(len(jobs) / 100))]
    return {
        "mean": sum(waits) / len(waits),
        "p95": percentile(waits, 0.95),
        "completion": totals["completionSeconds"]["mean"],
        "utilisation": totals["utilisation"],
        "largest": sum(float(row["wait_seconds"]) for row in largest) / len(largest),
        "loss": totals["preemptionLoss"],
        "unfinished": totals["jobs"]["unfinished"],
        "took": totals["wallSeconds"],
    }


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--philly", help="philly.csv; without it only the drawn jobs")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--loads", default="0.70,0.85,0.95")
    arguments.add_argument("--policies", default="easy,muster")
    arguments.add_argument("--exact", action="store_true", help="walltimes are the durations")
    arguments.add_argument("--option", action="append", default=[], help="one more word for `muster sim`")
    options = arguments.parse_args()
    traces = [("llm", llm(random.Random(options.seed)))]
    if options.philly:
        traces.insert(0, ("philly", philly(options.philly)))
    print("| jobs | load | GPUs | policy | mean wait s | p95 wait s | mean completion s | utilisation | mean wait of the largest 1 % s"
          " | against the first: mean, p95, largest | preemption loss | unfinished | took s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, jobs in traces:
            workload = os.path.join(folder, f"{name}.csv")
            write(jobs, random.Random(options.seed + 1), workload, options.exact)
            work = sum(duration * devices for _, duration, devices, _, _ in jobs)
            span = jobs[-1][0] - jobs[0][0]
            for load in map(float, options.loads.split(",")):
                nodes = round(work / span / load / 8)
                first = None
                for policy in options.policies.split(","):
                    got = simulate(folder, workload, nodes, policy, options.option)
                    first = first or got
                    ratio = ", ".join(
                        f"{got[key] / first[key]:.2f}" if first[key] else "-" for key in ("mean", "p95", "largest"))
                    print(
                        f"| {name}, {len(jobs):,} | {load:.2f} | {nodes * 8:,} | `{policy}` | {got['mean']:,.0f} | {got['p95']:,.0f} "
                        f"| {got['completion']:,.0f} | {100 * got['utilisation']:.1f} % | {got['largest']:,.0f} | {ratio} "
                        f"| {100 * got['loss']:.1f} % | {got['unfinished']} | {got['took']:.1f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
