"""Where an agent has its devices' counters from: a recording, NVML (a library of ours in its place), a dcgm-exporter."""

import http.server
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from fleet import MUSTER, ROOT, Program, eventually
from test_metrics import get, read

STAND_IN = os.path.join(ROOT, "Tests", "Support", "nvml_stand_in.c")
RECORDING = ("t_s,phase,gpu_util_pct,power_mw,sm_clock_mhz,mem_used_bytes,processes,gpm_graphics_util,gpm_sm_util,"
             "gpm_any_tensor_util,gpm_dram_bw_util\n"
             + "".join(f"{i},idle,98,698000,1371,9663676416,1,98.0,95.0,92.0,25.0\n" for i in range(5)))
EXPORTED = ('DCGM_FI_DEV_POWER_USAGE{gpu="1",modelName="NVIDIA A100-SXM4-80GB",Hostname="x"} 250\n'
            'DCGM_FI_PROF_DRAM_UTIL_RATIO{gpu="1",modelName="NVIDIA A100-SXM4-80GB",Hostname="x"} 0.75\n')
HOPPER = ["0.name NVIDIA H100 80GB HBM3", "0.gpu 98", "0.memory 40", "0.power 698000", "0.limit 700000", "0.clock 1371", "0.gpm 1",
          "0.metric1 98", "0.metric2 95", "0.metric5 92", "0.metric10 25"]


class Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(EXPORTED.encode())

    def log_message(self, *_):
        pass


