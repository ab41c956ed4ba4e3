#!/usr/bin/python3
"""A gang in lockstep, one rank of which can hang in the ways that real ones do.

Each step ends in a sum over all ranks: rank 0 serves it on MASTER_ADDR:MASTER_PORT.
In the first attempt, rank R hangs at step N before it takes part, so N - 1 is the
last step that anyone has done; every other rank waits for it in a socket read.

  busy        R spins on its processor
  read        R reads a pipe that nobody writes to
  collective  R waits for a lock that nobody releases (a futex), so every rank waits
  none        nobody hangs

Later attempts run to the end.
"""

import argparse
import os
import socket
import struct
import sys
import threading
import time

from common import RANK, WORLD_SIZE, log, muster

WORD = struct.Struct("!q")
CONNECT_SECONDS = 60


class Reducer:
    """Sums one number over all ranks. Nobody leaves before everybody has come."""

    def __init__(self):
        self.peers = []
        address, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", "29500"))
        if RANK == 0:
            with socket.create_server(("", port), backlog=WORLD_SIZE) as server:
                self.peers = [server.accept()[0] for _ in range(WORLD_SIZE - 1)]
        else:
            self.peers = [self._connect(address, port)]
        for peer in self.peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sum(self, value):
        if RANK == 0:
            total = value + sum(self._receive(peer) for peer in self.peers)
            for peer in self.peers:
                peer.sendall(WORD.pack(total))
            return total
        self.peers[0].sendall(WORD.pack(value))
        return self._receive(self.peers[0])

    @staticmethod
    def _connect(address, port):
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                peer = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
                peer.settimeout(None)
                return peer
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # rank 0 does not listen yet

    @staticmethod
    def _receive(peer):
        word = peer.recv(WORD.size, socket.MSG_WAITALL)
        if len(word) < WORD.size:
            raise ConnectionError("a peer closed its connection")
        return WORD.unpack(word)[0]


def hang(form):
    if form == "busy":
        while True:
            pass
    if form == "read":
        silent_reader, _kept_open = os.pipe()
        os.read(silent_reader, 1)
    if form == "collective":
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=["busy", "read", "collective", "none"], default="none")
    parser.add_argument("--hang-rank", type=int, default=0, metavar="R")
    parser.add_argument("--hang-at-step", type=int, default=10, metavar="N")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--step-seconds", type=float, default=0.1)
    parser.add_argument("--checkpoint-every", type=int, default=0, metavar="STEPS",
                        help="said by rank 0; nothing is stored")
    return parser.parse_args()


def main():
    options = parse_options()
    hangs = options.form != "none" and RANK == options.hang_rank and muster.attempt() == 1
    start = muster.resume_step()
    log(f"attempt {muster.attempt()}, begins at step {start + 1}")
    try:
        reducer = Reducer()
        muster.ready()
        for n in range(start + 1, options.steps + 1):
            time.sleep(options.step_seconds)
            if hangs and n == options.hang_at_step:
                log(f"hangs at step {n}: {options.form}")
                hang(options.form)
            total = reducer.sum(n)
            if total != n * WORLD_SIZE:
                sys.exit(f"rank {RANK}: the ranks are not at one step: sum {total} at step {n} of {WORLD_SIZE} ranks")
            muster.step(n)
            if options.checkpoint_every and n % options.checkpoint_every == 0 and RANK == 0:
                muster.checkpoint(n)
    except OSError as error:
        sys.exit(f"rank {RANK}: a peer is lost: {error}")
    log(f"done at step {max(start, options.steps)}")


if __name__ == "__main__":
    main()
