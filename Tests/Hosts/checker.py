"""Reads what ranks wrote down of themselves, and says what must not have been.

It shares nothing with Muster: which attempt ran where and when comes from the records alone. Only what Muster says that
it accepted (`muster events --json`) is compared with them.
"""

import collections
import json
import os
import sys

NANOSECONDS = 1_000_000_000


class Run:
    """One process of one rank, from its first word to its last. Times in seconds of the boot-time clock."""

    def __init__(self, job, attempt, rank, host, begin, end, devices=(), commits=(), network="", master="", resume=0):
        self.job, self.attempt, self.rank, self.host = job, attempt, rank, host
        self.begin, self.end = begin, end
        self.devices, self.commits = tuple(devices), tuple(commits)
        self.network, self.master, self.resume = network, master, resume

    def __str__(self):
        return (f"job {self.job} attempt {self.attempt} rank {self.rank} on {self.host}"
                f" {self.begin:.3f}..{self.end:.3f}")


def read_record(path):
    """A run, or None if the process was killed before it could say who it is."""
    with open(path) as file:
        lines = file.read().split("\n")
    lines.pop()  # what follows the last line's end: nothing, or a line that was torn by a kill
    if len(lines) < 2:
        return None
    who = json.loads(lines[0])
    times, commits = [who["began"] / NANOSECONDS], []
    for line in lines[1:]:
        words = line.split()
        if words[0] not in ("r", "k"):
            raise ValueError(f"{path}: no record: {line!r}")
        times.append(int(words[1]) / NANOSECONDS)
        if words[0] == "k":
            commits.append((times[-1], int(words[2])))
    return Run(who["job"], who["attempt"], who["rank"], who["host"], min(times), max(times), who["devices"], commits,
               who["network"], who["master"], who["resume"])


def read(folder):
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".record")]
    return [run for run in map(read_record, paths) if run]


def _pairs_of_attempts(runs):
    """Pairs of runs of one job but of different attempts that were alive at the same moment, the older one first."""
    by_job = collections.defaultdict(list)
    for run in runs:
        by_job[run.job].append(run)
    for job in sorted(by_job):
        ordered = sorted(by_job[job], key=lambda run: (run.attempt, run.rank, run.begin))
        for i, old in enumerate(ordered):
            for new in ordered[i + 1:]:
                if old.attempt != new.attempt and old.begin <= new.end and new.begin <= old.end:
                    yield old, new


def strict_problems(runs):
    """Two attempts of a job at the same time."""
    return [f"two attempts at once: {old}; {new}" for old, new in _pairs_of_attempts(runs)]


def device_problems(runs):
    """Ranks of two attempts, or of two jobs, on one device of one host at the same time."""
    problems = [
        f"device {sorted(set(old.devices) & set(new.devices))} of {old.host} twice: {old}; {new}"
        for old, new in _pairs_of_attempts(runs) if old.host == new.host and set(old.devices) & set(new.devices)]
    by_host = collections.defaultdict(list)
    for run in runs:
        by_host[run.host].append(run)
    for host in sorted(by_host):
        ordered = sorted(by_host[host], key=lambda run: (run.begin, run.job))
        for i, one in enumerate(ordered):
            for other in ordered[i + 1:]:
                if one.job != other.job and set(one.devices) & set(other.devices) and other.begin <= one.end:
                    problems.append(f"a device of {host} given to two jobs: {one}; {other}")
    return problems


def late_problems(runs, hosts, cut_at, lease, margin=1.0):
    """Ranks on hosts that were cut off at `cut_at` and still ran when the lease and a margin had passed."""
    limit = cut_at + lease + margin
    return [f"ran {run.end - cut_at:.2f} s after the cut, lease {lease} s: {run}"
            for run in runs if run.host in hosts and run.begin < cut_at and run.end > limit]


def checkpoint_problems(runs, events):
    """Checkpoints that Muster accepted and should not have, or handed out wrongly.

    `events` are those of all jobs in order, as `muster events --json` prints them.
    """
    problems = []
    said = {(run.job, run.attempt, step) for run in runs for _, step in run.commits}
    recorded = {run.job for run in runs}
    newest, latest = {}, {}
    for event in events:
        job, attempt = event.get("job"), event.get("attempt")
        if job not in recorded:
            continue
        if event["kind"] == "attemptStarted":
            if attempt <= newest.get(job, 0):
                problems.append(f"job {job}: attempt {attempt} started after attempt {newest[job]}")
            newest[job] = attempt
            if event["resumeStep"] != latest.get(job, 0):
                problems.append(f"job {job}: attempt {attempt} resumes after step {event['resumeStep']}, "
                                f"the last checkpoint accepted is {latest.get(job, 0)}")
        elif event["kind"] == "checkpointCommitted":
            if attempt != newest.get(job):
                problems.append(f"job {job}: a checkpoint of the old attempt {attempt} was accepted "
                                f"while attempt {newest.get(job)} was the newest (step {event['step']})")
            if (job, attempt, event["step"]) not in said:
                problems.append(f"job {job}: no rank of attempt {attempt} said checkpoint {event['step']}")
            latest[job] = event["step"]
    return problems


def resume_problems(runs, events):
    """Ranks that were told another step to resume after than the one that their attempt was given."""
    given = {(event["job"], event["attempt"]): event["resumeStep"] for event in events if event["kind"] == "attemptStarted"}
    return [f"was told to resume after {run.resume}, its attempt after {given.get((run.job, run.attempt))}: {run}"
            for run in runs if given.get((run.job, run.attempt)) != run.resume]


def problems(runs, fence, events=(), cuts=(), lease=None):
    """All of them. `fence` is `strict` or `attempt`; `cuts` are pairs of hosts and the moment of their cut."""
    found = device_problems(runs)
    if fence == "strict":
        found += strict_problems(runs)
    if events:
        found += checkpoint_problems(runs, events) + resume_problems(runs, events)
    for hosts, cut_at in cuts:
        found += late_problems(runs, hosts, cut_at, lease)
    return found


def main():
    """checker.py FOLDER strict|attempt: prints what is wrong, exits 1 if anything is."""
    found = problems(read(sys.argv[1]), sys.argv[2])
    print("\n".join(found) or "no problem found")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
