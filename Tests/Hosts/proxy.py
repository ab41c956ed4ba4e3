#!/usr/bin/python3
"""A slow and lossy path: carries TCP connections, each chunk late, now and then nothing for a moment, and ends
connections without warning. What it does to whom follows from the seed."""

import argparse
import heapq
import random
import selectors
import socket
import time

CHUNK_BYTES = 64 << 10


class Path:
    def __init__(self, options):
        self.options, self.chance = options, random.Random(options.seed)
        self.selector = selectors.DefaultSelector()
        self.peers, self.due, self.count = {}, [], 0
        self.stalled_until = 0.0
        self.next_stall = time.monotonic() + options.stall_every
        self.next_drop = time.monotonic() + options.drop_every

    def run(self):
        host, port = self.options.listen.rsplit(":", 1)
        server = socket.create_server((host, int(port)))
        server.setblocking(False)
        self.selector.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select(self.patience()):
                if key.fileobj is server:
                    self.open(server.accept()[0])
                else:
                    self.read(key.fileobj)
            self.disturb(time.monotonic())
            self.deliver(time.monotonic())

    def patience(self):
        wait = self.due[0][0] - time.monotonic() if self.due else 0.2
        return max(0.001, min(0.2, max(wait, self.stalled_until - time.monotonic())))

    def open(self, near):
        try:
            far = socket.create_connection(self.options.to.rsplit(":", 1), timeout=5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def read(self, source):
        if source not in self.peers:
            return
        try:
            data = source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.close(source)
        late = self.options.delay + self.chance.uniform(0, self.options.jitter)
        # Never before what was read earlier: it is one stream.
        self.count += 1
        earlier = [at for at, _, destination, _ in self.due if destination is self.peers[source]]
        heapq.heappush(self.due, (max([time.monotonic() + late, *earlier]), self.count, self.peers[source], data))

    def deliver(self, now):
        if now < self.stalled_until:
            return
        while self.due and self.due[0][0] <= now:
            _, _, destination, data = heapq.heappop(self.due)
            if destination not in self.peers:
                continue
            try:
                destination.setblocking(True)
                destination.settimeout(2)
                destination.sendall(data)
                destination.setblocking(False)
            except OSError:
                self.close(destination)

    def disturb(self, now):
        if now >= self.next_stall:
            self.stalled_until = now + self.chance.uniform(0, self.options.stall)
            self.next_stall = self.stalled_until + self.options.stall_every
        if now >= self.next_drop and self.peers:
            self.next_drop = now + self.options.drop_every
            self.close(self.chance.choice(list(self.peers)))
            print("dropped a connection", flush=True)

    def close(self, one):
        for end in (one, self.peers.get(one)):
            if end in self.peers:
                self.selector.unregister(end)
                del self.peers[end]
                end.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":", 1)[0])
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.04, metavar="SECONDS", help="of every chunk")
    parser.add_argument("--jitter", type=float, default=0.04, metavar="SECONDS", help="more, at most")
    parser.add_argument("--stall", type=float, default=0.4, metavar="SECONDS", help="nothing passes, at most so long")
    parser.add_argument("--stall-every", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--drop-every", type=float, default=4.0, metavar="SECONDS")
    Path(parser.parse_args()).run()


if __name__ == "__main__":
    main()
