"""Models that draw while they train alone."""

import torch
from torch import nn


class Autoencoder(nn.Module):
    """Gives the mean in evaluation, and draws around it in training."""

    def __init__(self):
        super().__init__()
        self.encode, self.mean, self.spread, self.decode = (nn.Linear(4, 4) for _ in range(4))

    def sample(self, mean, spread):
        if not self.training:
            return mean
        return mean + torch.randn_like(spread) * torch.exp(0.5 * spread)

    def forward(self, x):
        hidden = torch.tanh(self.encode(x))
        return self.decode(self.sample(self.mean(hidden), self.spread(hidden)))


class DrawsInPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        hidden = self.fc(x)
        if self.training:
            hidden = hidden * (1 + hidden.new_empty(hidden.shape).normal_(0, 0.5))
        return torch.dropout(hidden, 0.2, self.training)


class AddsNoise(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        if self.training:
            x = x + 0.1 * torch.randn(x.shape)
        return self.fc(x)


class DrawsSlopes(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.rectify, self.out = nn.Linear(4, 4), nn.RReLU(), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.rectify(self.fc(x)))


class AddsUniformNoise(nn.Module):
    """What evaluation has in the place of what is drawn is not nothing."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(x * torch.rand_like(x) if self.training else x)


class MakesLayers(nn.Module):
    """Makes a layer while it runs, which trains if the model does."""

    def __init__(self):
        super().__init__()
        self.fc, self.drop = nn.Linear(4, 3), None

    def forward(self, x):
        if self.drop is None:
            self.drop = nn.Dropout(0.3).train(self.training)
        return self.drop(self.fc(x))
