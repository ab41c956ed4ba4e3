"""How many waiting jobs a second are considered by Slurm's backfill, and by Muster's planner, on the same jobs.

    python3 Benchmarks/slurm.py [--pending 5000] [--seconds 120]

10,000 nodes with 8 GPUs, 95 % busy, and a pending set that `planner-bench pending` draws from a seed. Slurm is Debian's, a real
slurmctld with nodes of `State=CLOUD` that never come up: what it starts holds its nodes and runs nothing. What runs in
Muster's fleet is submitted first, then what waits; then sdiag is read for each of SETTINGS, and the best one counts.
Quotas, segments and levels are left out for Slurm, which has less to look at. Then `planner-bench` plans whole rounds on the
same fleet with all of them. The time of Slurm's cycle is what sdiag says: without its sleeps.

Needs root and the packages slurm-wlm and munge, which it installs; says so and ends with 0 where it cannot. Everything
runs on loopback, in a folder of its own; only processes that it started are ended. PLANNER_BENCH names the binary
(default Benchmarks/Core/.build/release/planner-bench).
"""

import argparse
import concurrent.futures
import csv
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.environ.get(
    "PLANNER_BENCH", os.path.join(ROOT, "Benchmarks", "Core", ".build", "release", "planner-bench"))
NODES = 10_000
GPUS = 8

# A cycle ends after `bf_max_time`: else one over all jobs takes many minutes.
ALL = "bf_continue,bf_max_job_test=10000,bf_interval=10,bf_max_time=40"
SETTINGS = [
    ("as it comes", "bf_interval=10"),
    ("all jobs, one day by the minute", ALL),
    ("all jobs, one day by the hour", ALL + ",bf_resolution=3600"),
    ("all jobs, 14 days by 6 hours", ALL + ",bf_window=20160,bf_resolution=21600"),
]


def skip(reason):
    print(f"slurm: skipped: {reason}")
    sys.exit(0)


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Slurm:
    def __init__(self, folder, parameters):
        os.chmod(folder, 0o755)  # munged wants its socket to be within reach of all; the key is not.
        self.folder, self.processes = folder, []
        self.ports = free_ports(2)
        for name in ("state", "spool"):
            os.mkdir(os.path.join(folder, name))
        self.environment = dict(os.environ, SLURM_CONF=os.path.join(folder, "slurm.conf"))
        self.configure(parameters)
        with open(os.path.join(folder, "gres.conf"), "w") as file:
            file.write(f"Name=gpu Count={GPUS}\n")

    def configure(self, parameters):
        path = lambda name: os.path.join(self.folder, name)  # noqa: E731
        lines = {
            "ClusterName": "bench", "SlurmctldHost": "localhost(127.0.0.1)", "SlurmctldPort": self.ports[0],
            "SlurmdPort": self.ports[1], "SlurmUser": "root", "SlurmdUser": "root", "AuthType": "auth/munge",
            "AuthInfo": "socket=" + path("munge.socket"), "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "StateSaveLocation": path("state"), "SlurmdSpoolDir": path("spool"), "SlurmctldPidFile": path("slurmctld.pid"),
            "SlurmctldLogFile": path("slurmctld.log"), "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none", "MpiDefault": "none", "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core", "SchedulerType": "sched/backfill", "GresTypes": "gpu",
            "AccountingStorageType": "accounting_storage/none", "SlurmdTimeout": 0, "MessageTimeout": 100, "MaxJobCount": 200_000,
            # The nodes are switched on and never answer; nobody waits for that to end.
            "SuspendProgram": "/bin/true", "ResumeProgram": "/bin/true", "SuspendTime": 360_000,
            "ResumeTimeout": 60_000, "SuspendTimeout": 10, "ResumeRate": 0, "SuspendRate": 0, "PrivateData": "cloud",
            "SchedulerParameters": "batch_sched_delay=0,sched_interval=10," + parameters,
        }
        with open(path("slurm.conf"), "w") as file:
            for name, value in lines.items():
                file.write(f"{name}={value}\n")
            file.write(f"NodeName=c[1-{NODES}] CPUs={2 * GPUS} RealMemory=1000 Gres=gpu:{GPUS} State=CLOUD\n")
            file.write("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n")

    def start(self):
        path = lambda name: os.path.join(self.folder, name)  # noqa: E731
        with open(os.open(path("munge.key"), os.O_CREAT | os.O_WRONLY, 0o400), "wb") as file:
            file.write(secrets.token_bytes(128))
        self.spawn(
            "munged", "--foreground", "--key-file", path("munge.key"), "--socket", path("munge.socket"), "--pid-file",
            path("munged.pid"), "--log-file", path("munged.log"), "--seed-file", path("munge.seed"))
        self.wait("munged", lambda: os.path.exists(path("munge.socket")), 10)
        self.spawn("slurmctld", "-D", "-c")
        self.wait("slurmctld", lambda: self.call("sinfo", "-h", check=False) is not None, 90)

    def spawn(self, *command):
        with open(os.path.join(self.folder, command[0] + ".out"), "w") as file:
            self.processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.environment))

    def wait(self, what, answers, seconds):
        end = time.monotonic() + seconds
        while not answers():
            if self.processes[-1].poll() is not None or time.monotonic() > end:
                with open(os.path.join(self.folder, what + ".out")) as file:
                    raise RuntimeError(f"{what} does not answer: {file.read()[-500:]}")
            time.sleep(0.1)

    def call(self, *command, check=True):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment)
        if done.returncode and check:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return None if done.returncode else done.stdout

    def submit(self, rows):
        """Nothing is scheduled while they arrive, else each takes as long as a small round."""
        self.call("scontrol", "update", "partition=main", "state=DOWN")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.submit_one, rows))
        self.call("scontrol", "update", "partition=main", "state=UP")

    def submit_one(self, row):
        nodes, devices = int(row["nodes"]), int(row["devices_per_node"])
        whole = ["--exclusive"] if devices == GPUS else [f"--cpus-per-task={2 * devices}"]
        self.call(
            "sbatch", "-Q", f"--nodes={nodes}", "--ntasks-per-node=1", f"--gpus-per-node={devices}", *whole,
            f"--time={-(-int(row['seconds']) // 60)}", "--output=/dev/null", "--wrap=true")

    def states(self):
        counts = {}
        for state in (self.call("squeue", "-h", "-o", "%T") or "").split():
            counts[state] = counts.get(state, 0) + 1
        return counts

    def backfill(self, seconds):
        """Mean jobs looked at, of these tried, and seconds of a backfill cycle, and how many cycles."""
        self.call("sdiag", "-r")
        end = time.monotonic() + seconds
        while True:
            time.sleep(5)
            text = (self.call("sdiag") or "").split("Backfilling stats")[1]
            if number(text, "Total cycles") >= 3 or time.monotonic() > end:
                break
        return (number(text, "Depth Mean"), number(text, r"Depth Mean \(try depth\)"), number(text, "Mean cycle") / 1e6,
                number(text, "Total cycles"))

    def end(self):
        for process in reversed(self.processes):
            stop(process)


