"""What devices do, from an agent's rollup over the link to an answer: a real controller, an agent that is a socket."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from fleet import MUSTER, Program, eventually
import link  # Tests/Support, which fleet has put on the path


class Agent:
    """One node: says hello, reports every 0.5 s that nothing runs there, and tells what a test wants."""

    def __init__(self, address, token, name, devices):
        host = address.split("//")[1]
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.socket = socket.create_connection(tuple(host.rsplit(":", 1)), timeout=20)
        self.socket.sendall(link.head(host, token))
        self.send(link.hello(name, devices, "H100-SXM5-80GB"))
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.report, daemon=True).start()

    def send(self, data):
        with self.lock:
            self.socket.sendall(link.chunk(data))

    def listen(self):
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass

    def report(self):
        beat = 0
        while not self.ended.wait(0.5):
            beat += 1
            try:
                self.send(link.report(beat))
            except OSError:
                return

    def end(self):
        self.ended.set()
        self.socket.close()


class Telemetry(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")

    def read(self, name):
        with open(os.path.join(self.data, name)) as file:
            return file.read().strip()

    def serve(self):
        address = os.path.join(self.data, "address")
        if os.path.exists(address):
            os.remove(address)
        # A shim that never comes is waited for, 15 s long: until then its job holds its devices.
        server = Program([MUSTER, "server", "--listen", "127.0.0.1:0", "--data", self.data], os.path.join(self.folder, "log"))
        self.addCleanup(server.end)
        eventually("the controller listens", lambda: os.path.exists(address), 60)
        return server

    def agent(self, devices=2):
        agent = Agent(self.read("address"), self.read("node-token"), "n1", devices)
        self.addCleanup(agent.end)
        return agent

    def ask(self, path, body=None):
        request = urllib.request.Request(self.read("address") + path, None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", "Bearer " + self.read("token"))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def test_path(self):
        """A rollup over the link is the node's present, its job's devices, the fleet's count; a restart keeps the job's."""
        server = self.serve()
        agent = self.agent()
        eventually("the node is ready", lambda: self.ask("/v1/nodes/n1").get("state") == "ready")
        now = self.ask("/v1/nodes/n1/devices")
        self.assertEqual((now["source"], [d["state"] for d in now["devices"]]), (None, [None, None]))
        self.assertEqual((self.ask("/v1/devices")["source"], self.ask("/v1/devices")["devices"]), (None, 2))
        job = self.ask("/v1/jobs", {"command": ["sleep", "600"], "gang": {"devicesPerNode": 2}, "project": "p"})["id"]
        eventually("the job has its devices", lambda: self.ask("/v1/nodes/n1")["free"] == 0)
        empty = self.ask(f"/v1/jobs/{job}/devices")
        self.assertEqual((empty["source"], empty["measuredDeviceHours"], empty["devices"]), (None, 0, []))

        start = int(time.time() * 1000) + 1
        busy = link.device({"working": 900, "starved": 100}, {"graphics": 0.9, "tensor": 0.5, "power": 600, "smClock": 1800})
        idle = link.device({"idle": 1000}, {"graphics": 0, "tensor": 0, "power": 80, "smClock": 345})
        agent.send(link.telemetry(link.rollup(start, 1000, [busy, idle])))
        # Refused, and counted: of more devices than the node has, and no rollup at all.
        agent.send(link.telemetry(link.rollup(start + 1000, 1000, [busy] * 3)))
        agent.send(link.telemetry(b"\xff\xff"))
        told = eventually("the job's devices are told", lambda: self.measured(job))
        self.assertEqual((told["source"], told["deviceType"], told["devicesBy"]), ("recording", "H100-SXM5-80GB", "device"))
        self.assertEqual([(d["node"], d["device"], d["rank"], d["state"], d["busy"], d["idleSeconds"]) for d in told["devices"]],
                         [("n1", 0, 0, "working", 0.9, 0), ("n1", 1, 1, "idle", 0, 1)])
        self.assertEqual((told["states"]["working"], told["states"]["starved"], told["states"]["idle"]), (0.45, 0.05, 0.5))
        # 0.25 x 132 SMs x 4096 x 1800 MHz over 989.4 TFLOP/s.
        self.assertAlmostEqual(told["counterMFU"], 0.2459, 3)
        self.assertEqual([(p["busy"], p["power"]) for p in told["series"]], [(0.45, 340)])

        node = self.ask("/v1/nodes/n1/devices?from=2020-01-01T00:00:00Z&step=1m")
        self.assertEqual([(d["job"], d["state"]) for d in node["devices"]], [(job, "working"), (job, "idle")])
        self.assertEqual([d["measuredSeconds"] for d in node["series"][0]["devices"]], [1, 1])
        fleet = self.ask("/v1/devices")
        self.assertEqual((fleet["measured"], fleet["states"]["working"], fleet["meanPowerWatts"]), (2, 1, 340))
        self.assertEqual([(p["project"], p["states"]["idle"]) for p in fleet["projects"]], [("p", 1)])
        metrics = urllib.request.Request(self.read("address") + "/metrics", headers={"Authorization": "Bearer " + self.read("token")})
        text = urllib.request.urlopen(metrics, timeout=20).read().decode()
        for series in ('muster_measured_devices{state="working"} 1', 'muster_rollups_total{result="kept"} 1',
                       'muster_rollups_total{result="devices"} 1', 'muster_rollups_total{result="damaged"} 1'):
            self.assertIn(series, text)

        for arguments, shown in (([], "all"), (["n1"], "600 W"), (["--job", job], "device-hours of H100-SXM5-80GB")):
            self.assertIn(shown, self.muster("devices", *arguments).stdout)
        self.assertEqual(json.loads(self.muster("devices", "n1", "--json").stdout)["source"], "recording")
        for arguments, code in ((["n9"], 3), (["--job", "9"], 3), (["n1", "--job", "1"], 2)):
            self.assertEqual(self.muster("devices", *arguments).returncode, code, arguments)

        server.process.send_signal(signal.SIGTERM)
        server.wait()
        self.serve()
        again = self.ask(f"/v1/jobs/{job}/devices")
        self.assertEqual((again["measuredDeviceHours"], again["series"]), (told["measuredDeviceHours"], told["series"]))
        self.assertEqual([d["busy"] for d in again["devices"]], [0.9, 0])
        hours = self.ask("/v1/nodes/n1/devices?from=2020-01-01T00:00:00Z")
        self.assertEqual((hours["step"], [len(p["devices"]) for p in hours["series"]]), ("1h", [2]))
        sent = self.ask("/v1/nodes/n1/devices?from=2020-01-01T00:00:00Z&step=10s")
        self.assertEqual([p["lengthSeconds"] for p in sent["series"]], [1])

    def muster(self, *arguments):
        return subprocess.run([MUSTER, *map(str, arguments), "--data", self.data], capture_output=True, text=True, timeout=60)

    def measured(self, job):
        told = self.ask(f"/v1/jobs/{job}/devices")
        return told if told["source"] else None

    def test_pretended(self):
        """A pretend fleet tells, of each node that is asked, and of its jobs."""
        path = os.path.join(self.folder, "fleet.yaml")
        with open(path, "w") as file:
            file.write("nodes: 8\ndevicesPerNode: 4\ndeviceType: H100-SXM5-80GB\n")
        up = Program([MUSTER, "up", "--simulate", path, "--workload", "none", "--data", self.data, "--listen", "127.0.0.1:0"],
                     os.path.join(self.folder, "up.log"))
        self.addCleanup(up.end)
        eventually("it is up", lambda: "pretends" in up.log(), 60)
        job = self.ask("/v1/jobs", {"name": "pretrain-x", "command": ["sleep", "100h"], "gang": {"nodes": 2, "devicesPerNode": 4}})["id"]
        told = eventually("all eight devices are told", lambda: (lambda t: t if len(t["devices"]) == 8 else None)(
            self.ask(f"/v1/jobs/{job}/devices")), 60)
        self.assertEqual((told["source"], sorted(d["rank"] for d in told["devices"] if d["device"] == 0)), ("pretended", [0, 4]))
        fleet = self.ask("/v1/devices")
        self.assertEqual((fleet["source"], fleet["measured"], fleet["states"]["idle"]), ("pretended", 32, 24))
        self.assertEqual(self.ask("/v1/nodes/n1/devices")["source"], "pretended")

    def test_wrong(self):
        """What is asked for wrongly is named; the option too."""
        self.serve()
        self.assertEqual(self.ask("/v1/nodes/n9/devices")["error"]["code"], "notFound")
        self.assertEqual(self.ask("/v1/jobs/9/devices")["error"]["code"], "notFound")
        for query, field in (("step=2s&from=2020-01-01T00:00:00Z", "step"), ("step=1m", "step"), ("from=now", "from"),
                             ("from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z", "to"), ("until=1", "until")):
            problem = self.ask(f"/v1/nodes/n9/devices?{query}")["error"]["problems"][0]
            self.assertEqual(problem["field"], field, query)
        for times in ("6h", "6h,7d,x", "1s,7d,400d", "6h,7,400d"):
            wrong = Program([MUSTER, "server", "--data", self.data + "x", "--rollups-keep", times], os.path.join(self.folder, "wrong"))
            self.addCleanup(wrong.end)
            wrong.process.wait(30)
            self.assertEqual(wrong.process.returncode, 2, wrong.log())
            self.assertIn("--rollups-keep is", wrong.log())


if __name__ == "__main__":
    unittest.main()
