"""What telemetry costs a controller: real links, agents that say hello, report as idle ones do, and tell every 10 s what
their devices did.

    python3 Benchmarks/telemetry.py 5000             5,000 nodes of 8 devices
    python3 Benchmarks/telemetry.py 200 --devices 4 --seconds 130

It measures the controller's processor first with reports alone, then with telemetry; its memory; what lies on its disk
after whole minutes. Days and 62,500 nodes are worked out from the bytes of a row. No job runs: what is kept every 10 s, which
is only of nodes with a job, is worked out from what was sent. A row a line of a Markdown table. MUSTER_BIN names the binary
(default .build/release/muster). Everything stays on loopback and is removed at the end.
"""

import argparse
import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
import link  # noqa: E402
from waiting import eventually  # noqa: E402

MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "release", "muster"))
TICKS = os.sysconf("SC_CLK_TCK")
EVERY, REPORTS = 10, 5
# What a row takes beside its blob: its entry in the directory of its block.
ENTRY = 12
KEPT = (("10 s", 10, 0.25), ("1 min", 60, 7), ("1 h", 3600, 400))


def processor(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024 / 1e6


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(folder) for name in names)


def blobs(devices):
    """A few of full size that differ; a start is put in front of each."""
    chance = random.Random(1)
    found = []
    for _ in range(64):
        made = []
        for _ in range(devices):
            counters = {name: chance.random() * (700 if name == "power" else 1900 if name == "smClock" else 8e10
                                                 if name == "memoryUsed" else 900 if name.startswith("pcie") else 1)
                        for name, _ in link.COUNTERS}
            working = chance.randrange(1, 10_000)
            made.append(link.device({"working": working, "starved": 10_000 - working}, counters))
        found.append(made)
    return found


class Agent:
    def __init__(self, number, devices, made):
        self.name, self.devices, self.made = f"bench-{number}", devices, made
        self.phase, self.beat, self.sent = (number * 7919 % 10_000) / 10_000, 0, 0
        self.tells = False

    async def run(self, host, port, token, ready):
        while True:
            try:
                reader, self.writer = await asyncio.open_connection(host, port)
                break
            except OSError:
                await asyncio.sleep(0.2)
        self.writer.write(link.head(f"{host}:{port}", token) + link.chunk(link.hello(self.name, self.devices)))
        await reader.read(256)
        ready.append(self.name)
        asyncio.ensure_future(self.listen(reader))
        await asyncio.sleep(self.phase * REPORTS)
        due = time.monotonic()
        told = due + self.phase * (EVERY - REPORTS)
        while True:
            self.beat += 1
            out = link.chunk(link.report(self.beat))
            if self.tells and time.monotonic() >= told:
                told = max(told + EVERY, time.monotonic() - EVERY)
                start = int(time.time() * 1000) - 10_000
                packed = link.rollup(start, 10_000, self.made[(self.beat + len(self.name)) % len(self.made)])
                self.sent += 1
                out += link.chunk(link.telemetry(packed))
            self.writer.write(out)
            await self.writer.drain()
            due += REPORTS
            await asyncio.sleep(max(0, due - time.monotonic()))

    @staticmethod
    async def listen(reader):
        while await reader.read(65536):
            pass


async def share(pid, seconds):
    """Of a core, in percent, over the next seconds."""
    used, began = processor(pid), time.monotonic()
    await asyncio.sleep(seconds)
    return (processor(pid) - used) / (time.monotonic() - began) * 100


async def measure(options, folder):
    data = os.path.join(folder, "data")
    with open(os.path.join(folder, "log"), "w") as log:
        server = subprocess.Popen([MUSTER, "server", "--listen", "127.0.0.1:0", "--data", data], stdout=log, stderr=log)
    try:
        eventually("the controller listens", lambda: os.path.exists(os.path.join(data, "address")), 60)
        host, port = open(os.path.join(data, "address")).read().strip().split("//")[1].rsplit(":", 1)
        token = open(os.path.join(data, "node-token")).read().strip()
        made, ready = blobs(options.devices), []
        agents = [Agent(i, options.devices, made) for i in range(options.nodes)]
        tasks = []
        for i, agent in enumerate(agents):
            tasks.append(asyncio.ensure_future(agent.run(host, int(port), token, ready)))
            if i % 50 == 49:
                await asyncio.sleep(0.05)
        while len(ready) < options.nodes:
            await asyncio.sleep(0.2)
        await asyncio.sleep(10)
        before, memory = await share(server.pid, 30), megabytes(server.pid)
        for agent in agents:
            agent.tells = True
        await asyncio.sleep(15)
        after = await share(server.pid, options.seconds)
        told = [task.exception() for task in tasks if task.done()]
        if told:
            raise SystemExit(f"{len(told)} links ended: {told[0]}")
        blob = sum(len(link.rollup(int(time.time() * 1000), 10_000, m)) for m in made) / len(made)
        sent = sum(agent.sent for agent in agents)
        print(f"| {options.nodes:,} x {options.devices} | {before:.0f} % | {after:.0f} % | {memory:.0f} MB | {megabytes(server.pid):.0f} MB "
              f"| {sent:,} | {blob:.0f} | {folder_bytes(os.path.join(data, 'rollups')) / 1e6:.1f} MB |")
        return blob
    finally:
        server.kill()
        server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nodes", type=int)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=130, help="of telemetry that is measured")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    print("| nodes x devices | of a core, reports alone | with telemetry | memory before | after | rollups sent | bytes each | on disk |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="muster-telemetry-") as folder:
        blob = asyncio.run(measure(options, folder))
    print("\n| nodes | step | a day | kept | on disk |\n|---|---|---|---|---|")
    for nodes in sorted({options.nodes, 5_000, 62_500}):
        for name, step, days in KEPT:
            day = nodes * 86_400 / step * (blob + ENTRY)
            print(f"| {nodes:,} x {options.devices} | {name} | {day / 1e9:.2f} GB | {days:g} d | {day * days / 1e9:.1f} GB |")


if __name__ == "__main__":
    main()