def stop(process):
    process.terminate()
    try:
        process.wait(120)  # It saves its state between two parts of a cycle.
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def number(text, name):
    found = re.search(name + r":\s*(\d+)", text)
    return int(found.group(1)) if found else 0


def measure_slurm(parameters, rows, pending, seconds):
    """A fresh one for each of its settings: one that is started from its saved state has other nodes."""
    with tempfile.TemporaryDirectory(prefix="muster-slurm-") as folder:
        slurm = Slurm(folder, parameters)
        try:
            slurm.start()
            slurm.submit([row for row in rows if row["state"] == "running"])
            end = time.monotonic() + 120
            while slurm.states().get("PENDING", 0) and time.monotonic() < end:
                time.sleep(2)
            slurm.submit([row for row in rows if row["state"] == "pending"])
            found = slurm.backfill(seconds)
            states = slurm.states()
            if states.get("PENDING", 0) < pending * 0.9:
                raise RuntimeError(f"too few jobs wait: {states}")
            return found
        finally:
            slurm.end()


def measure_muster(pending):
    out = subprocess.run([BENCH, "middle", str(pending)], check=True, capture_output=True, text=True).stdout
    found = re.search(rf"nodes +{pending} +([\d.]+) +([\d.]+) +([\d.]+)", out)
    if not found:
        raise RuntimeError(f"planner-bench said something else: {out}")
    cpu, _, wall = (float(word) for word in found.groups())
    print(f"muster: a round over all {pending} jobs: {cpu} ms CPU, {wall} ms wall (medians)")
    return pending / wall * 1000


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--pending", type=int, default=5000)
    arguments.add_argument("--seconds", type=int, default=150, help="most for each of Slurm's settings")
    options = arguments.parse_args()
    if os.geteuid() != 0:
        skip("it needs root, to install Slurm and to run it")
    if not os.path.exists(BENCH):
        sys.exit(f"slurm: {BENCH} is not there: swift build -c release --package-path Benchmarks/Core")
    installed = subprocess.run([os.path.join(ROOT, "scripts", "install-packages"), "slurm-wlm", "munge"])
    if installed.returncode or not all(shutil.which(name) for name in ("slurmctld", "munged", "sbatch", "sdiag")):
        skip("slurm-wlm and munge cannot be installed")
    print(subprocess.run(["slurmctld", "-V"], capture_output=True, text=True).stdout.strip())
    text = subprocess.run([BENCH, "pending", str(options.pending)], check=True, capture_output=True, text=True).stdout
    rows = list(csv.DictReader(text.splitlines()))
    theirs = 0
    print("| Slurm's settings | cycles | jobs a cycle | of these tried | s a cycle | jobs considered a second |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, parameters in SETTINGS:
        depth, tried, took, cycles = measure_slurm(parameters, rows, options.pending, options.seconds)
        rate = depth / took if took else 0
        theirs = max(theirs, rate)
        print(f"| {name} | {cycles} | {depth} | {tried} | {took:.2f} | {rate:.1f} |", flush=True)
    ours = measure_muster(options.pending)
    ratio = f"{ours / theirs:,.0f} times as many" if theirs else "none by Slurm"
    print(f"jobs considered a second: Slurm at its best {theirs:,.1f}, Muster {ours:,.0f}: {ratio}")


main()
