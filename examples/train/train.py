#!/usr/bin/python3
"""Train a small language model on several processes, and resume it bit for bit.

A transformer of about 280,000 parameters learns the licence texts that every
Debian system carries, byte by byte. Each rank computes the gradients of its own
part of the batch; one all_reduce over gloo sums them; every rank then takes the
same optimizer step. A run that was interrupted and resumed from a checkpoint
ends with the same bits as one that was not.

Needs: apt-get install --no-install-recommends python3-torch python3-numpy libopenblas0-pthread

When it is told to stop (SIGTERM) it saves a checkpoint after the step at hand
and ends: whoever takes its place costs it no step.

Starts under anything that sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
Under Muster it resumes after MUSTER_RESUME_STEP; elsewhere say `--resume latest`.
"""

import argparse
import collections
import contextlib
import datetime
import hashlib
import json
import os
import re
import signal
import sys
import time
import traceback

# More threads would be slower on a small model, and would sum in another order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

from language_model import CannotTrain, LanguageModel, Sampler, read_texts

try:
    import muster
except ImportError:
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))
    import muster

LEARNING_RATE = 3e-3
WARMUP_STEPS = 20
LOSS_AVERAGED_OVER_STEPS = 10
# A peer that dies is noticed at once; this bounds the wait for one that is stuck.
COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=10)


class PeerLost(Exception):
    """A collective failed: nearly always because another rank is gone."""


@contextlib.contextmanager
def collective(name):
    try:
        yield
    except RuntimeError as error:
        raise PeerLost(f"{name}: {str(error).splitlines()[0]}") from error


class Trainer:
    """The model, its optimizer and one flat buffer that all gradients live in.

    Every gradient is a view into the buffer, so a single all_reduce sums them all.
    That is what makes a resumed run equal: DistributedDataParallel regroups its
    buckets after its first step, so its first step after a resume sums in another
    order than the same step of a run that went on.
    """

    def __init__(self, sampler, world):
        self.sampler, self.world = sampler, world
        self.model = LanguageModel()
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=LEARNING_RATE, weight_decay=0.01)
        # Two places more than there are gradients: the loss is averaged on the same trip, and whether any rank was told to
        # stop is known to all of them after the same step.
        self.buffer = torch.zeros(sum(p.numel() for p in self.parameters) + 2)
        self.is_told = False  # this rank, at any moment
        self.must_stop = False  # all ranks, as of the last step
        offset = 0
        for parameter in self.parameters:
            view = self.buffer[offset:offset + parameter.numel()]
            parameter.grad = view.view_as(parameter)
            offset += parameter.numel()

    def share_initial_parameters(self):
        """Rank 0's first values for all, should another machine's draw differ in a bit."""
        flat = nn.utils.parameters_to_vector(self.parameters).detach()
        dist.broadcast(flat, src=0)
        nn.utils.vector_to_parameters(flat, self.parameters)

    def step(self, n):
        """Train step `n` and return its loss, averaged over all ranks."""
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, n / WARMUP_STEPS)
        rows, following = self.sampler.next()
        self.buffer.zero_()
        loss = F.cross_entropy(self.model(rows).flatten(0, 1), following.flatten())
        loss.backward()
        self.buffer[-1] = loss.detach()
        self.buffer[-2] = self.is_told
        with collective(f"all_reduce of step {n}"):
            dist.all_reduce(self.buffer)
        self.must_stop = self.buffer[-2].item() > 0
        self.buffer /= self.world
        self.optimizer.step()
        return self.buffer[-1].item()

    def sha256(self):
        """Of every byte of the parameters and of the optimizer's state, in a fixed order."""
        digest = hashlib.sha256()
        for name, parameter in self.model.named_parameters():
            digest.update(name.encode())
            digest.update(parameter.detach().numpy().tobytes())
            for key, value in sorted(self.optimizer.state.get(parameter, {}).items()):
                digest.update(key.encode())
                digest.update(torch.as_tensor(value).numpy().tobytes())
        return digest.hexdigest()


