"""What a job sees of many hosts: addresses, folders, logs, an upgrade under way, and a real training gang."""

import json
import os
import re
import shutil
import subprocess
import unittest

from hosts import FAULTS, PORT, PYTHON, ROOT, HostsCase, clean_environment
from lab import DATA_NETWORK, eventually


class Gangs(HostsCase):
    fleet_options = {"workers": 6, "lease": "6s"}

    def submit(self, command, **fields):
        job = self.fleet.submit(command, **fields)
        self.jobs.append(job)
        return job

    def restart_agent(self, name, **options):
        self.fleet.agents[name].terminate()
        self.fleet.agents[name].wait(5)
        return self.fleet.start_agent(name, **options)

    def test_missing_folder(self):
        """A working directory that is missing on one host fails the job at once and names that host."""
        fleet = self.fleet
        shared = os.path.join(fleet.lab.folder, "shared")
        os.makedirs(os.path.join(shared, "work"), exist_ok=True)
        self.restart_agent("n3", mounts=f"mount -t tmpfs none {shared}")
        try:
            fleet.wait_connected()
            job = self.submit(["true"], nodes=6, workingDirectory=os.path.join(shared, "work"))
            ended = fleet.end(job, 10)
            self.assertEqual((ended["state"], ended["attempt"]), ("failed", 1))
            self.assertIn("n3", ended["reason"])
            self.assertIn(os.path.join(shared, "work"), ended["reason"])
            self.assertTrue(fleet.connected(*fleet.workers))
        finally:
            self.restart_agent("n3")

    def test_several_interfaces(self):
        """`--address data0`: ranks meet on the network that was named, not on the one that leads to the controller."""
        fleet, names = self.fleet, ["n1", "n2", "n3"]
        for name in fleet.workers[3:]:
            fleet.muster("drain", name, "--reason", "not for this test")
        fleet.lab.add_data_network(*names)
        try:
            for name in names:
                self.restart_agent(name, extra=["--address", "data0"])
            eventually("their addresses are known", lambda: all(
                fleet.node(name)["address"].startswith(DATA_NETWORK) for name in names), 20)
            fleet.wait_connected(*names)
            job = self.record(nodes=3, fence="attempt")
            fleet.wait_step(job, 5)
            masters = {run.master for run in fleet.runs(job)}
            self.assertEqual(masters, {fleet.node(fleet.job(job)["nodes"][0])["address"]})
            # A gang whose ranks really meet there, once each step.
            met = self.submit([PYTHON, os.path.join(FAULTS, "hang.py"), "--form", "none", "--steps", "20",
                               "--step-seconds", "0.05"], nodes=3)
            self.assertEqual(fleet.end(met, 40)["state"], "completed")
        finally:
            for name in names:
                self.restart_agent(name)
            for name in fleet.workers[3:]:
                fleet.muster("resume", name)

    def test_address_by_route(self):
        """Without `--address` a node is known by its address on the way to the controller, and ranks meet there."""
        fleet = self.fleet
        fleet.wait_connected()
        for name in fleet.workers:
            self.assertEqual(fleet.node(name)["address"], fleet.lab.hosts[name].address)
        job = self.submit([PYTHON, os.path.join(FAULTS, "hang.py"), "--form", "none", "--steps", "20", "--step-seconds",
                           "0.05"], nodes=6)
        self.assertEqual(fleet.end(job, 40)["state"], "completed")

    def test_ranks_run_where_muster_says(self):
        """Each rank runs in the network of the host that Muster names, on the devices that are its own."""
        fleet = self.fleet
        job = self.record(nodes=6, fence="attempt")
        fleet.wait_step(job, 3)
        ranks = {rank["rank"]: rank["node"] for rank in fleet.job(job)["ranks"]}
        runs = fleet.runs(job)
        self.assertEqual({run.rank: run.host for run in runs}, ranks)
        for run in runs:
            namespace = os.stat(f"/run/netns/{fleet.lab.hosts[run.host].namespace}").st_ino
            self.assertEqual(run.network, f"net:[{namespace}]")
            self.assertEqual(len(run.devices), 1)

    def test_logs_from_another_host(self):
        """From a host that only logged in, the logs of every rank are there; by the environment alone, too."""
        fleet = self.fleet
        job = self.submit(["sh", "-c", "echo rank $RANK says hello from $SLURMD_NODENAME"], nodes=6)
        self.assertEqual(fleet.end(job)["state"], "completed")
        desk = os.path.join(fleet.lab.folder, "desk")
        home = clean_environment(HOME=desk)
        token = os.path.join(fleet.data, "token")
        fingerprint = re.search(r"fingerprint ([0-9a-f]{64})", fleet.server_log()).group(1)
        wrong = fleet.try_muster("login", f"{fleet.address}:{PORT}", "--token-file", token, "--fingerprint", "0" * 64,
                                 host="n6", environment=home)
        self.assertNotEqual(wrong.returncode, 0)
        fleet.muster("login", f"{fleet.address}:{PORT}", "--token-file", token, "--fingerprint", fingerprint, host="n6",
                     environment=home)
        with open(token) as file:
            by_environment = clean_environment(
                MUSTER_ADDR=f"https://{fleet.address}:{PORT}", MUSTER_TOKEN=file.read().strip(),
                MUSTER_CA=os.path.join(fleet.data, "ca.pem"), HOME="/nowhere")
        nodes = fleet.job(job)["nodes"]
        for environment in (home, by_environment):
            for rank in range(6):
                log = fleet.muster("logs", job, "--rank", rank, host="n6", environment=environment).stdout
                self.assertEqual(log, f"rank {rank} says hello from {nodes[rank]}\n")

    def test_rolling_upgrade(self):
        """The agents' binary is replaced, host after host, while their ranks run: nobody notices, and the next job runs
        under the new one."""
        fleet = self.fleet
        upgraded = os.path.join(fleet.lab.folder, "muster-new")
        # The same program at another path; a link is enough where the disk allows it.
        try:
            os.link(os.path.realpath(fleet.muster_file), upgraded)
        except OSError:
            shutil.copy(fleet.muster_file, upgraded)
        job = self.record(nodes=6, fence="strict")
        before = fleet.wait_step(job, 10)
        for name in fleet.workers:
            self.restart_agent(name, muster=upgraded)
            fleet.wait_connected(name)
        fleet.wait_step(job, fleet.job(job)["step"] + 10)
        after = fleet.job(job)
        self.assertEqual((after["attempt"], fleet.faults(job)), (1, []))
        self.assertEqual([rank["pid"] for rank in after["ranks"]], [rank["pid"] for rank in before["ranks"]])
        self.assert_clean("strict", job)
        fleet.muster("cancel", job)
        fleet.end(job)
        new = self.submit(["sh", "-c", "readlink /proc/$PPID/exe || true"], nodes=1)
        self.assertEqual(fleet.end(new)["state"], "completed")
        for name in fleet.workers:
            self.restart_agent(name)

    def test_training_gang(self):
        """A real gang, PyTorch with gloo over the hosts' network: one host's link is cut in the middle, and the gang goes
        on from its checkpoint to the end."""
        has_torch = subprocess.run([PYTHON, "-c", "import importlib.util as i,sys; sys.exit(i.find_spec('torch') is None)"])
        if has_torch.returncode != 0:
            self.skipTest("no python3-torch: `make training-packages` installs it")
        fleet, out = self.fleet, os.path.join(self.fleet.lab.folder, "training")
        os.mkdir(out)
        job = self.submit(
            [PYTHON, os.path.join(ROOT, "examples", "train", "train.py"), "--steps", "60", "--checkpoint-every", "10",
             "--out", out, "--report", os.path.join(out, "report.json"), "--print-every", "10"],
            nodes=4, environment={"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}, restart={"fence": "auto"})
        before = fleet.wait_step(job, 14, seconds=90)["nodes"]
        fleet.cut(before[2])
        ended = fleet.end(job, 120)
        self.assertEqual((ended["state"], ended["attempt"]), ("completed", 2), fleet.describe(job))
        self.assertNotIn(before[2], ended["nodes"])
        self.assertGreaterEqual(ended["resumeStep"], 10)
        with open(os.path.join(out, "report.json")) as file:
            report = json.load(file)
        self.assertLess(report["finalLoss"], report["initialLoss"])


if __name__ == "__main__":
    unittest.main()
