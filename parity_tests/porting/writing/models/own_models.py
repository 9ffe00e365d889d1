"""Torch models as users have them; a module of its own, so that it is found by its name."""

import torch
from torch import nn


@torch.library.custom_op("parity_tests::halve", mutates_args=())
def halve(x: torch.Tensor) -> torch.Tensor:
    """A function that no table knows."""
    return x / 2


@halve.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


halve.register_autograd(lambda context, gradient: gradient / 2)


class ConvBlock(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(filters)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Classifier(nn.Module):
    """Two equal blocks, a channel mixing flatten, dropout."""

    def __init__(self, width=4, labels=3):
        super().__init__()
        self.first = ConvBlock(3, width)
        self.second = ConvBlock(width, 2 * width)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * width * 16, labels)

    def forward(self, image):
        features = self.second(self.first(image))
        pooled = nn.functional.max_pool2d(features, 2)
        return self.head(self.dropout(pooled.flatten(1)))


class Halving(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        x = halve(self.fc(x))
        return halve(x)


class Undecided(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) if x.sum() > 0 else x


class OddNames(nn.Module):
    """Names that Python or Keras have other plans for."""

    def __init__(self):
        super().__init__()
        for name in ("keras", "ops", "class", "größe", "a/b", "build"):
            self.add_module(name, nn.Linear(4, 4))

    def forward(self, ops):
        keras = ops
        for layer in self.children():
            keras = torch.tanh(layer(keras))
        return keras


class Counting(nn.Module):
    """Returns more than tensors, and counts its calls."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return {"scores": self.fc(x), "calls": self.calls}


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.fc = nn.Linear(6, 5)

    def forward(self, tokens, mask=None):
        hidden = self.embedding(tokens)
        if mask is not None:
            hidden = hidden * mask.unsqueeze(-1)
        return {"hidden": self.fc(hidden), "pooled": hidden.mean(1)}


class Spare(nn.Module):
    """Weights that forward does not use: of a token for masks, of a layer for another task."""

    def __init__(self):
        super().__init__()
        self.fc, self.spare = nn.Linear(4, 3), nn.Linear(3, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 4))

    def forward(self, x):
        return self.fc(x)


class Rotated(nn.Module):
    """Angles of positions, which a port computes as it is built."""

    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(6, 6), nn.Linear(6, 2)
        self.register_buffer("frequencies", 1.0 / 100.0 ** (torch.arange(3) / 3), persistent=False)

    def forward(self, x):
        angles = torch.arange(x.shape[1])[:, None].float() * self.frequencies
        return self.out(self.fc(x) * torch.cat([angles.cos(), angles.sin()], -1))


class Normalised(nn.Module):
    """A convolution whose kernel is computed of a direction and a length."""

    def __init__(self):
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 6, 3, groups=2), dim=2)

    def forward(self, x):
        return torch.relu(self.conv(x))


class LayerDropping(nn.Module):
    """Leaves a layer out by chance while it trains."""

    def __init__(self, share=0.5):
        super().__init__()
        self.share, self.first, self.second = share, nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = self.first(x)
        return x if self.training and torch.rand([]) < self.share else x + self.second(x)
