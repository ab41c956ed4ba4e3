"""A real Muster for a test: a controller, local nodes, real processes. What it starts ends with it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
from waiting import alive, eventually  # noqa: E402

MUSTER = os.path.abspath(os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "debug", "muster")))
FAULTS = os.path.join(ROOT, "examples", "faults")
PYTHON = "/usr/bin/python3"
FINAL = ("completed", "failed", "cancelled", "timedOut")


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


class Program:
    """A program that a test started, with its log; whatever it leaves running is ended by its folder's owner."""

    def __init__(self, command, log_path):
        self.log_path = log_path
        with open(log_path, "w") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def wait(self, seconds=30):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} still ran after {seconds} s: {self.log()}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Fleet:
    """`muster up` in a folder of its own. `under` is a command that changes what it may do, and executes it."""

    def __init__(self, nodes=4, devices=8, extra=(), data="data", under=()):
        self.folder = tempfile.mkdtemp(prefix="muster-e2e-")
        self.data = os.path.join(self.folder, data)
        self.under = list(under)
        self.nodes, self.devices, self.extra = nodes, devices, list(extra)
        self.process = None
        self.port = 0
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "up.log"), "a")
        self.process = subprocess.Popen(
            [*self.under, MUSTER, "up", "--nodes", str(self.nodes), "--devices", str(self.devices), "--data", self.data, "--listen",
             f"127.0.0.1:{self.port}", *self.extra], stdout=self.log, stderr=self.log, start_new_session=True)
        eventually("all nodes are connected", self.all_connected, 30)
        with open(os.path.join(self.data, "address")) as file:
            self.address = file.read().strip()
        self.port = int(self.address.rsplit(":", 1)[1])

    def all_connected(self):
        if self.process.poll() is not None:
            raise AssertionError(f"muster up ended with {self.process.returncode}: {self.up_log()}")
        done = self.muster("nodes", "--json", check=False)
        if done.returncode != 0:
            return False
        return len([node for node in json.loads(done.stdout) if node["connected"]]) >= self.nodes

    def up_log(self):
        with open(os.path.join(self.folder, "up.log")) as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGINT)
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    self.process.kill()
        self.log.close()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        """Agents and shims that belong to this folder."""
        found = []
        for base, _, files in os.walk(os.path.join(self.data, "nodes")):
            for name in files:
                if name in ("agent.json", "shim.json"):
                    try:
                        with open(os.path.join(base, name)) as file:
                            pid = json.load(file)["pid"]
                        with open(f"/proc/{pid}/cmdline") as file:
                            if "muster" in file.read() and alive(pid):
                                found.append(pid)
                    except (OSError, ValueError, KeyError):
                        pass
        return found

    # Commands

    def muster(self, *arguments, check=True, timeout=60, environment=None, stdin=None):
        env = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
        env["MUSTER_DATA"] = self.data
        env.update(environment or {})
        done = subprocess.run(
            [MUSTER, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=env, input=stdin,
            cwd=self.folder)
        if check and done.returncode != 0:
            raise AssertionError(f"muster {arguments}: exit {done.returncode}: {done.stderr}")
        return done

    def json(self, *arguments):
        return json.loads(self.muster(*arguments, "--json").stdout)

    def submit(self, command, nodes=1, devices=0, ranks=None, **fields):
        job = {"name": "test", "gang": {"nodes": nodes, "devicesPerNode": devices}, "command": command,
               "workingDirectory": self.folder}
        if ranks:
            job["gang"]["ranksPerNode"] = ranks
        gang = fields.pop("gang", {})
        job["gang"].update(gang)
        job.update(fields)
        path = os.path.join(self.folder, "job.yaml")
        with open(path, "w") as file:
            json.dump(job, file)  # JSON is YAML
        return self.json("submit", path)["id"]

    def steps(self, *arguments, **fields):
        return self.submit([PYTHON, os.path.join(FAULTS, "steps.py"), *map(str, arguments)], **fields)

    def job(self, job):
        return self.json("job", job)

    def wait_state(self, job, *states, seconds=30):
        return eventually(f"job {job} is {states}", lambda: self.is_in(job, states), seconds)

    def is_in(self, job, states):
        seen = self.job(job)
        if seen["state"] in FINAL and seen["state"] not in states:
            raise AssertionError(f"job {job} ended {seen['state']}: {seen['reason']}")
        return seen if seen["state"] in states else None

    def wait_step(self, job, step, seconds=30):
        return eventually(f"job {job} is at step {step}", lambda: self.at_step(job, step), seconds)

    def at_step(self, job, step):
        seen = self.job(job)
        return seen if seen["state"] == "running" and (seen["step"] or 0) >= step else None

    def end(self, job, seconds=60):
        return eventually(f"job {job} ends", lambda: (lambda seen: seen if seen["state"] in FINAL else None)(self.job(job)), seconds)

    def faults(self, job):
        return self.json("report", job)["faults"]

    def node(self, name):
        return self.json("node", name)

    def ready_again(self):
        """Every node back in service, for the next test."""
        for node in self.json("nodes"):
            if node["state"] in ("isolated", "drained", "draining"):
                self.muster("resume", node["name"])
        eventually(
            "all nodes are ready", lambda: all(n["state"] == "ready" and n["connected"] for n in self.json("nodes")), 30)

    def request(self, method, path, body=None, token=None, headers=None):
        if token is None:
            with open(os.path.join(self.data, "token")) as file:
                token = file.read().strip()
        request = urllib.request.Request(self.address + path, method=method, headers=headers or {})
        if token:
            request.add_header("Authorization", "Bearer " + token)
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