class Checkpoints:
    """Files `step-000040.pt`. A file has this name only once all of it is on disk."""

    def __init__(self, folder, keep):
        self.folder, self.keep = folder, keep

    def path(self, n):
        return os.path.join(self.folder, f"step-{n:06d}.pt")

    def steps(self):
        if not os.path.isdir(self.folder):
            return []
        matches = (re.fullmatch(r"step-(\d{6,})\.pt", name) for name in os.listdir(self.folder))
        return sorted(int(match.group(1)) for match in matches if match)

    def write(self, n, content):
        os.makedirs(self.folder, exist_ok=True)
        temporary = f"{self.path(n)}.{os.getpid()}.tmp"
        with open(temporary, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path(n))
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, n):
        if not os.path.isfile(self.path(n)):
            raise CannotTrain(f"cannot resume after step {n}: {self.path(n)} is missing, there are {self.steps()}")
        try:
            return torch.load(self.path(n))
        except Exception as error:  # torch documents no closed set of errors for a damaged file
            raise CannotTrain(f"cannot resume after step {n}: {self.path(n)} is damaged: {error}") from error

    def remove_older(self, n):
        """Keep checkpoint `n` and the ones just before it, and what a killed writer left."""
        for old in [step for step in self.steps() if step <= n][:-self.keep]:
            os.unlink(self.path(old))
        for name in os.listdir(self.folder):
            if name.endswith(".tmp"):
                os.unlink(os.path.join(self.folder, name))


