#!/usr/bin/python3
"""Prove that a resumed training run ends with the same bits as an uninterrupted one.

Runs train.py three times on this machine, without Muster: twice to the end, and
once with a rank killed between two checkpoints, its survivors awaited, and all of
them started again from the last checkpoint. Compares the SHA-256 of parameters and
optimizer state. The checker holds the notify sockets, as Muster's shim would: the
steps it hears choose the moment of the kill, the checkpoint it heard is the step
it hands to the second attempt.

Exits 0 if all is equal, 1 if not, 2 if a run did not go as it must.
"""

import argparse
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train.py")


class Unexpected(Exception):
    """A run did not go as it must, so there is nothing to compare."""


class Gang:
    """The ranks of one attempt, their notify sockets and what they said."""

    def __init__(self, folder, options, out, attempt, resume_step, report=None):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.options, self.out = options, out
        self.attempt, self.resume_step, self.report = attempt, resume_step, report
        self.port = free_port()
        self.ranks, self.sockets = [], []
        self.steps = [resume_step] * options.ranks
        self.checkpoint = resume_step
        self.began = time.monotonic()
        self.first_step_after = None
        for rank in range(options.ranks):
            self._start(rank)

    def _start(self, rank):
        path = os.path.join(self.folder, f"n{rank}")
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(path)
        receiver.setblocking(False)
        self.sockets.append(receiver)
        options = self.options
        command = [sys.executable, SCRIPT, "--out", self.out, "--steps", str(options.steps),
                   "--checkpoint-every", str(options.checkpoint_every), "--seed", str(options.seed)]
        if self.report:
            command += ["--report", self.report]
        environment = dict(
            os.environ, RANK=str(rank), WORLD_SIZE=str(options.ranks), MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(self.port), OMP_NUM_THREADS="1", MUSTER_NOTIFY_SOCKET=path,
            MUSTER_ATTEMPT=str(self.attempt), MUSTER_RESUME_STEP=str(self.resume_step) if self.resume_step else "")
        with open(self.log(rank), "wb") as log:
            self.ranks.append(subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def log(self, rank):
        return os.path.join(self.folder, f"rank-{rank}.log")

    def listen(self, until, within_seconds):
        """Hear the ranks until `until()` holds; say so if time runs out first."""
        deadline = time.monotonic() + within_seconds
        while not until():
            if time.monotonic() > deadline:
                return False
            for receiver in select.select(self.sockets, [], [], 0.05)[0]:
                self._hear(self.sockets.index(receiver), receiver.recv(4096).decode())
        return True

    def _hear(self, rank, message):
        for key, value in (line.split("=", 1) for line in message.splitlines()):
            if key == "STEP":
                self.steps[rank] = int(value)
                if self.first_step_after is None:
                    self.first_step_after = time.monotonic() - self.began
            elif key == "CHECKPOINT":
                self.checkpoint = int(value)

    def codes(self):
        return [rank.poll() for rank in self.ranks]

    def all_ended(self):
        return None not in self.codes()

    def kill(self, rank):
        os.killpg(self.ranks[rank].pid, signal.SIGKILL)

    def close(self):
        for rank, process in enumerate(self.ranks):
            if process.poll() is None:
                self.kill(rank)
            process.wait()
        for receiver in self.sockets:
            receiver.close()

    def last_words(self):
        words = []
        for rank in range(len(self.ranks)):
            with open(self.log(rank), errors="replace") as log:
                words += [f"  | {line}" for line in log.read().splitlines()[-6:]]
        return "\n".join(words)

    def expect(self, condition, what):
        if not condition:
            raise Unexpected(f"{what}; steps {self.steps}, exit codes {self.codes()}, last lines:\n{self.last_words()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_to_the_end(folder, options, name, out, attempt=1, resume_step=0):
    report = os.path.join(folder, f"{name.replace(' ', '-')}.json")
    gang = Gang(folder, options, out, attempt, resume_step, report)
    try:
        gang.expect(gang.listen(gang.all_ended, options.run_seconds), f"{name} took over {options.run_seconds} s")
        gang.expect(gang.codes() == [0] * options.ranks, f"{name} failed")
        gang.listen(lambda: False, 0)
    finally:
        gang.close()
    seconds = time.monotonic() - gang.began
    stepped = options.steps - resume_step
    rate = stepped / (seconds - gang.first_step_after) if gang.first_step_after else 0
    print(f"{name}: {stepped} steps in {seconds:.1f} s, first step heard after {gang.first_step_after:.1f} s, "
          f"about {rate:.1f} steps/s", flush=True)
    with open(report) as file:
        return json.load(file)


def run_until_killed(folder, options, out):
    """Kill one rank once it has done the step; answer the checkpoint to resume after."""
    gang = Gang(folder, options, out, attempt=1, resume_step=0)
    victim = options.ranks // 2
    try:
        gang.expect(
            gang.listen(lambda: gang.steps[victim] >= options.kill_at or gang.all_ended(), options.run_seconds)
            and not gang.all_ended(), f"rank {victim} did not reach step {options.kill_at}")
        gang.kill(victim)
        killed = time.monotonic()
        gang.expect(gang.listen(gang.all_ended, options.survivor_seconds),
                    f"survivors still run {options.survivor_seconds} s after rank {victim} was killed")
        ended = time.monotonic() - killed
        while select.select(gang.sockets, [], [], 0)[0]:
            gang.listen(lambda: not select.select(gang.sockets, [], [], 0)[0], 1)
        codes = gang.codes()
        gang.expect(codes[victim] == -signal.SIGKILL and all(code > 0 for i, code in enumerate(codes) if i != victim),
                    "each survivor must end with a failure of its own")
        last_possible = options.kill_at // options.checkpoint_every * options.checkpoint_every
        gang.expect(0 < gang.checkpoint <= max(gang.steps) and gang.checkpoint >= last_possible,
                    f"the last checkpoint heard is {gang.checkpoint}, not {last_possible} or later")
        print(f"interrupted: rank {victim} killed after step {gang.steps[victim]}, the other ranks ended in "
              f"{ended:.1f} s with exit codes {codes}, last checkpoint {gang.checkpoint}", flush=True)
        return gang.checkpoint
    finally:
        gang.close()


def check(folder, options):
    whole = [run_to_the_end(folder, options, f"uninterrupted {i}", os.path.join(folder, f"whole-{i}")) for i in (1, 2)]
    out = os.path.join(folder, "interrupted")
    resume_step = run_until_killed(folder, options, out)
    # What a kill in the middle of a write leaves behind. Nothing may load it.
    with open(os.path.join(out, f"step-{options.steps:06d}.pt.1.tmp"), "wb") as torn:
        torn.write(b"torn")
    resumed = run_to_the_end(folder, options, f"resumed after {resume_step}", out, 2, resume_step)

    reports = {"uninterrupted 1": whole[0], "uninterrupted 2": whole[1], f"resumed after {resume_step}": resumed}
    print(f"{'initial':>24}  {whole[0]['initialSha256']}")
    for name, report in reports.items():
        print(f"{name:>24}  {report['finalSha256']}  loss {report['initialLoss']:.3f} to {report['finalLoss']:.3f}")
    finals = {report["finalSha256"] for report in reports.values()}
    initials = {report["initialSha256"] for report in reports.values()}
    same = all(report == whole[0] for report in reports.values())
    return same and len(finals) == 1 and len(initials) == 1 and finals != initials


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--checkpoint-every", type=int, default=20)
    parser.add_argument("--kill-at", type=int, default=50, help="a step between two checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run-seconds", type=float, default=180, help="the most that one run may take")
    parser.add_argument("--survivor-seconds", type=float, default=20, help="the most that survivors may take to end")
    options = parser.parse_args()
    if not options.checkpoint_every < options.kill_at < options.steps:
        parser.error("--kill-at must lie after the first checkpoint and before the last step")
    if options.kill_at % options.checkpoint_every == 0 or options.ranks < 2:
        parser.error("--kill-at must lie between two checkpoints, and --ranks be at least 2")
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the ranks are ended, too
    folder = tempfile.mkdtemp(prefix="resume-")
    try:
        equal = check(folder, options)
    except Unexpected as error:
        print(f"NO VERDICT: {error}")
        sys.exit(2)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("EQUAL: the resumed run ended with the bits of the uninterrupted ones, and training changed them." if equal
          else "DIFFERENT: the final bits are not the same in all runs, or training changed nothing.")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
