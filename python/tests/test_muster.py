"""Each test is the receiving end of the socket. Time is a number that the test moves."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

PYTHON_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, PYTHON_FOLDER)

import muster  # noqa: E402


class InsideMuster(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "s")
        self.receiver = self.bind()
        self.now = 1000.0
        for patch in (
            mock.patch.dict(os.environ, {"MUSTER_NOTIFY_SOCKET": self.path}),
            mock.patch.object(muster.time, "monotonic", lambda: self.now),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        muster._sender.after_fork()  # a fresh process has sent and kept nothing
        muster._waits.__init__()
        self.addCleanup(muster._sender.after_fork)

    def bind(self):
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(self.path)
        receiver.setblocking(False)
        self.addCleanup(receiver.close)
        return receiver

    def received(self):
        messages = []
        while True:
            try:
                messages.append(self.receiver.recv(65536).decode())
            except BlockingIOError:
                return messages

    def test_a_step_is_one_line(self):
        muster.step(120)
        self.assertEqual(self.received(), ["STEP=120\n"])

    def test_a_loss_travels_in_the_datagram_of_its_step(self):
        muster.step(120, loss=1.234)
        self.assertEqual(self.received(), ["STEP=120\nLOSS=1.234\n"])

    def test_waits_add_up_and_travel_with_the_next_step(self):
        with self.assertRaises(KeyError), muster.waiting():
            self.now += 1.5
            raise KeyError("the wait counts, and nothing is swallowed")
        muster.waited(0.25)
        self.assertEqual(self.received(), [])
        muster.step(1)
        with muster.waiting():
            self.now += 2
        muster.step(2)
        self.assertEqual(self.received(), ["STEP=1\nWAITED=1.750\n", "STEP=2\nWAITED=3.750\n"])
        for nonsense in (-1, float("nan"), float("inf")):
            with self.assertRaises(ValueError):
                muster.waited(nonsense)

    def test_a_loss_is_anything_that_float_takes(self):
        class Tensor:
            def __float__(self):
                return 0.5

        muster.step(1, loss=Tensor())
        self.assertEqual(self.received(), ["STEP=1\nLOSS=0.5\n"])

    def test_checkpoint_ready_and_status(self):
        muster.checkpoint(100)
        muster.ready()
        muster.status("evaluating")
        self.assertEqual(self.received(), ["CHECKPOINT=100\n", "READY=1\n", "STATUS=evaluating\n"])

    def step_until_one_is_held_back(self):
        """The number of that step. Nothing else is left to receive."""
        for n in range(1, 100):
            muster.step(n, loss=n)
            if not self.received():
                return n
        self.fail("every step was sent")

    def test_steps_in_quick_succession_become_the_newest(self):
        held = self.step_until_one_is_held_back()
        self.assertLess(held, 8)
        for n in range(held, held + 50):
            muster.step(n, loss=n)
        self.assertEqual(self.received(), [])
        self.now += 0.02
        muster.step(500)
        self.assertEqual(self.received(), ["STEP=500\n"], "an earlier step's loss is not that of step 500")

    def test_steps_and_checkpoints_at_a_steady_pace_below_the_limit_all_arrive_at_once(self):
        for n in range(1, 201):
            self.now += 0.02
            muster.step(n)
            expected = [f"STEP={n}\n"]
            if n % 2 == 0:
                muster.checkpoint(n)
                expected.append(f"CHECKPOINT={n}\n")
            self.assertEqual(self.received(), expected)

    def test_the_newest_step_leaves_with_the_next_message_of_any_kind(self):
        held = self.step_until_one_is_held_back()
        muster.checkpoint(held)
        self.assertEqual(self.received(), [f"STEP={held}\nLOSS={held}.0\nCHECKPOINT={held}\n"])

    def test_the_newest_step_leaves_when_the_process_ends(self):
        held = self.step_until_one_is_held_back()
        muster._sender.finish()
        self.assertEqual(self.received(), [f"STEP={held}\nLOSS={held}.0\n"])
        muster._sender.finish()
        self.assertEqual(self.received(), [])

    def test_a_checkpoint_is_never_held_back(self):
        for n in range(1, 6):
            muster.checkpoint(n)
            self.assertEqual(self.received(), [f"CHECKPOINT={n}\n"])

    def test_a_second_of_frantic_steps_statuses_and_some_checkpoints_stays_under_the_limit(self):
        messages = 0
        for tick in range(10_000):
            self.now += 0.0001
            muster.step(tick)
            muster.status(f"tick {tick}")
            if tick % 1000 == 0:
                muster.checkpoint(tick)
            messages += len(self.received())
        self.assertGreater(messages, 70)
        self.assertLessEqual(messages, 100)

    def test_a_status_cannot_break_the_lines_or_the_size(self):
        muster.status("a\nSTEP=9\r\0b")
        muster.status("é" * 5000)
        first, second = self.received()
        self.assertEqual(first, "STATUS=a STEP=9  b\n")
        self.assertEqual(second, "STATUS=" + "é" * 512 + "\n")

    def test_a_vanished_socket_raises_nothing_and_its_successor_hears_the_newest(self):
        os.unlink(self.path)
        for n in range(1, 4):
            self.now += 1
            muster.step(n, loss=n)
        muster.checkpoint(2)
        self.receiver = self.bind()
        self.now += 1
        muster.step(4, loss=4)
        self.assertEqual(self.received(), ["STEP=4\nLOSS=4.0\nCHECKPOINT=2\n"])

    def test_a_receiver_that_closed_raises_nothing(self):
        self.receiver.close()  # the path stays: connection refused
        muster.step(1)
        muster.checkpoint(1)
        os.unlink(self.path)
        self.receiver = self.bind()
        muster.ready()
        self.assertEqual(self.received(), ["STEP=1\nCHECKPOINT=1\nREADY=1\n"])

    def test_a_path_too_long_for_a_socket_raises_nothing(self):
        with mock.patch.dict(os.environ, {"MUSTER_NOTIFY_SOCKET": "/" + "x" * 200}):
            muster.checkpoint(1)

    def test_a_receiver_that_stopped_reading_does_not_stop_the_training(self):
        told = 0
        while "CHECKPOINT" not in muster._sender._unsent:  # until its queue is full
            told += 1
            self.assertLess(told, 1_000_000)
            muster.checkpoint(told)
        muster.checkpoint(told + 1)
        self.assertEqual(self.received()[-1], f"CHECKPOINT={told - 1}\n")
        self.now += 1
        muster.ready()
        self.assertEqual(self.received(), [f"CHECKPOINT={told + 1}\nREADY=1\n"])

    def test_a_forked_child_speaks_for_itself_and_does_not_repeat_its_parent(self):
        self.step_until_one_is_held_back()
        parents_socket = muster._sender._socket
        child = os.fork()
        if child == 0:
            code = 1
            try:
                muster.step(7)
                code = 0 if muster._sender._socket is not parents_socket else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.now += 1
        muster.step(8)
        self.assertEqual(self.received(), ["STEP=7\n", "STEP=8\n"])

    def test_a_process_that_ends_normally_has_told_its_last_step(self):
        script = "import muster\nfor n in range(1, 501): muster.step(n)"
        environment = dict(os.environ, PYTHONPATH=PYTHON_FOLDER)
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
        messages = self.received()
        self.assertEqual(messages[0], "STEP=1\n")
        self.assertEqual(messages[-1], "STEP=500\n")

    def test_wrong_arguments_are_still_mistakes(self):
        with self.assertRaises(ValueError):
            muster.step("abc")


class OutsideMuster(unittest.TestCase):
    def test_every_call_does_nothing(self):
        for environment in ({}, {"MUSTER_NOTIFY_SOCKET": ""}):
            with mock.patch.dict(os.environ, environment, clear=True), \
                    mock.patch.object(muster._sender, "say") as say:
                muster.step(1, loss=object())
                muster.checkpoint(1)
                muster.ready()
                muster.status("evaluating")
                say.assert_not_called()

    def test_the_step_to_resume_after(self):
        for text, expected in ((None, 0), ("", 0), ("0", 0), ("120", 120), (" 7 ", 7)):
            environment = {} if text is None else {"MUSTER_RESUME_STEP": text}
            with self.subTest(text=text), mock.patch.dict(os.environ, environment, clear=True):
                self.assertEqual(muster.resume_step(), expected)

    def test_a_resume_step_that_is_no_step_is_refused_by_name(self):
        for text in ("abc", "-1", "1.5", "1_0", "²"):
            with self.subTest(text=text), mock.patch.dict(os.environ, {"MUSTER_RESUME_STEP": text}):
                with self.assertRaisesRegex(ValueError, "MUSTER_RESUME_STEP"):
                    muster.resume_step()

    def test_the_attempt(self):
        for text, expected in ((None, 1), ("", 1), ("1", 1), ("3", 3)):
            environment = {} if text is None else {"MUSTER_ATTEMPT": text}
            with self.subTest(text=text), mock.patch.dict(os.environ, environment, clear=True):
                self.assertEqual(muster.attempt(), expected)


if __name__ == "__main__":
    unittest.main()
