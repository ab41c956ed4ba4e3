"""Where the kernel allows no PID namespaces: nothing of a rank runs on when its member is said to be gone."""

import glob
import os
import signal
import subprocess
import unittest

from fleet import PYTHON, Fleet, alive, eventually, parent

# A user namespace in which no PID namespace may be made, nor in any below it.
FORBIDDEN = ["unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"', "sh"]

# Writes down what it started, and in the next attempt who of them still lives.
RANK = r"""
import os, signal, subprocess, sys, time
folder, attempt = sys.argv[1], int(os.environ["MUSTER_ATTEMPT"])
def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file: return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError): return False
if attempt > 1:
    with open(f"{folder}/children") as file: children = dict(line.split() for line in file)
    living = [name for name, pid in children.items() if alive(int(pid))]
    with open(f"{folder}/second", "w") as file: file.write("alive: " + " ".join(living))
    sys.exit(0)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
kinds = {"child": {}, "session": {"start_new_session": True},
         "grandchild": {"start_new_session": True, "args": ["sh", "-c", "sleep 600 & sleep 600"]}}
if "bare" in sys.argv[2:]: kinds["bare"] = {"start_new_session": True, "env": {"PATH": os.environ["PATH"]}}
with open(f"{folder}/children.new", "w") as file:
    for name, options in kinds.items():
        child = subprocess.Popen(**{"args": ["sleep", "600"], **options})
        file.write(f"{name} {child.pid}\n")
os.rename(f"{folder}/children.new", f"{folder}/children")
subprocess.run(["muster", "notify", "STEP=1"])
time.sleep(600)
"""


def why_not():
    try:
        done = subprocess.run([*FORBIDDEN, "unshare", "--pid", "--fork", "true"], capture_output=True, text=True)
    except OSError as error:
        return str(error)
    return None if "No space left on device" in done.stderr else f"PID namespaces cannot be forbidden: {done.stderr}"


class WithoutNamespaces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if why_not():
            raise unittest.SkipTest(why_not())
        # So long that the ranks' sockets have to lie elsewhere.
        cls.fleet = Fleet(nodes=1, data="d" * 80, under=FORBIDDEN)

    @classmethod
    def tearDownClass(cls):
        cls.fleet.stop()

    def setUp(self):
        self.fleet.ready_again()

    def agent_log(self):
        with open(os.path.join(self.fleet.data, "nodes", "node-1", "agent.log")) as file:
            return file.read()

    def submit(self, *options):
        """A job that started its children. - Returns: its number, a rank's pid, its children's."""
        folder = os.path.join(self.fleet.folder, self.id().rsplit(".", 1)[1])
        os.mkdir(folder)
        job = self.fleet.submit(
            [PYTHON, "-c", RANK, folder, *options], devices=8, ranks=1, restart={"fence": "strict"})
        rank = self.fleet.wait_step(job, 1)["ranks"][0]["pid"]
        with open(os.path.join(folder, "children")) as file:
            children = [int(line.split()[1]) for line in file]
        self.addCleanup(self.end, children)
        return folder, job, rank, children

    def end(self, pids):
        for pid in pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    def assert_nothing_left(self, folder, job, children):
        self.assertEqual(self.fleet.end(job, 60)["state"], "completed")
        self.assertEqual(self.fleet.job(job)["attempt"], 2)
        with open(os.path.join(folder, "second")) as file:
            self.assertEqual(file.read(), "alive: ")
        self.assertFalse([pid for pid in children if alive(pid)])

    def test_shim_killed(self):
        """A shim is killed: its rank's children are gone before the next attempt starts, even one that left its session
        and kept nothing of its environment; and what the member had elsewhere goes with it."""
        self.assertIn("no PID namespaces here", self.agent_log())
        folder, job, rank, children = self.submit("bare")
        with open(glob.glob(f"{self.fleet.data}/nodes/node-1/run/{job}.1.0/sockets")[0]) as file:
            sockets = file.read()
        self.assertTrue(os.path.exists(os.path.join(sockets, "0")))
        os.kill(parent(rank), signal.SIGKILL)
        self.assert_nothing_left(folder, job, children)
        self.assertIn("killed what the shim of", self.agent_log())
        eventually("the sockets' folder is gone", lambda: not os.path.exists(sockets))

    def test_shim_of_an_earlier_agent_killed(self):
        """The same when the shim's agent has died before: what left its session is found by its environment."""
        folder, job, rank, children = self.submit()
        shim = parent(rank)
        agent = self.fleet.node("node-1")["pid"]
        os.kill(agent, signal.SIGKILL)
        eventually("another agent is there", lambda: self.fleet.node("node-1")["pid"] != agent
                   and self.fleet.node("node-1")["connected"])
        os.kill(shim, signal.SIGKILL)
        self.assert_nothing_left(folder, job, children)

    def test_shim_killed_without_an_agent(self):
        """The same when the shim dies while there is no agent: what is said of the node is said when nothing is left."""
        folder, job, rank, children = self.submit()
        shim = parent(rank)
        agent = self.fleet.node("node-1")["pid"]
        os.kill(agent, signal.SIGSTOP)
        os.kill(shim, signal.SIGKILL)
        os.kill(agent, signal.SIGKILL)
        eventually("the node is said to be dead", lambda: self.fleet.node("node-1")["state"] == "isolated", 10)
        self.assertFalse([pid for pid in children if alive(pid)])
        self.fleet.muster("resume", "node-1")
        self.assert_nothing_left(folder, job, children)

    def test_order(self):
        """A job that is cancelled leaves nothing either."""
        _, job, _, children = self.submit("bare")
        self.fleet.muster("cancel", job)
        self.assertEqual(self.fleet.end(job, 60)["state"], "cancelled")
        eventually("all are gone", lambda: not [pid for pid in children if alive(pid)], 10)


if __name__ == "__main__":
    unittest.main()
