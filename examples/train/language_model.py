"""What train.py trains and on what: a small transformer, and the licence texts of a Debian system."""

import os

import torch
from torch import nn
from torch.nn import functional as F

TEXTS_FOLDER = "/usr/share/common-licenses"
CONTEXT_BYTES = 64
WIDTH = 96
LAYERS = 2
HEADS = 4
DROPOUT = 0.1


class CannotTrain(Exception):
    """What was asked for and what is there do not fit; the message says how."""


def read_texts():
    """All licences in one sequence. Sorted by name, so that every node reads the same."""
    entries = sorted(os.scandir(TEXTS_FOLDER), key=lambda entry: entry.name)
    paths = [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
    if not paths:
        raise CannotTrain(f"no texts in {TEXTS_FOLDER}")
    content = bytearray()
    for path in paths:
        with open(path, "rb") as file:
            content += file.read()
    return torch.frombuffer(content, dtype=torch.uint8)


class Sampler:
    """Hands each rank its windows of the text: a new order each epoch, no window twice in one."""

    def __init__(self, texts, batch, rank, world, seed):
        self.texts, self.batch, self.rank, self.world, self.seed = texts, batch, rank, world, seed
        # One window is kept spare, because each is moved by up to a whole window.
        self.windows = len(texts) // CONTEXT_BYTES - 2
        if self.windows < batch * world:
            raise CannotTrain(f"--batch {batch} on {world} ranks needs more than the {self.windows} windows there are")
        self.cursor = {"epoch": 0, "position": 0}
        self._shuffle()

    def restore(self, cursor):
        self.cursor = dict(cursor)
        self._shuffle()

    def next(self):
        if self.cursor["position"] + self.batch * self.world > self.windows:
            self.cursor = {"epoch": self.cursor["epoch"] + 1, "position": 0}
            self._shuffle()
        first = self.cursor["position"] + self.rank * self.batch
        chosen = self.order[first:first + self.batch]
        self.cursor["position"] += self.batch * self.world
        # From the rank's random state: each epoch cuts the text at other places.
        starts = chosen * CONTEXT_BYTES + torch.randint(CONTEXT_BYTES, (self.batch,))
        rows = self.texts[starts[:, None] + torch.arange(CONTEXT_BYTES + 1)].long()
        return rows[:, :-1], rows[:, 1:]

    def _shuffle(self):
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.cursor["epoch"])
        self.order = torch.randperm(self.windows, generator=generator)


class Block(nn.Module):
    """Attention to what came before, then a feed-forward layer, each added to its input."""

    def __init__(self):
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.attention_output = nn.Linear(WIDTH, WIDTH)
        self.feed_forward_norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(DROPOUT)
        future = torch.ones(CONTEXT_BYTES, CONTEXT_BYTES, dtype=torch.bool).triu(1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, x):
        batch, length, _ = x.shape
        heads = self.query_key_value(self.attention_norm(x)).view(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5
        weights = scores.masked_fill(self.future[:length, :length], float("-inf")).softmax(-1)
        attended = (weights @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + self.dropout(self.attention_output(attended))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.feed_forward_norm(x)))))


class LanguageModel(nn.Module):
    """Guesses the next byte at every place of a window."""

    def __init__(self):
        super().__init__()
        self.byte = nn.Embedding(256, WIDTH)
        self.place = nn.Embedding(CONTEXT_BYTES, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.guess = nn.Linear(WIDTH, 256)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, rows):
        x = self.byte(rows) + self.place(torch.arange(rows.shape[1]))
        return self.guess(self.norm(self.blocks(x)))