class Devices(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-devices-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "controller")
        self.start("controller", [MUSTER, "server", "--listen", "127.0.0.1:0", "--data", self.data])
        eventually("the controller has its address", lambda: os.path.exists(os.path.join(self.data, "address")))
        eventually("it has its nodes' token", lambda: os.path.exists(os.path.join(self.data, "node-token")))

    def start(self, name, command, environment=()):
        program = Program(["env", *environment, *command], os.path.join(self.folder, name + ".log"))
        self.addCleanup(program.end)
        return program

    def agent(self, name, *options, environment=()):
        folder = os.path.join(self.folder, name)
        program = self.start(
            name, [MUSTER, "agent", "--address-file", os.path.join(self.data, "address"), "--token-file",
                   os.path.join(self.data, "node-token"), "--name", name, "--data", folder, "--metrics-listen",
                   "127.0.0.1:0", *options], environment)
        eventually(lambda: f"{name} serves metrics: {program.log()}",
                   lambda: os.path.exists(os.path.join(folder, "metrics-address")))
        url = f"http://{read(os.path.join(folder, 'metrics-address')).strip()}/metrics"
        token = read(os.path.join(folder, "metrics-token")).strip()
        return program, lambda: get(url, token)[2]

    def has(self, metrics, *lines):
        missing = []

        def looks():
            text = metrics()
            missing[:] = [line for line in lines if line + "\n" not in text]
            return not missing

        eventually(lambda: f"{missing} in {metrics()}", looks, 40)

    def library(self, *values):
        """A folder with a management library that answers these values."""
        if not shutil.which("cc"):
            self.skipTest("no C compiler here: cc")
        folder = tempfile.mkdtemp(dir=self.folder)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", os.path.join(folder, "libnvidia-ml.so.1"), STAND_IN], check=True)
        self.tell(folder, *values)
        return folder

    @staticmethod
    def tell(folder, *values):
        path = os.path.join(folder, "values")
        with open(path + ".new", "w") as file:
            file.write("\n".join(values) + "\n")
        os.rename(path + ".new", path)

    def test_recording(self):
        """Every device plays it, its state is told, and the controller is sent what they did."""
        path = os.path.join(self.folder, "a.csv")
        with open(path, "w") as file:
            file.write(RECORDING)
        _, metrics = self.agent("player", "--devices", "2", "--device-type", "H100-SXM5-80GB", "--device-recording", path)
        labels = '{gpu="1",modelName="H100-SXM5-80GB",Hostname="player"}'
        self.has(
            metrics, 'muster_agent_device_source_info{source="recording"} 1',
            f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{labels} 0.92", f"DCGM_FI_DEV_POWER_USAGE{labels} 698.0",
            'muster_device_state{gpu="0",state="working"} 1', 'muster_device_state{gpu="1",state="working"} 1',
            'muster_agent_rollups_total{result="sent"} 1')

    def test_nvml(self):
        """Devices are found and measured by the library; one that is lost keeps its number."""
        library = self.library("count 2", *HOPPER, "1.name NVIDIA H100 80GB HBM3", "1.power 74000")
        _, metrics = self.agent("hopper", environment=[f"LD_LIBRARY_PATH={library}"])
        labels = '{gpu="%d",modelName="NVIDIA H100 80GB HBM3",Hostname="hopper"}'
        self.has(
            metrics, "muster_agent_devices 2", 'muster_agent_device_source_info{source="nvml-gpm"} 1',
            f"DCGM_FI_DEV_GPU_UTIL{labels % 0} 98.0", f"DCGM_FI_PROF_DRAM_ACTIVE{labels % 0} 0.25",
            f"DCGM_FI_DEV_POWER_USAGE{labels % 1} 74.0", 'muster_device_state{gpu="0",state="working"} 1')
        self.assertNotIn(f"DCGM_FI_DEV_GPU_UTIL{labels % 1}", metrics())
        self.tell(library, "count 2", "0.error 15", "1.power 75000")
        self.has(metrics, f"DCGM_FI_DEV_POWER_USAGE{labels % 1} 75.0", 'muster_device_state{gpu="0",state="unknown"} 1')
        self.assertNotIn(f"DCGM_FI_DEV_POWER_USAGE{labels % 0}", metrics())

    def test_a_driver_that_does_not_answer(self):
        """A call that never comes back holds up neither the agent, nor the other device, nor the agent's end."""
        library = self.library("count 2", "0.name NVIDIA A10", "0.power 70000", "0.block 1", "1.name NVIDIA A10", "1.power 74000")
        os.mkfifo(os.path.join(library, "gate"))
        program, metrics = self.agent("held", environment=[f"LD_LIBRARY_PATH={library}"])
        self.has(
            metrics, "muster_agent_connected 1", 'muster_agent_device_source_info{source="nvml"} 1',
            'DCGM_FI_DEV_POWER_USAGE{gpu="1",modelName="NVIDIA A10",Hostname="held"} 74.0',
            'muster_device_state{gpu="0",state="unknown"} 1')
        self.assertNotIn('DCGM_FI_DEV_POWER_USAGE{gpu="0"', metrics())
        eventually("its silence is told", lambda: "devices that have not answered for 10 s: 0\n" in program.log(), 30)
        program.process.terminate()
        self.assertEqual(program.wait(), -15)

    def test_exporter(self):
        """A dcgm-exporter goes before a library without profiling counters."""
        library = self.library("count 2", "0.power 70000", "1.power 70000")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        _, metrics = self.agent(
            "ampere", "--dcgm-exporter", f"http://127.0.0.1:{server.server_port}", environment=[f"LD_LIBRARY_PATH={library}"])
        labels = '{gpu="1",modelName="NVIDIA A100-SXM4-80GB",Hostname="ampere"}'
        self.has(
            metrics, 'muster_agent_device_source_info{source="dcgm-exporter"} 1',
            f"DCGM_FI_DEV_POWER_USAGE{labels} 250.0", f"DCGM_FI_PROF_DRAM_ACTIVE{labels} 0.75")

    def test_wrong(self):
        """A source that is none is refused at the start."""
        bad = os.path.join(self.folder, "bad.csv")
        with open(bad, "w") as file:
            file.write("t_s,power_mw\n1,warm\n")
        for path, status, text in ((os.path.join(self.folder, "none.csv"), 3, "there is no file"),
                                   (bad, 5, "line 2: power_mw: warm (allowed: a number")):
            for command in (["up", "--data", os.path.join(self.folder, "up"), "--listen", "127.0.0.1:0"],
                            ["agent", "--join", "127.0.0.1:1", "--token", "t"]):
                done = subprocess.run(
                    [MUSTER, *command, "--device-recording", path], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, text in done.stderr), (status, True), done.stderr)


if __name__ == "__main__":
    unittest.main()
