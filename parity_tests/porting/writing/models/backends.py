"""Models whose ports combine constants with tensors in every way that their authors do."""

import torch
from torch import nn


class Positions(nn.Module):
    """A learned table of positions, looked up by numbers that do not depend on the input."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(11, 4), nn.Embedding(8, 4)

    def forward(self, tokens):
        return self.words(tokens) + self.places(torch.arange(tokens.shape[1]))


class Ramps(nn.Module):
    """Constants on the left of every operator."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        hidden, ramp = self.fc(x), torch.arange(1.0, 5.0)
        shares = ramp / (1 + hidden.abs()) - hidden * ramp
        table = ramp[:, None] @ hidden[:, None]
        return torch.where(ramp > hidden, ramp - shares, ramp**2 + shares) + table.sum(1)


class Enlarged(nn.Module):
    """An image between the points of a smaller one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        small = self.conv(images)
        return nn.functional.interpolate(small, size=images.shape[-2:], mode="bicubic", align_corners=True)


class Runs(nn.Module):
    """A constant of a few numbers, each repeated so many times."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 300)
        steps = torch.tensor([0.0, 3.0, 6.0]).repeat_interleave(torch.tensor([150, 90, 60]))
        self.register_buffer("steps", steps, persistent=False)

    def forward(self, x):
        return self.fc(x) * self.steps


class Conditioned(nn.Module):
    """Numbers beside tokens."""

    def __init__(self):
        super().__init__()
        self.words, self.fc = nn.Embedding(11, 4), nn.Linear(3, 4)

    def forward(self, token, numbers):
        return torch.tanh(self.words(token)[:, 0]) * self.fc(numbers)
