"""What a controller costs with many nodes: pretend agents (the real machines on real TLS links, pretended ranks).

    python3 Benchmarks/scale.py agents 100 1000 5000     join, steady state
    python3 Benchmarks/scale.py agents 5000 --idle-reports 1000000     every agent reports each second, as 5,000 do at most
    python3 Benchmarks/scale.py restart 200              gangs of 2 nodes; the controller killed and started again
    python3 Benchmarks/scale.py jobs 1000                8 jobs of one device a node, submitted and placed through the API
    python3 Benchmarks/scale.py why 2000                 all nodes busy, 2,000 gangs pending: how long an answer to `why` takes

More than 10,000 agents take root: their links take more ports and files than a program usually may have, so it runs in a
network namespace of its own. All print a row a line of a Markdown table. MUSTER_BIN names the binary (default .build/release/muster). Everything
stays on loopback and is removed at the end.
"""

import http.client
import json
import os
import random
import resource
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
from waiting import eventually  # noqa: E402

MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "release", "muster"))
TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, log, *command):
        self.log = log
        with open(log, "a") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def text(self):
        with open(self.log) as file:
            return file.read()

    def cpu(self):
        """Seconds on a processor."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024 / 1e6
        return 0.0

    def end(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()


class Controller:
    def __init__(self, folder, *options):
        self.folder, self.data, self.port, self.options = folder, os.path.join(folder, "controller"), 0, options
        self.start()

    def start(self):
        self.server = Process(os.path.join(self.folder, "server.log"), MUSTER, "server", "--tls", "--listen",
                              f"127.0.0.1:{self.port}", "--data", self.data, *self.options)
        eventually("the controller answers", self.answers, 30)
        with open(os.path.join(self.data, "address")) as file:
            self.address = file.read().strip()
        self.port = int(self.address.rsplit(":", 1)[1])

    def answers(self):
        try:
            return self.cluster()
        except (OSError, ValueError):
            return None

    def get(self, path):
        with open(os.path.join(self.data, "address")) as file:
            address = file.read().strip()
        with open(os.path.join(self.data, "token")) as file:
            token = file.read().strip()
        context = ssl.create_default_context(cafile=os.path.join(self.data, "ca.pem"))
        request = urllib.request.Request(address + path, headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return json.loads(answer.read())

    def submit(self, jobs):
        with open(os.path.join(self.data, "token")) as file:
            token = file.read().strip()
        context = ssl.create_default_context(cafile=os.path.join(self.data, "ca.pem"))
        request = urllib.request.Request(
            self.address + "/v1/jobs", json.dumps(jobs).encode(),
            headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            answer.read()

    def cluster(self):
        return self.get("/v1/cluster")

    def muster(self, *arguments, stdin=None):
        done = subprocess.run([MUSTER, *arguments], env={**os.environ, "MUSTER_DATA": self.data}, input=stdin,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"muster {arguments}: {done.stderr}")
        return done.stdout

    def pretend(self, nodes):
        token = self.muster("token", "create").splitlines()[-1]
        return Process(os.path.join(self.folder, "pretend.log"), MUSTER, "pretend", "--join", self.address, "--token",
                       token, "--nodes", str(nodes), "--data", os.path.join(self.folder, "keys"))


def share(process, seconds):
    """Of a core, in percent, over the next seconds."""
    cpu, begin = process.cpu(), time.monotonic()
    time.sleep(seconds)
    return (process.cpu() - cpu) / (time.monotonic() - begin) * 100


def agents(folder, nodes, options):
    controller = Controller(folder, *options)
    empty = controller.server.megabytes()
    begin, cpu = time.monotonic(), controller.server.cpu()
    fleet = controller.pretend(nodes)
    try:
        eventually(f"{nodes} nodes are connected", lambda: "connected" in fleet.text(), 1800)
        joined, spent = time.monotonic() - begin, controller.server.cpu() - cpu
        eventually("all are ready", lambda: controller.cluster()["nodes"]["ready"] == nodes, 60)
        time.sleep(3)
        own, begin = fleet.cpu(), time.monotonic()
        steady = share(controller.server, 20)
        wall = time.monotonic() - begin
        memory = controller.server.megabytes()
        print(f"| {nodes:,} | {joined:.1f} s | {spent / nodes * 1000:.2f} ms | "
              f"{steady:.1f} % | {memory:.0f} MB | "
              f"{(memory - empty) / nodes * 1000:.0f} kB | {(fleet.cpu() - own) / wall * 100:.1f} % |", flush=True)
    finally:
        fleet.end()
        controller.server.end()


def restart(folder, gangs, options, trials=10):
    controller = Controller(folder, *options)
    fleet = controller.pretend(2 * gangs)
    try:
        eventually("all nodes are connected", lambda: "connected" in fleet.text(), 600)
        job = os.path.join(folder, "job.yaml")
        with open(job, "w") as file:
            file.write("gang: {nodes: 2, devicesPerNode: 8}\ncommand: [train]\nworkingDirectory: /\n")
        controller.muster("submit", *[job] * gangs)
        eventually("all gangs run", lambda: controller.cluster()["jobs"]["running"] == gangs, 60)
        time.sleep(3)
        steady = share(controller.server, 10)
        times = []
        for _ in range(trials):
            time.sleep(2)
            begin = time.monotonic()
            controller.server.end()
            controller.start()
            eventually("all are known again", lambda: controller.cluster()["shims"]["heard"] == 2 * gangs, 60)
            times.append(time.monotonic() - begin)
        jobs = json.loads(controller.muster("jobs", "--json"))
        disturbed = sum(1 for job in jobs if job["attempt"] != 1 or job["state"] != "running")
        print(f"| controller killed and started again with {gangs} running pretend gangs ({2 * gangs} shims): until all "
              f"are known | {len(times)} | {statistics.median(times):.2f} s | {min(times):.2f} | {max(times):.2f} | "
              f"jobs disturbed: {disturbed}; before, in peace, the controller used {steady:.1f} % of a core |")
    finally:
        fleet.end()
        controller.server.end()


def placed(controller, count):
    """Seconds from the first submission until all of so many jobs of one device have a durable start."""
    job = {"name": "small", "gang": {"nodes": 1, "devicesPerNode": 1}, "command": ["true"], "workingDirectory": "/",
           "walltime": "24h"}
    begin, cpu = time.monotonic(), controller.server.cpu()
    for start in range(0, count, 500):
        controller.submit([job] * min(500, count - start))
    submitted = time.monotonic() - begin

    def all_have_a_place():
        counts = controller.cluster()["jobs"]
        return counts["starting"] + counts["running"] + counts["stopping"] == count

    eventually("all are placed", all_have_a_place, 120)
    return time.monotonic() - begin, submitted, controller.server.cpu() - cpu


def jobs(folder, nodes, options):
    controller = Controller(folder, *options)
    fleet = controller.pretend(nodes)
    try:
        eventually(f"{nodes} nodes are connected", lambda: "connected" in fleet.text(), 600)
        eventually("all are ready", lambda: controller.cluster()["nodes"]["ready"] == nodes, 60)
        time.sleep(3)
        count = nodes * 8
        took, submitted, spent = placed(controller, count)
        print(f"| {count:,} jobs of one device on {nodes:,} pretend nodes: submitted after {submitted:.2f} s, all placed "
              f"after {took:.2f} s | {count / took:,.0f} jobs/s | controller's processor time {spent / count * 1e6:.0f} µs a "
              f"job |", flush=True)
    finally:
        fleet.end()
        controller.server.end()


class Asking:
    """One connection that is kept, as a client that asks often has it."""

    def __init__(self, controller):
        with open(os.path.join(controller.data, "token")) as file:
            self.headers = {"Authorization": "Bearer " + file.read().strip()}
        context = ssl.create_default_context(cafile=os.path.join(controller.data, "ca.pem"))
        self.connection = http.client.HTTPSConnection("127.0.0.1", controller.port, timeout=30, context=context)

    def get(self, path):
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:200]}")
        return json.loads(body)


def asked(controller, jobs, count, disturb=None):
    """Milliseconds of so many answers to `why`, of jobs in a drawn order; `disturb` is called after every tenth."""
    asking, dice, times = Asking(controller), random.Random(1), []
    for i in range(count):
        job = dice.choice(jobs)
        begin = time.monotonic()
        answer = asking.get(f"/v1/jobs/{job}/why")
        times.append((time.monotonic() - begin) * 1000)
        # One may start: where too much is asked of a machine, nodes fall silent and gangs make room.
        if answer["state"] == "pending" and not answer["causes"]:
            raise SystemExit(f"job {job} has no cause: {answer}")
        if disturb and i % 10 == 9:
            disturb()
    return sorted(times)


def why(folder, nodes, options, gangs_pending=2_000, answers=2_000):
    controller = Controller(folder, *options)
    fleet = controller.pretend(nodes)
    try:
        eventually(f"{nodes} nodes are connected", lambda: "connected" in fleet.text(), 1800)
        eventually("all are ready", lambda: controller.cluster()["nodes"]["ready"] == nodes, 60)
        dice = random.Random(2)

        def job(size, hours):
            return {"name": "gang", "gang": {"nodes": size, "devicesPerNode": 8}, "command": ["true"],
                    "workingDirectory": "/", "walltime": f"{hours}h"}

        # The fleet is full for a day or two; what waits has sizes and times of many kinds.
        gangs = nodes // 4
        for start in range(0, gangs, 25):
            count = min(25, gangs - start)
            controller.submit([job(4, dice.randint(24, 48)) for _ in range(count)])

            def all_run():
                # Hundreds of shims dial at once: an answer may take long.
                counts = controller.answers()
                return counts is not None and counts["jobs"]["running"] == start + count

            eventually(f"{start + count} gangs run", all_run, 120)
        pending = [job(2 ** dice.randint(0, 5), dice.randint(1, 72)) for _ in range(gangs_pending)]
        for start in range(0, gangs_pending, 250):
            controller.submit(pending[start:start + 250])
        numbers = list(range(gangs + 1, gangs + gangs_pending + 1))
        asking = Asking(controller)
        eventually("all have been looked at", lambda: not any(
            cause["kind"] == "planning" for cause in asking.get(f"/v1/jobs/{numbers[-1]}/why")["causes"]), 60)
        waiting = controller.cluster()["jobs"]["pending"]
        for what, disturb in [("nothing changes", None),
                              ("a job is submitted after every tenth answer", lambda: controller.submit([job(64, 1)]))]:
            times = asked(controller, numbers, answers, disturb)
            print(f"| `why` of one of {waiting:,} pending gangs, {nodes:,} pretend nodes, {what} | {len(times):,} | "
                  f"p50 {times[len(times) // 2]:.2f} ms | p99 {times[len(times) * 99 // 100]:.2f} ms | "
                  f"worst {times[-1]:.2f} ms |", flush=True)
    finally:
        fleet.end()
        controller.server.end()


MANY = 10_000


def own_network():
    """A namespace in which all ports are ours, and as many open files as there may be links."""
    if "MUSTER_SCALE_NETWORK" not in os.environ:
        os.environ["MUSTER_SCALE_NETWORK"] = "own"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
        file.write("1024 65535")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200_000, 200_000))
    except ValueError:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        print(f"a process may have {most:,} open files here: fewer agents than that", file=sys.stderr)


def main():
    parts = {"agents": agents, "restart": restart, "jobs": jobs, "why": why}
    if len(sys.argv) < 3 or sys.argv[1] not in parts:
        raise SystemExit(__doc__)
    words, options = sys.argv[2:], []
    if "--idle-reports" in words:
        at = words.index("--idle-reports")
        words, options = words[:at], words[at:]
    sizes = [int(word) for word in words]
    if max(sizes) > MANY:
        own_network()
    if sys.argv[1] == "agents":
        print("| agents | all joined and connected after | controller's processor time a join | steady: processor | "
              "resident | an agent | the pretend agents' own processor |\n|---|---|---|---|---|---|---|", flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="muster-scale-", dir="/var/tmp") as folder:
            parts[sys.argv[1]](folder, size, options)


main()
