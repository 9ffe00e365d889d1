"""What people write in torch who were never asked, each in a few lines: more of `idioms`."""

import torch
from torch import nn


def drop_path(x, rate=0.0, training=False):
    """As it stands in many repositories."""
    if rate == 0.0 or not training:
        return x
    kept = 1 - rate
    mask = (kept + torch.rand((x.shape[0], *(1,) * (x.ndim - 1)), dtype=x.dtype, device=x.device)).floor_()
    return x.div(kept) * mask


class LeavesOut(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        return drop_path(x, self.rate, self.training)


class StochasticDepthByHand(nn.Module):
    """Branches left out by a module, a function and a method of one's own; a mask of values, too."""

    def __init__(self):
        super().__init__()
        self.fc, self.skip, self.out, self.way = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), LeavesOut(0.3)

    def masked(self, x, keep_prob):
        if not self.training:
            return x
        return x * torch.empty_like(x).bernoulli_(keep_prob) / keep_prob

    def forward(self, x):
        x = x + self.way(self.fc(x))
        x = x + drop_path(self.skip(x), 0.2, self.training)
        return x + self.masked(self.out(x), 0.6)
