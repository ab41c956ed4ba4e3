#!/usr/bin/env python3
"""A real gang trains, loses a node, and finishes without losing progress.

Starts a controller and 5 local nodes, trains a small language model on 4 of them with PyTorch (gloo, CPU), kills one node
between two checkpoints with SIGKILL, and shows what Muster sees and does. A run without a fault follows, and one that uses
devices which are guaranteed to another project: it gives way at a checkpoint when they are asked for, and goes on later. All
three must end in the same bits. Standard library only; the training itself is examples/train/train.py.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TTY = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
COLORS = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "dim": 2, "bold": 1}
STARTED = time.monotonic()


def paint(text, color):
    return f"\x1b[{COLORS[color]}m{text}\x1b[0m" if TTY else text


class Screen:
    """Lines that stay, and below them, on a terminal, one that is drawn over."""

    def __init__(self):
        self.lock = threading.Lock()
        self.status = ""
        self.last_plain = 0.0
        self.last_event = ""

    def say(self, text="", color=None):
        with self.lock:
            if TTY and self.status:
                sys.stdout.write("\r\x1b[K")
            clock = f"{time.monotonic() - STARTED:6.1f} s  "
            sys.stdout.write((paint(clock, "dim") + (paint(text, color) if color else text)).rstrip() + "\n")
            if TTY and self.status:
                sys.stdout.write(self.status)
            sys.stdout.flush()

    def progress(self, text):
        with self.lock:
            if TTY:
                self.status = "          " + text
                sys.stdout.write("\r\x1b[K" + self.status)
                sys.stdout.flush()
                return
        if time.monotonic() - self.last_plain >= 5:  # a file or a pipe gets a line now and then
            self.last_plain = time.monotonic()
            self.say(text)

    def clear(self):
        with self.lock:
            if TTY and self.status:
                sys.stdout.write("\r\x1b[K")
            self.status = ""


class Muster:
    def __init__(self, program, data):
        self.program = program
        self.data = data

    def run(self, *arguments):
        done = subprocess.run(
            [self.program, *arguments, "--data", self.data, "--json"], capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"muster {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def follow(self, job, heard):
        """Events of a job, each handed to `heard` as it comes."""
        process = subprocess.Popen(
            [self.program, "events", str(job), "-f", "--data", self.data, "--json"], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL)

        def read():
            for line in process.stdout:
                line = line.strip()
                if line:
                    heard(json.loads(line))

        threading.Thread(target=read, daemon=True).start()
        return process


def bar(done, total, width=30):
    filled = int(width * done / total) if total else 0
    return "█" * filled + "░" * (width - filled)


def job_file(folder, name, steps, every):
    out = os.path.join(folder, name)
    os.makedirs(out, exist_ok=True)
    path = os.path.join(folder, name + ".yaml")
    command = [
        "/usr/bin/python3", "examples/train/train.py", "--steps", str(steps), "--checkpoint-every", str(every), "--out",
        out, "--report", os.path.join(out, "report.json"), "--print-every", "20", "--step-log", os.path.join(out, "steps.log")]
    with open(path, "w") as file:
        file.write(f"name: {name}\ngang: {{nodes: 4, devicesPerNode: 1, ranksPerNode: 1}}\n")
        file.write(f"command: {json.dumps(command)}\nworkingDirectory: {json.dumps(ROOT)}\n")
        file.write('environment: {OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1"}\n')
        file.write(f"checkpoint: {{every: {every}}}\nproject: research\n")
    return path, os.path.join(out, "report.json")


POLICY = """projects:
  - {name: research}
  - {name: product, quotas: {any: 2}}
