"""Waiting for what happens outside this process, with a limit. For the suites and benchmarks that start real programs."""

import time


def eventually(what, check, seconds=20.0, every=0.05):
    """Looks until `check` answers something true, and answers that. `what` is a text, or makes one when it is needed."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


def alive(pid):
    """Whether the process is there and not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
