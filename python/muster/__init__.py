"""Tell Muster how far a training process is, and learn where to resume.

    import muster

    start = muster.resume_step()            # 0 on the first attempt
    for n in range(start + 1, steps + 1):
        loss = train_one_step()
        muster.step(n, loss=loss)           # step n is done
        if n % 100 == 0:
            save_checkpoint(n)              # whole gang, on stable storage
            barrier()
            muster.checkpoint(n)            # said by any one rank

Where ranks meet, how long each waits tells which of them is slow:

    with muster.waiting():                  # goes out with the next step
        barrier()

Every call is optional, and none of them can stop the training: outside Muster
(`MUSTER_NOTIFY_SOCKET` absent or empty) they do nothing, and inside it a socket
that is full, gone or not yet back raises nothing. What could not be sent is
kept, newest value only, and goes out with the next call, or when the process
ends normally.

A message is one datagram of `KEY=VALUE` lines to that Unix socket, the shape of
systemd's sd_notify. Muster accepts 100 messages a second from a rank and 4 KiB
in each. Calls may come from any thread. A forked child may call too: it opens a
socket of its own and does not repeat what its parent had not yet sent.
"""

import atexit
import contextlib
import os
import socket
import threading
import time

__all__ = ["attempt", "checkpoint", "ready", "resume_step", "status", "step", "waited", "waiting"]
__version__ = "0.1.0"

# Every message books 12 ms, which makes 83 messages a second and leaves room under
# the 100 that are accepted. A message may go a little ahead of its turn: a step
# less, because a newer one is never far away; a status more, because it may be the
# last word for a long time. A checkpoint does not queue, but it books like the rest.
_SECONDS_PER_MESSAGE = 0.012
_STEP_AHEAD_SECONDS = 0.05
_STATUS_AHEAD_SECONDS = 0.1
_ANY_TIME = float("inf")

_STATUS_BYTES_MAX = 1024
_EXIT_WAIT_SECONDS = 1.0


def step(n, loss=None):
    """Say that step `n` is done, with the loss it had, if you like.

    Cheap enough for every step: where they come faster than 83 a second, the newest
    stands for those before it. `loss` is anything that `float()` takes; it is read at once,
    which for a tensor on a GPU waits for that GPU. Outside Muster it is not read.
    """
    if _socket_path() is None:
        return
    fields = {"STEP": str(int(n)), "LOSS": None if loss is None else repr(float(loss))}
    if _waits.seconds is not None:
        fields["WAITED"] = f"{_waits.seconds:.3f}"
    _sender.say(fields, ahead_seconds=_STEP_AHEAD_SECONDS)


def checkpoint(n):
    """Say that the whole gang's checkpoint of step `n` is complete and durable.

    Call it after every rank has written its part, the files and their directory
    are synced, and a barrier has passed. One rank is enough. From then on a new
    attempt resumes after step `n`. Always sent at once.
    """
    if _socket_path() is None:
        return
    _sender.say({"CHECKPOINT": str(int(n))}, ahead_seconds=_ANY_TIME)


def ready():
    """Say that start-up is over: data and model are loaded, steps begin."""
    if _socket_path() is None:
        return
    _sender.say({"READY": "1"}, ahead_seconds=_STATUS_AHEAD_SECONDS)


def status(text):
    """Say what the process is doing while it does not step, as `evaluating`.

    One line; line breaks become spaces, and what is beyond 1 KiB is cut.
    """
    if _socket_path() is None:
        return
    line = " ".join(str(text).split("\n")).replace("\r", " ").replace("\0", " ")
    line = line.encode("utf-8", "replace")[:_STATUS_BYTES_MAX].decode("utf-8", "ignore")
    _sender.say({"STATUS": line}, ahead_seconds=_STATUS_AHEAD_SECONDS)


def waited(seconds):
    """Add `seconds` for which this rank has waited for other ranks; said with the next step.

    The rank that waits least is the one that the others wait for. Time of the exchange itself may
    be in it, if it is in that of all ranks.
    """
    seconds = float(seconds)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"waited {seconds} seconds, expected a time of at least 0")
    with _waits.lock:
        _waits.seconds = (_waits.seconds or 0.0) + seconds


@contextlib.contextmanager
def waiting():
    """Measure the body as time for which this rank waits for other ranks.

    A barrier before the gradients are summed is the best place. On a GPU the body must end
    with a synchronization: a collective that was only queued has waited for nobody yet.
    """
    begin = time.monotonic()
    try:
        yield
    finally:
        waited(time.monotonic() - begin)


class _Waits:
    """Sum since the process began; None: it has never waited."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seconds = None


_waits = _Waits()


def resume_step():
    """The step whose checkpoint to load; training goes on at the one after it.

    0 when there is nothing to resume, and outside Muster. Raises `ValueError` if
    the variable holds anything but a step: to begin again in silence would
    overwrite the work it points to.
    """
    return _integer("MUSTER_RESUME_STEP", absent=0, least=0)


def attempt():
    """Which attempt of the job this is: 1 is the first, and so it is outside Muster."""
    return _integer("MUSTER_ATTEMPT", absent=1, least=1)


def _integer(name, absent, least):
    text = os.environ.get(name, "").strip()
    if not text:
        return absent
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise ValueError(f"{name} is {text!r}, expected a whole number of at least {least}")
    return int(text)


def _socket_path():
    return os.environ.get("MUSTER_NOTIFY_SOCKET") or None


class _Sender:
    """Holds what is still to be said and the socket of this process."""

    def __init__(self):
        # Re-entrant, because a signal handler may speak while a step is being said.
        self._lock = threading.RLock()
        self._socket = None
        self._unsent = {}
        self._booked_until = 0.0

    def say(self, fields, ahead_seconds):
        with self._lock:
            for key, value in fields.items():
                if value is None:
                    self._unsent.pop(key, None)
                else:
                    self._unsent[key] = value
            if self._booked_until - time.monotonic() <= ahead_seconds:
                self._send()

    def finish(self):
        """Send what is left. Waits a moment for a full queue, not for a lost socket."""
        with self._lock:
            if self._unsent and _socket_path() is not None:
                self._send(wait_seconds=_EXIT_WAIT_SECONDS)

    def after_fork(self):
        if self._socket is not None:
            self._socket.close()
        self.__init__()

    def _send(self, wait_seconds=0.0):
        said = dict(self._unsent)
        message = "".join(f"{key}={value}\n" for key, value in said.items())
        self._booked_until = max(self._booked_until, time.monotonic()) + _SECONDS_PER_MESSAGE
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # Without this a stopped receiver with a full queue would stop the training.
            self._socket.settimeout(wait_seconds)
            # Addressed each time rather than connected once, so that a socket that was
            # bound again under the same path is found again.
            self._socket.sendto(message.encode("utf-8"), _socket_path())
        except OSError:
            return  # Kept in _unsent: the next call, or the end of the process, tries again.
        for key, value in said.items():
            if self._unsent.get(key) is value:  # a signal handler may have put a newer one there
                del self._unsent[key]


_sender = _Sender()
atexit.register(_sender.finish)
os.register_at_fork(after_in_child=_sender.after_fork)