"""


def short_job(folder, name, project, nodes, seconds):
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w") as file:
        file.write(f"name: {name}\nproject: {project}\ngang: {{nodes: {nodes}, devicesPerNode: 1}}\n")
        file.write(f'command: ["/usr/bin/python3", "-c", "import time; time.sleep({seconds})"]\n')
    return path


def ask_for_devices(screen, muster, folder, job):
    """Another project asks for what is guaranteed to it, and a second job of the first one queues behind."""
    screen.say(f"QUEUE    research trains on 4 devices, step {job['step']}; 2 of them are guaranteed to product", "bold")
    asking = muster.run("submit", short_job(folder, "evaluate", "product", 2, 6))["id"]
    behind = muster.run("submit", short_job(folder, "sweep", "research", 4, 1))["id"]
    for number in (asking, behind):
        why = muster.run("why", str(number))
        for cause in why["causes"]:
            screen.say(f"why {number}   {cause['kind']}: {cause['message']}")
    return asking


SHOWN = {
    "attemptPreempted": "yellow", "faultFound": "red", "attemptEnding": "yellow", "attemptStarted": "cyan", "gangStarted": "green",
    "checkpointCommitted": "dim", "jobEnded": "bold"}


def show_event(screen, event):
    kind = event["kind"]
    if kind not in SHOWN:
        return
    if kind == "faultFound":
        fault = event["fault"]
        where = f" of node {fault['node']}" if fault.get("node") else ""
        screen.say(f"FAULT    {fault['cause']}{where}", "red")
        for line in fault["evidence"]:
            screen.say(f"  seen     {line}")
        screen.say(
            f"  verdict  {fault['component']}{' ' + fault['node'] if fault.get('node') else ''}, "
            f"{fault['confidence']}; action: {fault['action']}", "red")
        return
    if event["text"] == screen.last_event:
        return  # said again with what a late report added, which this line does not show
    screen.last_event = event["text"]
    screen.say(event["text"], SHOWN[kind])


def kill_node(screen, muster, job):
    """SIGKILL to everything a machine would lose with its power: agent, shim, ranks."""
    victim = job["ranks"][2]
    node = muster.run("node", victim["node"])
    with open(f"/proc/{victim['pid']}/stat") as file:
        shim = int(file.read().rsplit(")", 1)[1].split()[1])
    screen.say(
        f"KILL     node {victim['node']}: agent {node['pid']}, shim {shim}, rank {victim['rank']} ({victim['pid']}), "
        f"at step {job['step']}, last checkpoint {job['checkpointStep']}", "bold")
    for pid in (node["pid"], shim, victim["pid"]):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it went with the one before
    return victim["node"]


def train(screen, muster, folder, name, steps, every, fault=False, gives_way=False):
    path, report = job_file(folder, name, steps, every)
    job_id = muster.run("submit", path)["id"]
    events = muster.follow(job_id, lambda event: show_event(screen, event) if fault or gives_way else None)
    killed, asking = None, None
    try:
        while True:
            job = muster.run("job", str(job_id))
            step, saved = job["step"] or 0, job["checkpointStep"] or 0
            loss = f"loss {job['loss']:.3f}" if job["loss"] is not None else "starting"
            screen.progress(f"{name}: {job['state']:9s} {bar(step, steps)} step {step:3d}/{steps}  {loss}  checkpoint {saved}")
            if job["state"] in ("completed", "failed", "cancelled", "timedOut"):
                break
            # Between two checkpoints, well past the middle of the run.
            if fault and not killed and saved >= steps // 2 - every // 2 and step >= saved + every // 4:
                killed = kill_node(screen, muster, job)
            if gives_way and not asking and step >= steps // 4 + every // 4:
                asking = ask_for_devices(screen, muster, folder, job)
            if killed and killed != "shown":
                state = muster.run("node", killed)
                if state["state"] == "isolated":
                    screen.say(f"ISOLATED node {killed}: {state['reason']}", "yellow")
                    killed = "shown"
            time.sleep(0.25)
    finally:
        time.sleep(0.3)
        screen.clear()
        events.terminate()
        events.wait()
    if job["state"] != "completed":
        raise RuntimeError(f"{name} ended {job['state']}: {job['reason']}; logs are in {folder}")
    with open(report) as file:
        return job_id, json.load(file)


def goodput_by_hand(muster, folder, name, number):
    """From what the training wrote down itself: the time of the steps that counted in the end, over the time of its attempts.
    Once with the first step of an attempt as long as its mean one, which is how accounts count it (what it takes more is
    start-up: warming up, compiling), and once with all of it."""
    attempts = {}
    with open(os.path.join(folder, name, "steps.log")) as file:
        for line in file:
            attempt, step, at = line.split()
            attempts.setdefault(int(attempt), []).append((int(step), float(at)))
    logs = [attempts[attempt] for attempt in sorted(attempts)]
    counted = whole = 0.0
    # The first line of each is from where on it works.
    for (begin, *steps), following in zip(logs, [*logs[1:], None]):
        # What the next attempt goes on from is all that counts.
        kept = [at for step, at in steps if following is None or step <= following[0][0]]
        if not kept:
            continue
        whole += kept[-1] - begin[1]
        counted += kept[-1] - kept[0] + (steps[-1][1] - steps[0][1]) / max(1, len(steps) - 1)
    job = muster.run("job", str(number))
    # Between two attempts it holds no devices.
    held = sum((datetime.fromisoformat(attempt["endedAt"]) - datetime.fromisoformat(attempt["startedAt"])).total_seconds()
               for attempt in job["attempts"])
    return counted / held, whole / held


def print_report(screen, muster, folder, runs):
    report = muster.run("report", str(runs[0][2]))
    gave_way = muster.run("report", str(runs[-1][2]))
    print()
    print(paint("The run that lost a node", "bold"))
    print(f"  attempts {report['attempts']}, steps lost {report['stepsLost']}, goodput {100 * report['goodput']:.1f} %"
          f" ({report['productiveSeconds']:.1f} s productive of {report['heldSeconds']:.1f} s held)")
    counted, whole = goodput_by_hand(muster, folder, "node-killed", runs[0][2])
    print(f"  the same from the training's own step log: {100 * counted:.1f} %; with all of each attempt's first step, which warms"
          f" up: {100 * whole:.1f} %")
    lost = ", ".join(f"{cause} {seconds:.1f}" for cause, seconds in report["lostSeconds"].items() if seconds >= 0.05)
    print(f"  seconds lost to: {lost}")
    for fault in report["faults"]:
        print(f"  fault: {fault['cause']}, {fault['component']} {fault['node']}: detected after "
              f"{fault['detectedAfterSeconds']:.2f} s, running again after {fault['resumedAfterSeconds']:.2f} s, "
              f"{fault['stepsLost']} steps lost")
    print()
    print(paint("Proof: three runs, the same bits", "bold"))
    print(f"  initial parameters      {runs[0][1]['initialSha256']}")
    for name, result, _ in runs:
        print(f"  {name:22s}  {result['finalSha256']}  loss {result['initialLoss']:.3f} -> {result['finalLoss']:.3f}")
    finals = {result["finalSha256"] for _, result, _ in runs}
    drop = min(result["lossDropPercent"] for _, result, _ in runs)
    checks = [
        ("all three end in the same parameters and optimizer state", len(finals) == 1),
        ("they are not the initial ones", runs[0][1]["initialSha256"] not in finals),
        (f"the loss fell by {drop:.0f} % (at least 30 %)", drop >= 30),
        ("a node was lost, and steps with it", len(report["faults"]) >= 1 and report["stepsLost"] > 0),
        (f"the one that gave way went on in a second attempt and lost {gave_way['stepsLost']} steps",
         gave_way["attempts"] >= 2 and gave_way["stepsLost"] == 0),
    ]
    for text, holds in checks:
        print(f"  {paint('yes', 'green') if holds else paint('NO', 'red')}  {text}")
    return all(holds for _, holds in checks)


def start(program, data, log):
    process = subprocess.Popen(
        [program, "up", "--nodes", "5", "--devices", "1", "--data", data, "--listen", "127.0.0.1:0"], stdout=log,
        stderr=log, start_new_session=True)
    muster = Muster(program, data)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"muster up ended with {process.returncode}; see {log.name}")
        try:
            nodes = muster.run("nodes")
            if len([node for node in nodes if node["state"] == "ready" and node["connected"]]) == 5:
                return process, muster
        except RuntimeError:
            pass  # not listening yet
        time.sleep(0.1)
    raise RuntimeError("the nodes were not ready within 30 s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--muster", default=os.path.join(ROOT, ".build", "release", "muster"))
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--checkpoint-every", type=int, default=40)
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="muster-demo-")
    data = os.path.join(folder, "data")
    screen = Screen()
    screen.say("Demo: 3 training runs of 4 ranks: one loses a node, one gives way to another project. About 3 minutes.", "bold")
    process = None
    ok = False
    with open(os.path.join(folder, "up.log"), "w") as log:
        try:
            process, muster = start(options.muster, data, log)
            screen.say("controller and 5 nodes are ready: 4 will train, 1 is the spare")
            policy = os.path.join(folder, "policy.yaml")
            with open(policy, "w") as file:
                file.write(POLICY)
            muster.run("apply", "-f", policy)
            runs = []
            for name in ("node killed", "no fault", "gave way"):
                number, result = train(
                    screen, muster, folder, name.replace(" ", "-"), options.steps, options.checkpoint_every,
                    fault=name == "node killed", gives_way=name == "gave way")
                runs.append((name, result, number))
                screen.say(f"run \"{name}\" completed: loss {result['initialLoss']:.3f} -> {result['finalLoss']:.3f}", "green")
            ok = print_report(screen, muster, folder, runs)
        except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
            screen.clear()
            print(paint(f"demo failed: {error}", "red"), file=sys.stderr)
        except KeyboardInterrupt:
            screen.clear()
            print("interrupted", file=sys.stderr)
        finally:
            if process and process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
                    process.wait(timeout=10)
    if ok and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"data and logs: {folder}")
    print(f"{time.monotonic() - STARTED:.0f} s in all; nothing was left running.")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
