"""What `muster up --simulate` takes: until it is up, its answers, its processor and memory over a minute.

    python3 Benchmarks/pretend.py 8 10000 62500 --speed 100

Nodes of 8 devices in racks of 20, faults of `llama3`, the drawn jobs. A row a line of a Markdown table. MUSTER_BIN names the
binary (default .build/release/muster). Everything stays on loopback and is removed at the end.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
from waiting import eventually  # noqa: E402

MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "release", "muster"))
TICKS = os.sysconf("SC_CLK_TCK")
SETTLE, WATCH, ASKS = 20, 60, 20


def processor(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) // 1000


def median_ms(action):
    times = []
    for _ in range(ASKS):
        start = time.monotonic()
        action()
        times.append((time.monotonic() - start) * 1000)
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


class Asker:
    def __init__(self, data):
        self.address = open(os.path.join(data, "address")).read().strip().split("//")[1]
        self.token = open(os.path.join(data, "token")).read().strip()

    def get(self, path):
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.token})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


def measure(nodes, speed):
    with tempfile.TemporaryDirectory(prefix="muster-pretend-") as folder:
        data, fleet, log = (os.path.join(folder, name) for name in ("data", "fleet.yaml", "up.log"))
        with open(fleet, "w") as file:
            file.write(f"nodes: {nodes}\nnodesPerRack: 20\ndevicesPerNode: 8\ndeviceType: H100\nfaults: llama3\n")
        with open(log, "w") as file:
            process = subprocess.Popen(
                [MUSTER, "up", "--simulate", fleet, "--speed", str(speed), "--data", data, "--listen", "127.0.0.1:0", "--json"],
                stdout=file, stderr=file)
        try:
            start = time.monotonic()
            eventually(lambda: open(log).read(), lambda: "address" in open(log).read(), 120, 0.01)
            up = time.monotonic() - start
            time.sleep(SETTLE)
            asker = Asker(data)
            first, used, began = asker.get("/v1/cluster"), processor(process.pid), time.monotonic()
            time.sleep(WATCH)
            last, seconds = asker.get("/v1/cluster"), time.monotonic() - began
            core = (processor(process.pid) - used) / seconds * 100
            facts = (last["sequence"] - first["sequence"]) / seconds
            env = {**os.environ, "MUSTER_DATA": data}
            shown = median_ms(lambda: subprocess.run(
                [MUSTER, "jobs"], env=env, stdout=subprocess.DEVNULL, check=True))
            running = median_ms(lambda: asker.get("/v1/jobs?state=running&limit=100"))
            cluster = median_ms(lambda: asker.get("/v1/cluster"))
            size = sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(data) for name in names)
            print(
                f"| {nodes:,} | {speed} | {up:.1f} s | {last['jobs']['running']:,} | {shown} | {running} | {cluster} "
                f"| {core:.0f} % | {megabytes(process.pid)} MB | {facts:,.0f} | {size / 1e6:.0f} MB |", flush=True)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", type=int, nargs="+")
    parser.add_argument("--speed", type=int, default=100)
    options = parser.parse_args()
    print("| nodes | speed | up after | running jobs | `muster jobs`, ms | 100 running jobs by HTTP, ms | counts by HTTP, ms | processor "
          "| resident | facts a second | data folder |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for nodes in options.nodes:
        measure(nodes, options.speed)


if __name__ == "__main__":
    main()
