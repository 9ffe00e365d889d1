"""Ways of public packages that are in none of the other models, each in a few lines."""

import torch
from torch import nn


class WithoutGradients(nn.Module):
    """A method under ``no_grad`` that is given a part of which it reads the shape alone."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    @torch.no_grad()
    def positions(self, x):
        return torch.arange(x.shape[1]).to(x)[None, :, None].sin()

    def forward(self, x):
        first, x = x[:, :1], self.fc(x)
        return torch.cat([first, x[:, 1:] + self.positions(x[:, 1:])], 1)


class KeepsPositions(nn.Module):
    """A table that the first run makes and keeps, and that no checkpoint has."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.register_buffer("table", None, persistent=False)

    def forward(self, x):
        if self.table is None or len(self.table) < x.shape[1]:
            rates = 10000 ** (-torch.arange(4) / 4)
            angles = torch.arange(x.shape[1])[:, None] * rates
            self.register_buffer("table", torch.cat([angles.sin(), angles.cos()], -1), persistent=False)
        return self.fc(x) + self.table[: x.shape[1]].to(x)


class Unpacked(nn.Module):
    """Query, key and value taken apart in one line."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x):
        qkv = self.qkv(x).reshape(*x.shape[:2], 3, 4).permute(2, 0, 1, 3)
        q, k, v = qkv[0], qkv[1], qkv[2]
        return torch.sigmoid(q * k) * v


class Reads(nn.Module):
    """A block that is given the layers that it calls."""

    def __init__(self, shared):
        super().__init__()
        self.own, self.heads = nn.Linear(4, 4), shared

    def forward(self, x):
        x = self.own(x)
        return self.heads[0](x) + self.heads[1](x)


class SharedInAList(nn.Module):
    """Layers of a list that two blocks call."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
        self.first, self.second = Reads(self.heads), Reads(self.heads)

    def forward(self, x):
        return self.first(x) * self.second(x)


class RegionsOfVideos(nn.Module):
    """The regions of a shifted window along three axes, as video transformers have them."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 6, 6))

    def forward(self, x):
        regions, count = torch.zeros(4, 6, 6), 0
        for frames in (slice(-2), slice(-2, None)):
            for rows in (slice(-3), slice(-3, -1), slice(-1, None)):
                for columns in (slice(-3), slice(-3, -1), slice(-1, None)):
                    regions[frames, rows, columns] = count
                    count += 1
        return x * self.scale + regions


class Patches(nn.Module):
    """An image that is cut into patches by a reshape and a permutation."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 5)

    def forward(self, image):
        count, channels, height, width = image.shape
        patches = image.reshape(count, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 3, 5, 1)
        return self.fc(patches.reshape(count, -1, 4 * channels))


class Tokens(nn.Module):
    """The places of an image as a sequence."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, image):
        return self.fc(image.flatten(2).transpose(1, 2))


class CallsItInputs(nn.Module):
    """A forward that has another value by the name that a port gives its input."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(7, 3)

    def forward(self, inputs):
        state = torch.zeros_like(inputs[:, 0, :3])
        sequence = inputs
        for step in range(2):
            inputs = torch.cat([sequence[:, step], state], 1)
            state = self.cell(inputs).tanh()
        return state


class CallsThemInputs(nn.Module):
    """The same of a model of two inputs."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, left, right):
        left_input = self.fc(left)
        right_input = left_input + right
        return left_input * right_input


class Searches(nn.Module):
    """Distances to points, numbers of bins, running maxima and sums of exponentials, rows added to rows, a median."""

    def __init__(self):
        super().__init__()
        self.points, self.fc = nn.Parameter(torch.randn(3, 4)), nn.Linear(4, 4)
        self.register_buffer("bins", torch.tensor([-1.0, 0.0, 0.5]), persistent=False)

    def forward(self, x):
        x = self.fc(x)
        near = torch.cdist(x, self.points).moveaxis(-1, 1)
        counted = torch.bucketize(x, self.bins).float()
        running = x.logcumsumexp(1) + x.cummax(1)[0]
        added = x.index_add(1, torch.tensor([0, 2, 0]), x[:, :3])
        return near.sum(1), counted, running, torch.hsplit(added, (2,))[1], x.median(1).values


class Widens(nn.Module):
    """A part that widens what it is given, or not."""

    def __init__(self, units):
        super().__init__()
        self.up = nn.Linear(4, units) if units else None
        self.down = nn.Linear(units or 4, 4)

    def forward(self, x):
        y = x if self.up is None else self.up(x).relu()
        return x + self.down(y)


class MayWiden(nn.Module):
    """A block that has such a part, or not."""

    def __init__(self, part):
        super().__init__()
        self.fc, self.part = nn.Linear(4, 4), part

    def forward(self, x):
        y = self.fc(x).tanh()
        return y if self.part is None else self.part(y) * y.sigmoid()


class WidensHereAndThere(nn.Module):
    """Blocks without the part, with it, and with one that does not widen."""

    def __init__(self):
        super().__init__()
        parts = (None, Widens(8), Widens(None), Widens(12))
        self.blocks = nn.ModuleList([MayWiden(part) for part in parts])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class AsksForValues(nn.Module):
    """Lists of sizes, and flags and numbers in buffers, that decide what is computed."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("ready", torch.tensor([1.0]))
        self.register_buffer("steps", torch.tensor(2))

    def forward(self, x):
        axes = torch.arange(1, x.ndim).tolist()
        x = self.fc(x)
        if self.ready:
            x = x - x.mean(axes, keepdim=True)
        for _ in range(int(self.steps)):
            x = x.tanh()
        sizes = torch.tensor(x.shape[1:])
        missing = (torch.ceil(sizes / 3) * 3 - sizes).int().tolist()
        return nn.functional.pad(x, (0, missing[1], 0, missing[0]))


class ChangesItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        self.fc.weight.data.clamp_(0)
        return self.fc(x)


class PadsPlaces(nn.Module):
    """Whole numbers that are padded by a number."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)

    def forward(self, tokens):
        return self.words(nn.functional.pad(tokens, (1, 0), value=1.0))


class MovesItself(nn.Module):
    """A layer that is moved to where its input lies, and a bag of rows with a weight each."""

    def __init__(self):
        super().__init__()
        self.fc, self.rows = nn.Linear(4, 9), nn.EmbeddingBag(9, 4, mode="sum")

    def forward(self, x):
        weights, places = self.fc.to(x.device)(x).topk(2)
        return self.rows(places, per_sample_weights=weights.softmax(-1))


class CutPlaces(nn.Module):
    """Places one behind the other, in rows."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 4))

    def forward(self, x):
        return x * self.scale + torch.arange(16).view(4, 4)


class Frames(nn.Module):
    """Overlapping pieces of a signal, weighed."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, signal):
        return self.fc(signal.unfold(1, 6, 2) * torch.hann_window(6))


class KeepsStatistics(nn.Module):
    """A norm whose statistics a step leaves as they are (CREPE)."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4, eps=1e-3, momentum=0.0)

    def forward(self, x):
        return self.norm(torch.relu(self.conv(x)))
