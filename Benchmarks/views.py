"""How long every list and view takes over a large fleet, and how long the writer is held meanwhile.

    python3 Benchmarks/views.py 62500 --jobs 10000

A pretend fleet of nodes of 8 devices, at the pace of the clock; jobs of so
many nodes that nine tenths of them run and the others wait. Findings are told of runs of ten minutes: --findings lowers that and
waits until the counters of every node were seen, so that a third of the jobs has some (a higher --speed does not do: then counters
are only seen now and then, and do not speak for a run). Each path is asked 200 times over one connection, of jobs and
nodes drawn with a seed. Beside it another process
asks the writer for a job every 5 ms: what it waits longer than when nobody asks is at least what the view held the writer
for, or one of the two cores. How long the writer was held it says itself (`muster_turn_seconds`): the last column has how many
of its turns meanwhile took longer than 5 ms. With --gate the exit code is 1 if a view's p99 is not under 50 ms. A row a line
of a Markdown table. MUSTER_BIN names the binary (default .build/release/muster). Everything stays on loopback and is removed
at the end.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
from waiting import eventually  # noqa: E402

MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "release", "muster"))
ASKS, SETTLE = 200, 30
# For `--findings`: what a run of less than a minute can reach.
THRESHOLDS = "thresholds: {source: a benchmark, shortRun: 10s, idleFor: 10s, measuredShare: 0.1}\n"
# Milliseconds, and seconds.
MOST, LONG_TURN = 50, 0.005


class Asker:
    def __init__(self, data):
        self.address = open(os.path.join(data, "address")).read().strip().split("//")[1]
        self.token = open(os.path.join(data, "token")).read().strip()
        self.connection = http.client.HTTPConnection(self.address, timeout=120)

    def ask(self, path, method="GET", body=None):
        """Milliseconds, and the answer's bytes."""
        start = time.perf_counter()
        self.connection.request(
            method, path, body=body,
            headers={"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        data = answer.read()
        took = (time.perf_counter() - start) * 1000
        if answer.status >= 300:
            raise SystemExit(f"{path}: {answer.status} {data[:300]}")
        return took, data

    def json(self, path):
        return json.loads(self.ask(path)[1])


class Probe:
    """Asks the writer all the time, from a process of its own: a thread would wait for this one's, which reads answers."""

    def __init__(self, data):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=Probe.run, args=(data, other), daemon=True)
        self.process.start()

    @staticmethod
    def run(data, pipe):
        asker, times = Asker(data), []
        while True:
            if not pipe.poll(0.005):
                times.append(asker.ask("/v1/jobs?limit=1")[0])
            elif pipe.recv() == "take":
                pipe.send(times)
                times = []
            else:
                return

    def take(self):
        self.pipe.send("take")
        return self.pipe.recv()

    def end(self):
        self.pipe.send("end")
        self.process.join()


def turns(asker):
    """Turns of the writer so far: all, and those that took longer than `LONG_TURN`."""
    text = asker.ask("/metrics")[1].decode()
    found = dict(re.findall(r'^muster_turn_seconds_bucket\{le="([^"]+)"\} (\d+)$', text, re.MULTILINE))
    if not found:
        return 0, 0
    return int(found["+Inf"]), int(found["+Inf"]) - int(found[str(LONG_TURN)])


def share(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def paths(chance, jobs, nodes, running, pending):
    job, node = (lambda: chance.choice(running)), (lambda: chance.choice(nodes))
    return [
        ("/v1/cluster", lambda: "/v1/cluster"),
        ("/v1/jobs, 500 a page", lambda: f"/v1/jobs?limit=500&after={chance.randrange(jobs)}"),
        ("/v1/jobs, running, 100 a page", lambda: f"/v1/jobs?state=running&limit=100&after={chance.randrange(jobs)}"),
        ("/v1/queue", lambda: f"/v1/queue?after={chance.randrange(max(1, len(pending)))}"),
        ("/v1/jobs/ID", lambda: f"/v1/jobs/{job()}"),
        ("/v1/jobs/ID/why, pending", lambda: f"/v1/jobs/{chance.choice(pending)}/why"),
        ("/v1/jobs/ID/report", lambda: f"/v1/jobs/{job()}/report"),
        ("/v1/jobs/ID/efficiency", lambda: f"/v1/jobs/{job()}/efficiency"),
        ("/v1/jobs/ID/devices", lambda: f"/v1/jobs/{job()}/devices"),
        ("/v1/nodes, 500 a page", lambda: f"/v1/nodes?limit=500&after={node()}"),
        ("/v1/nodes/NAME", lambda: f"/v1/nodes/{node()}"),
        ("/v1/nodes/NAME/devices", lambda: f"/v1/nodes/{node()}/devices"),
        ("/v1/devices", lambda: "/v1/devices"),
        ("/v1/quota", lambda: "/v1/quota"),
        ("/v1/topology", lambda: "/v1/topology"),
        ("/v1/map", lambda: "/v1/map"),
        ("/v1/top", lambda: "/v1/top"),
        ("/v1/accounts, by project", lambda: "/v1/accounts?by=project"),
        ("/v1/accounts, by job, 500 a page", lambda: f"/v1/accounts?by=job&limit=500&after={chance.randrange(jobs)}"),
        ("/v1/goodput", lambda: "/v1/goodput"),
        ("/v1/waste, by job", lambda: "/v1/waste?by=job"),
        ("/v1/waste, by job, 500 a page", lambda: "/v1/waste?by=job&limit=500"),
        ("/v1/waste, by project", lambda: "/v1/waste?by=project"),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nodes", type=int)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--speed", default="1")
    parser.add_argument("--findings", action="store_true")
    parser.add_argument("--gate", action="store_true")
    options = parser.parse_args()
    each = max(1, -(-options.nodes * 10 // (options.jobs * 9)))
    with tempfile.TemporaryDirectory(prefix="muster-views-") as folder:
        data, fleet, log, thresholds = (
            os.path.join(folder, name) for name in ("data", "fleet.yaml", "up.log", "efficiency.yaml"))
        with open(fleet, "w") as file:
            file.write(f"nodes: {options.nodes}\nnodesPerRack: 20\ndevicesPerNode: 8\ndeviceType: H100\n")
        with open(thresholds, "w") as file:
            file.write(THRESHOLDS)
        with open(log, "w") as file:
            process = subprocess.Popen(
                [MUSTER, "up", "--simulate", fleet, "--workload", "none", "--speed", options.speed, "--data", data,
                 "--listen", "127.0.0.1:0", "--json", *(["--efficiency", thresholds] if options.findings else [])],
                stdout=file, stderr=file)
        try:
            eventually(lambda: open(log).read(), lambda: "address" in open(log).read(), 120, 0.01)
            asker = Asker(data)
            for first in range(0, options.jobs, 500):
                asker.ask("/v1/jobs", "POST", json.dumps([
                    {"name": f"job-{first + i}", "user": f"user{i % 40}", "project": f"project{i % 20}",
                     "gang": {"nodes": each, "devicesPerNode": 8}, "command": ["sleep", "30d"], "workingDirectory": "/",
                     "walltime": "30d"} for i in range(min(500, options.jobs - first))]))
            eventually(lambda: "jobs start", lambda: asker.json("/v1/cluster")["jobs"]["starting"] == 0, 300, 1)
            time.sleep(SETTLE)
            if options.findings:
                eventually(lambda: "jobs have findings", lambda: with_findings(asker) > options.jobs / 5, 300, 5)
            slow = measure(data, asker, options.jobs)
        except (OSError, http.client.HTTPException):
            print(open(log).read()[-4000:], file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    if slow:
        print(f"\np99 is not under {MOST} ms: {', '.join(slow)}")
    sys.exit(1 if slow and options.gate else 0)


def with_findings(asker):
    """Jobs that have some."""
    rows, after = 0, 0
    while after is not None:
        page = asker.json(f"/v1/waste?by=job&limit=500&after={after}")
        rows, after = rows + len(page["rows"]), page["next"]
    return rows


def measure(data, asker, jobs):
    chance = random.Random(1)
    counts = asker.json("/v1/cluster")
    states, after = {}, 0
    while after is not None:
        page = asker.json(f"/v1/jobs?limit=500&after={after}")
        for job in page["jobs"]:
            states.setdefault(job["state"], []).append(job["id"])
        after = page["next"]
    nodes = [node["name"] for node in asker.json("/v1/nodes?limit=500")["nodes"]]
    probe = Probe(data)
    time.sleep(3)
    quiet = probe.take()
    print(f"{counts['nodes']['total']:,} nodes, {len(states['running']):,} jobs run, {len(states.get('pending', [])):,} wait. "
          f"A question to the writer while nobody else asks: p50 {share(quiet, 0.5):.1f}, p99 {share(quiet, 0.99):.1f} ms.\n")
    print("| view | p50 | p99 | worst | bytes | the writer's answer beside it: p50, p99, worst | turns, over 5 ms |")
    print("|---|---|---|---|---|---|---|")
    slow = []
    for name, path in paths(chance, jobs, nodes, states["running"], states.get("pending") or states["running"]):
        asker.ask(path())
        probe.take()
        before = turns(asker)
        told = [asker.ask(path()) for _ in range(ASKS)]
        after = turns(asker)
        beside = probe.take() or [0]
        times = [took for took, _ in told]
        if share(times, 0.99) >= MOST:
            slow.append(name)
        print(f"| {name} | {share(times, 0.5):.1f} ms | {share(times, 0.99):.1f} ms | {max(times):.1f} ms "
              f"| {sum(len(body) for _, body in told) // ASKS:,} | {share(beside, 0.5):.1f}, {share(beside, 0.99):.1f}, "
              f"{max(beside):.1f} ms | {after[0] - before[0]:,}, {after[1] - before[1]} |", flush=True)
    probe.end()
    return slow


if __name__ == "__main__":
    main()
