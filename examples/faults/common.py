"""What the fault programs share: the helper, who this rank is, and one way to print."""

import os
import sys

try:
    import muster
except ImportError:
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
    import muster

RANK = int(os.environ.get("RANK", "0"))
WORLD_SIZE = int(os.environ.get("WORLD_SIZE", "1"))


def log(text):
    # In one write, so that ranks that share an output do not mix their lines.
    sys.stdout.write(f"rank {RANK}: {text}\n")
    sys.stdout.flush()