class Run:
    """One attempt, as one rank sees it."""

    def __init__(self, options):
        self.options = options
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.checkpoints = Checkpoints(options.out, options.keep)
        texts = read_texts()
        torch.manual_seed(options.seed)
        self.trainer = Trainer(Sampler(texts, options.batch, self.rank, self.world, options.seed), self.world)
        with collective("broadcast of the first parameters"):
            self.trainer.share_initial_parameters()
        self.initial_sha256 = self.trainer.sha256()
        # From here on each rank draws its own dropout and its own windows.
        torch.manual_seed(options.seed * 1_000_003 + 1 + self.rank)
        self.first_losses = []
        self.last_losses = collections.deque(maxlen=LOSS_AVERAGED_OVER_STEPS)
        # What must be the same for a resumed run to be the same run.
        self.identity = {
            "world": self.world, "batch": options.batch, "seed": options.seed,
            "textsSha256": hashlib.sha256(texts.numpy().tobytes()).hexdigest(),
        }

    def step_to_resume_after(self):
        if self.options.resume == "muster":
            return muster.resume_step()
        # One rank looks, so that all take the same one.
        found = [max(self.checkpoints.steps(), default=0) if self.rank == 0 else None]
        with collective("broadcast of the step to resume after"):
            dist.broadcast_object_list(found, src=0)
        return found[0]

    def restore(self, n):
        content = self.checkpoints.read(n)
        if content["identity"] != self.identity:
            raise CannotTrain(f"checkpoint {n} is of another run: {content['identity']}, this is {self.identity}")
        self.trainer.model.load_state_dict(content["model"])
        self.trainer.optimizer.load_state_dict(content["optimizer"])
        if self.trainer.sha256() != content["sha256"]:
            raise CannotTrain(f"checkpoint {n} does not hold what was written: {self.checkpoints.path(n)}")
        self.initial_sha256 = content["initialSha256"]
        self.first_losses = content["firstLosses"]
        self.last_losses.extend(content["lastLosses"])
        mine = content["ranks"][self.rank]
        self.trainer.sampler.restore(mine["cursor"])
        torch.set_rng_state(mine["random"])

    def save(self, n):
        """Write the whole gang's state, and say so once every rank knows that it is on disk."""
        mine = {"cursor": self.trainer.sampler.cursor, "random": torch.get_rng_state()}
        ranks = [None] * self.world if self.rank == 0 else None
        with collective(f"gather of checkpoint {n}"):
            dist.gather_object(mine, ranks, dst=0)
        if self.rank == 0:
            self.checkpoints.write(n, {
                "identity": self.identity,
                "model": self.trainer.model.state_dict(),
                "optimizer": self.trainer.optimizer.state_dict(),
                "sha256": self.trainer.sha256(),
                "initialSha256": self.initial_sha256,
                "firstLosses": self.first_losses,
                "lastLosses": list(self.last_losses),
                "ranks": ranks,
            })
        with collective(f"barrier of checkpoint {n}"):
            dist.barrier()
        if self.rank == 0:
            muster.checkpoint(n)
            self.checkpoints.remove_older(n)

    def train(self):
        options = self.options
        start = self.step_to_resume_after()
        if start > 0:
            self.restore(start)
        self.print(f"ready, {self.trainer.buffer.numel() - 2} parameters, begins at step {start + 1}")
        muster.ready()
        began = time.monotonic()
        self.note(start)
        for n in range(start + 1, options.steps + 1):
            loss = self.trainer.step(n)
            if len(self.first_losses) < LOSS_AVERAGED_OVER_STEPS:
                self.first_losses.append(loss)
            self.last_losses.append(loss)
            muster.step(n, loss=loss)
            self.note(n)
            if n % options.print_every == 0 or n == options.steps:
                self.print(f"step {n} loss {loss:.3f} {(n - start) / (time.monotonic() - began):.1f} steps/s")
            is_asked = self.trainer.must_stop and n < options.steps
            if options.checkpoint_every and (n % options.checkpoint_every == 0 or n == options.steps or is_asked):
                self.save(n)
            if is_asked:
                self.print(f"ends after step {n}, as it was told")
                return False
        return True

    def note(self, n):
        """When a step was done, or (the first line of an attempt) from which one on it works."""
        if self.options.step_log and self.rank == 0:
            with open(self.options.step_log, "a") as file:
                file.write(f"{os.environ.get('MUSTER_ATTEMPT', '1')} {n} {time.time():.6f}\n")

    def report(self):
        initial = sum(self.first_losses) / max(1, len(self.first_losses))
        final = sum(self.last_losses) / max(1, len(self.last_losses))
        report = {
            "steps": self.options.steps,
            "initialSha256": self.initial_sha256,
            "finalSha256": self.trainer.sha256(),
            "initialLoss": round(initial, 6),
            "finalLoss": round(final, 6),
            "lossDropPercent": round(100 * (1 - final / initial), 2) if initial else 0.0,
            "world": self.world,
        }
        if self.options.report:
            folder = os.path.dirname(self.options.report)
            if folder:
                os.makedirs(folder, exist_ok=True)
            with open(self.options.report + ".tmp", "w") as file:
                json.dump(report, file, indent=2)
                file.write("\n")
            os.replace(self.options.report + ".tmp", self.options.report)
        print(json.dumps(report), flush=True)

    def print(self, text):
        # In one write, so that ranks that share an output do not mix their lines.
        print(f"rank {self.rank}: {text}\n", end="", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--checkpoint-every", type=int, default=40, metavar="STEPS", help="0 for never")
    parser.add_argument("--keep", type=int, default=2, metavar="N", help="checkpoints to keep, the newest first")
    parser.add_argument("--out", default="train-out", metavar="DIR",
                        help="where checkpoints go: storage that every node sees; $VARIABLES are replaced")
    parser.add_argument("--batch", type=int, default=20, help="windows of text for each rank and step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", metavar="FILE", help="rank 0 writes its JSON report here; $VARIABLES are replaced")
    parser.add_argument("--step-log", metavar="FILE",
                        help="rank 0 appends a line a step here: attempt, step, Unix time; $VARIABLES are replaced")
    parser.add_argument("--resume", choices=["muster", "latest"], default="muster",
                        help="from MUSTER_RESUME_STEP, or from the newest checkpoint in --out")
    parser.add_argument("--print-every", type=int, default=20, metavar="STEPS")
    options = parser.parse_args()
    for name, least in (("steps", 1), ("checkpoint_every", 0), ("keep", 2), ("batch", 1), ("print_every", 1)):
        if getattr(options, name) < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    options.out = os.path.expandvars(options.out)
    options.report = options.report and os.path.expandvars(options.report)
    options.step_log = options.step_log and os.path.expandvars(options.step_log)
    return options


def main():
    options = parse_options()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    dist.init_process_group("gloo", init_method="env://", timeout=COLLECTIVE_TIMEOUT)
    try:
        run = Run(options)
        signal.signal(signal.SIGTERM, lambda *_: setattr(run.trainer, "is_told", True))
        is_done = run.train()
        with collective("barrier at the end"):
            dist.barrier()
        if is_done and run.rank == 0:
            run.report()
    except PeerLost as error:
        print(f"rank {dist.get_rank()}: ends, a peer is lost: {error}")
    except CannotTrain as error:
        print(f"rank {dist.get_rank()}: {error}")
    except Exception:
        traceback.print_exc()
    else:
        dist.destroy_process_group()
        return
    # Not the tidy way out: with a peer gone, gloo's own threads may abort the process
    # while it shuts down, and its exit code would then blame a signal.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
