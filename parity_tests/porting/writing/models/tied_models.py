"""Models in which several layers, or a layer and functions, have one weight."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Autoencoder(nn.Module):
    """Decodes by the encoder's weights, turned, with biases of its own."""

    def __init__(self, sizes=(7, 5, 3)):
        super().__init__()
        self.encode = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))
        self.biases = nn.ParameterList(torch.zeros(size) for size in reversed(sizes[:-1]))

    def forward(self, x):
        for layer in self.encode:
            x = torch.relu(layer(x))
        for layer, bias in zip(reversed(self.encode), self.biases, strict=True):
            x = torch.tanh(F.linear(x, layer.weight.t(), bias))
        return x


class OwnBiases(nn.Module):
    """One square weight in two layers of two biases, between layers that share nothing."""

    def __init__(self):
        super().__init__()
        self.first, self.encode, self.decode, self.last = (nn.Linear(5, 5) for _ in range(4))
        self.decode.weight = self.encode.weight

    def forward(self, x):
        return self.last(self.decode(torch.relu(self.encode(torch.tanh(self.first(x))))))


class Functions(nn.Module):
    """Functions of layers that are called with the model's own arrays, one of them twice."""

    def __init__(self):
        super().__init__()
        self.w, self.hidden, self.visible = (nn.Parameter(torch.zeros(*size)) for size in ((4, 6), (4,), (6,)))
        self.head, self.bias = nn.Parameter(torch.zeros(2, 6)), nn.Parameter(torch.zeros(2))

    def forward(self, x):
        x = torch.sigmoid(F.linear(x, self.w, self.hidden))
        return F.linear(torch.sigmoid(F.linear(x, self.w.t(), self.visible)), self.head, self.bias)


class Kernels(nn.Module):
    """A convolution and its transpose by one kernel of groups; a transposed layer that has a convolution's."""

    def __init__(self):
        super().__init__()
        self.down, self.bias = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), nn.Parameter(torch.zeros(4))
        self.patches, self.up = nn.Conv2d(4, 3, 2, stride=2), nn.ConvTranspose2d(3, 4, 2, stride=2)
        self.up.weight = self.patches.weight

    def forward(self, x):
        settings = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
        x = F.conv_transpose2d(torch.relu(self.down(x)), self.down.weight, self.bias, **settings)
        return self.up(torch.tanh(self.patches(x)))


class Causal(nn.Conv1d):
    def forward(self, x):
        return F.conv1d(F.pad(x, (2, 0)), self.weight, self.bias)


class Others(nn.Module):
    """Convolutions, of a class of one's own, and norms that share their weights and nothing else."""

    def __init__(self):
        super().__init__()
        self.near, self.far = nn.Conv1d(3, 3, 3, padding=1), nn.Conv1d(3, 3, 3, padding=2, dilation=2)
        self.one, self.other = Causal(3, 3, 3), Causal(3, 3, 3)
        self.before, self.behind = nn.LayerNorm(8), nn.LayerNorm(8)
        self.far.weight, self.other.weight = self.near.weight, self.one.weight
        self.behind.weight = self.before.weight

    def forward(self, x):
        x = self.far(torch.relu(self.near(self.before(x))))
        return self.behind(self.other(torch.relu(self.one(x))))


class Norms(nn.Module):
    """Statistics that two layers take each for itself, and a scale that both have."""

    def __init__(self):
        super().__init__()
        self.one, self.other, self.fc = nn.BatchNorm1d(4), nn.BatchNorm1d(4), nn.Linear(4, 4)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.fc(self.one(x)))


class OfATable(nn.Module):
    """A layer that is given a table and no input, and one whose weight a function is called with (Swin V2)."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 5), nn.Linear(5, 4, bias=False)
        self.both, self.fc = nn.Linear(4, 8), nn.Linear(8, 4)
        self.register_buffer("table", torch.arange(12.0).reshape(6, 2) / 6 - 1)

    def forward(self, x):
        bias = self.both.bias.clone()
        bias[2:5].zero_()
        hidden = F.linear(x, self.both.weight, bias).tanh()
        return self.fc(hidden) + 8 * self.last(torch.relu(self.first(self.table))).sigmoid()


class BehindAGate(nn.Module):
    """Two layers of one weight behind a gate, which Keras runs before what it lets through."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow, self.gate = nn.Linear(4, 6), nn.Linear(6, 4), nn.Linear(4, 4)
        self.one, self.other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4)
        self.other.weight = self.one.weight

    def forward(self, x):
        x = x + self.narrow(F.silu(self.wide(x))) * torch.sigmoid(self.gate(x))
        return self.other(torch.tanh(self.one(x)))
