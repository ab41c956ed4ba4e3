"""A Muster on the lab's hosts: a controller, agents that joined it over TLS, jobs whose ranks record themselves."""

import json
import os
import signal
import subprocess
import unittest

import checker
import lab as lab_module
from lab import Lab, ROOT, boot_seconds, eventually

MUSTER = os.environ.get("MUSTER_BIN", os.path.join(ROOT, ".build", "debug", "muster"))
PYTHON = "/usr/bin/python3"
HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = os.path.join(ROOT, "examples", "faults")
FINAL = ("completed", "failed", "cancelled", "timedOut")
PORT = 7070


def clean_environment(**more):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
    environment.update(more)
    return environment


class Fleet:
    """A controller on host `c` and an agent on each worker host, named as its host."""

    def __init__(self, workers=6, lease="6s", lifetime=None, devices=2, joins=True, muster=MUSTER):
        self.muster_file, self.devices = muster, devices
        self.lease = float(lease.rstrip("s"))
        self.server_options = ["--lease", lease] + (["--certificate-lifetime", lifetime] if lifetime else [])
        self.lab = Lab(workers)
        self.workers = [name for name in self.lab.hosts if name != "c"]
        self.records = self.lab.hosts["c"].folder + "-records"
        os.mkdir(self.records)
        self.controller, self.agents = None, {}
        self.host = "c"
        self.address = self.lab.hosts["c"].address
        self.join_addresses = f"{self.address}:{PORT}"
        self.cuts = []
        try:
            self.start_controller()
            if joins:
                for name in self.workers:
                    self.join(name)
                self.wait_connected()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.lab.close()

    # The controller

    @property
    def data(self):
        return os.path.join(self.lab.hosts["c"].folder, "data")

    def start_controller(self, host=None):
        self.host = host or self.host
        self.address = self.lab.hosts[self.host].address
        self.controller = self.lab.start(
            self.host, [self.muster_file, "server", "--listen", f"{self.address}:{PORT}", "--tls", "--data", self.data,
                  *self.server_options], environment=clean_environment(), log="server.log")
        eventually(lambda: f"the controller answers: {self.server_log()[-500:]}", self.answers, 30)

    def answers(self):
        if self.controller.poll() is not None:
            raise AssertionError(f"the controller ended: {self.server_log()[-2000:]}")
        return self.try_muster("nodes", "--json").returncode == 0

    def server_log(self):
        return self.lab.log(self.host, "server.log")

    def signal_controller(self, number):
        os.kill(self.controller.pid, number)

    def stop_controller(self):
        self.signal_controller(signal.SIGTERM)
        self.controller.wait(10)

    # Agents

    def token(self):
        return self.muster("token", "create", "--expires", "1h").stdout.strip().splitlines()[-1]

    def agent_folder(self, name):
        return os.path.join(self.lab.hosts[name].folder, "agent")

    def join(self, name, token=None, **options):
        return self.start_agent(name, token=token or self.token(), **options)

    def start_agent(self, name, token=None, boot=None, node=None, extra=(), muster=None, join=None, mounts=""):
        command = [muster or self.muster_file, "agent", "--join", join or self.join_addresses, "--name", node or name,
                   "--devices", self.devices, "--data", self.agent_folder(name), *extra]
        if token:
            command += ["--token", token]
        # Namespaces share the kernel's boot id: hosts would look as if they had booted together.
        command += ["--boot-id", boot or f"{self.lab.name}-{name}-boot-1"]
        self.agents[name] = self.lab.start(
            name, command, environment=clean_environment(), log="agent.log", mounts=mounts)
        return self.agents[name]

    def reboot(self, name, boot):
        """The host's processes are gone at once, its link stays; it comes back with another boot id."""
        self.lab.kill_all(name)
        return self.start_agent(name, boot=boot)

    def connected(self, *names):
        known = {node["name"]: node for node in self.json("nodes")}
        return all(name in known and known[name]["connected"] and known[name]["state"] == "ready" for name in names)

    def wait_connected(self, *names, seconds=40):
        names = names or self.workers
        eventually(lambda: f"{names} are ready: {self.muster('nodes').stdout}", lambda: self.connected(*names), seconds)

    # Commands

    def try_muster(self, *arguments, host=None, environment=None, timeout=60, **options):
        given = clean_environment(MUSTER_DATA=self.data) if environment is None else environment
        return self.lab.run(host or self.host, [self.muster_file, *arguments], env=given, timeout=timeout, **options)

    def muster(self, *arguments, **options):
        done = self.try_muster(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(f"muster {arguments}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done

    def json(self, *arguments, **options):
        return json.loads(self.muster(*arguments, "--json", **options).stdout)

    def node(self, name):
        return self.json("node", name)

    def job(self, job):
        return self.json("job", job)

    def faults(self, job):
        return self.json("report", job)["faults"]

    def events(self):
        return [json.loads(line) for line in self.muster("events", "--json").stdout.splitlines() if line.strip()]

    # Jobs

    def submit(self, command, nodes=1, devices=1, ranks=1, **fields):
        job = {"name": "test", "gang": {"nodes": nodes, "devicesPerNode": devices, "ranksPerNode": ranks},
               "command": [str(word) for word in command], "workingDirectory": self.lab.folder}
        job.update(fields)
        path = os.path.join(self.lab.folder, "job.yaml")
        with open(path, "w") as file:
            json.dump(job, file)  # JSON is YAML
        return self.json("submit", path)["id"]

    def record(self, nodes=4, fence="attempt", steps=100000, step_seconds=0.1, checkpoint_every=10, **fields):
        """A gang of recorders, one rank on each node."""
        return self.submit(
            [PYTHON, os.path.join(HERE, "recorder.py"), "--records", self.records, "--steps", steps, "--step-seconds",
             step_seconds, "--checkpoint-every", checkpoint_every], nodes=nodes, restart={"fence": fence}, **fields)

    def is_in(self, job, states):
        seen = self.job(job)
        if seen["state"] in FINAL and seen["state"] not in states:
            raise AssertionError(f"job {job} ended {seen['state']}: {seen['reason']}")
        return seen if seen["state"] in states else None

    def at_step(self, job, step, attempt):
        seen = self.job(job)
        if seen["state"] in FINAL:
            raise AssertionError(f"job {job} ended {seen['state']}: {seen['reason']}")
        here = seen["state"] == "running" and seen["attempt"] >= attempt and (seen["step"] or 0) >= step
        return seen if here else None

    def wait_step(self, job, step, attempt=1, seconds=40):
        return eventually(
            lambda: f"job {job} attempt {attempt} is at step {step}: {self.describe(job)}",
            lambda: self.at_step(job, step, attempt), seconds)

    def wait_attempt(self, job, attempt, seconds=40):
        """Until this attempt runs and has done a step of its own."""
        def stepped():
            seen = self.job(job)
            if seen["state"] in FINAL:
                raise AssertionError(f"job {job} ended {seen['state']}: {seen['reason']}")
            return seen if seen["attempt"] >= attempt and seen["state"] == "running" and seen["step"] is not None else None
        return eventually(lambda: f"attempt {attempt} of job {job} steps: {self.describe(job)}", stepped, seconds)

    def end(self, job, seconds=60):
        def ended():
            seen = self.job(job)
            return seen if seen["state"] in FINAL else None
        return eventually(lambda: f"job {job} ends: {self.describe(job)}", ended, seconds)

    def describe(self, job):
        return self.muster("job", job).stdout + self.muster("why", job).stdout

    # What the ranks wrote down

    def runs(self, job=None, attempt=None):
        return [run for run in checker.read(self.records)
                if job in (None, run.job) and attempt in (None, run.attempt)]

    def cut(self, *names):
        at = boot_seconds()
        self.lab.cut(*names)
        return at

    def problems(self, fence, job, cuts=()):
        # The events first: what was accepted by then has been written down.
        events = self.events()
        return checker.problems(self.runs(job), fence, events, cuts, self.lease)


class HostsCase(unittest.TestCase):
    """A fleet for all tests of a class; each test begins with every node ready."""

    fleet_options = {}

    @classmethod
    def setUpClass(cls):
        reason = lab_module.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        cls.fleet = Fleet(**cls.fleet_options)

    @classmethod
    def tearDownClass(cls):
        cls.fleet.close()

    def setUp(self):
        self.jobs = []

    def tearDown(self):
        """Healed, everything ended, every node in service: what the next test expects."""
        fleet = self.fleet
        fleet.lab.heal()
        for job in self.jobs:
            if fleet.job(job)["state"] not in FINAL:
                fleet.muster("cancel", job)
        for job in self.jobs:
            fleet.end(job, 40)
        for node in fleet.json("nodes"):
            if node["state"] in ("drained", "draining") or (node["state"] == "isolated" and "silent" not in node["reason"]):
                fleet.muster("resume", node["name"])
        fleet.wait_connected(*self.workers_in_service())

    def workers_in_service(self):
        return self.fleet.workers

    def record(self, **options):
        # Nothing is said while a job is stopped: a short grace keeps the tests short.
        job = self.fleet.record(stop={"grace": "1s"}, **options)
        self.jobs.append(job)
        return job

    def first_words(self, job, attempt):
        """When each rank of an attempt first ran, once all have."""
        def all_there():
            runs = self.fleet.runs(job, attempt)
            return runs if len(runs) == 4 else None
        return [run.begin for run in eventually(f"attempt {attempt} runs on 4 hosts", all_there, 30)]

    def assert_clean(self, fence, *jobs, cuts=()):
        for job in jobs:
            self.assertTrue(self.fleet.runs(job), f"job {job} has no records")
            self.assertEqual(self.fleet.problems(fence, job, cuts), [])
