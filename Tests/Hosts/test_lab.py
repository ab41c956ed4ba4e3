"""The lab itself: links that are cut are cut, and nothing of a lab stays behind."""

import os
import signal
import subprocess
import sys
import unittest

import lab as lab_module
from lab import Lab, alive, eventually, namespaces


class TheLab(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = lab_module.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        cls.lab = Lab(2)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def tearDown(self):
        self.lab.heal()

    def test_cut(self):
        """A host that is cut off reaches nobody and is reached by nobody; the others go on; healed, all is as before."""
        for cut in (self.lab.cut, self.lab.unplug):
            cut("n1")
            self.assertFalse(self.lab.reaches("n1", "c"))
            self.assertFalse(self.lab.reaches("c", "n1"))
            self.assertTrue(self.lab.reaches("n2", "c"))
            self.lab.heal("n1")
            self.assertTrue(self.lab.reaches("n1", "c"))

    def one_way(self, sender, receiver):
        """Whether a datagram arrives."""
        listen = ("import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('',9));s.settimeout(8)\n"
                  "print('ready',flush=True);print(s.recv(9).decode(),flush=True)")
        process = self.lab.start(receiver, [sys.executable, "-c", listen], log="datagram.log")
        eventually("somebody listens", lambda: "ready" in self.lab.log(receiver, "datagram.log"))
        send = ("import socket,sys,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                "for _ in range(5): s.sendto(b'word',(sys.argv[1],9)); time.sleep(0.1)")
        self.lab.run(sender, [sys.executable, "-c", send, self.lab.hosts[receiver].address])
        arrived = "word" in self.lab.log(receiver, "datagram.log")
        process.kill()
        process.wait(5)
        os.remove(os.path.join(self.lab.hosts[receiver].folder, "datagram.log"))
        return arrived

    def test_cut_one_way(self):
        """A link that is cut in one direction carries the other one still."""
        self.assertTrue(self.one_way("n1", "c"))
        self.lab.cut_one_way("n1", "c")
        self.assertFalse(self.one_way("n1", "c"))
        self.assertTrue(self.one_way("c", "n1"))
        self.assertTrue(self.one_way("n1", "n2"))
        self.lab.heal("n1")
        self.assertTrue(self.one_way("n1", "c"))

    def test_a_dead_run_is_removed(self):
        """What a killed run left behind, processes included, is removed by the next one; a living lab is left alone."""
        script = (f"import sys; sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})\n"
                  "from lab import Lab\nlab = Lab(1)\nprocess = lab.start('n1', ['sleep', '600'])\n"
                  "print(lab.name, process.pid, flush=True)\nprocess.wait()")
        run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        name, sleeper = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
        run.wait(5)
        run.stdout.close()
        self.assertTrue(any(space.startswith(name) for space in namespaces()))
        os.utime(os.path.join("/tmp", name), (0, 0))  # its youth is over
        lab_module.remove_leftovers()
        self.assertFalse(any(space.startswith(name) for space in namespaces()))
        self.assertFalse(alive(sleeper))
        self.assertFalse(os.path.exists(os.path.join("/tmp", name)))
        self.assertTrue(self.lab.reaches("n1", "c"))

    def test_ended_by_a_signal(self):
        """A run that is interrupted takes its lab with it."""
        script = (f"import sys; sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})\n"
                  "from lab import Lab\nlab = Lab(1)\nprocess = lab.start('n1', ['sleep', '600'])\n"
                  "print(lab.name, process.pid, flush=True)\nprocess.wait()")
        for number in (signal.SIGINT, signal.SIGTERM):
            # Tests that a shell has put in the background ignore SIGINT, and so would what they start.
            run = subprocess.Popen(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            name, sleeper = run.stdout.readline().split()
            run.send_signal(number)
            run.wait(20)
            run.stdout.close()
            self.assertFalse(any(space.startswith(name) for space in namespaces()))
            self.assertFalse(alive(sleeper))


if __name__ == "__main__":
    unittest.main()
