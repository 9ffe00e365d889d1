"""What people write every day in torch, each in a few lines: modes, numbers of samples, shared weights, sampling."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody does


class FrozenBackbone(nn.Module):
    """Gradients that end in parts of a forward; a part that is computed in full precision."""

    def __init__(self):
        super().__init__()
        self.backbone, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    @torch.inference_mode()
    def teacher(self, x):
        return self.backbone(x).softmax(-1)

    def forward(self, x):
        with torch.no_grad():
            features = torch.tanh(self.backbone(x))
        with torch.autocast("cpu", enabled=False):
            scores = self.head(features.float())
        with torch.enable_grad():
            return torch.relu(scores), self.teacher(x)


class HalfPrecision(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        with torch.autocast("cpu"):
            return self.fc(x)


class StateOfZeros(nn.Module):
    """A state that is made without naming a type; the last step of each sample by its number."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        start = torch.zeros(1, x.size(0), 5), torch.zeros(1, x.size(0), 5)
        steps, _ = self.lstm(x, start)
        return self.head(steps[torch.arange(x.size(0)), -1])


class TwoViews(nn.Module):
    """Several inputs as one batch, which is taken apart again."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, first, second):
        count = first.shape[0]
        both = self.fc(torch.cat([first, second]))
        return F.cosine_similarity(both[:count], both[count:])


class CountsSamples(nn.Module):
    """Computes with the number of samples, as it is and by its root."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) / x.shape[0], self.fc(x) * (1 / len(x)) ** 0.5, torch.eye(len(x)) @ x


class DropsConstants(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.dropout = nn.Linear(4, 4), nn.Dropout(0.3)

    def forward(self, x):
        return self.fc(x * self.dropout(torch.ones(5, 4)))


class Resizes(nn.Module):
    """By factors that are not whole, to new points between which the old ones are averaged."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        x = F.interpolate(self.conv(x), scale_factor=1.5)
        halved = F.interpolate(x, scale_factor=0.7, mode="nearest-exact")
        return halved, F.interpolate(x, size=(4, 5), mode="bilinear", antialias=True)


class StridesWithDilation(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 6, 3, stride=(2, 1), dilation=(1, 2), padding=2, groups=2)
        self.second = nn.Conv1d(6, 4, 3, stride=2, dilation=2)

    def forward(self, x):
        return self.second(self.first(x).relu().mean(2))


class TransformsImages(nn.Module):
    """An image that is looked at through an affine map, and warped; patches that overlap, put together again."""

    def __init__(self):
        super().__init__()
        self.theta, self.flow, self.mix = nn.Linear(3, 6), nn.Conv2d(3, 2, 3, padding=1), nn.Linear(12, 12)

    def forward(self, x):
        grid = F.affine_grid(self.theta(x.mean((2, 3))).view(-1, 2, 3), x.size(), align_corners=False)
        x = F.grid_sample(x, grid, align_corners=False)
        grid = torch.tanh(self.flow(x)).permute(0, 2, 3, 1) * 1.3
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)
        patches = self.mix(F.unfold(x, 2, padding=1).transpose(1, 2)).transpose(1, 2)
        return F.fold(patches, x.shape[-2:], 2, padding=1)


class TiedDecoder(nn.Module):
    """Two tables of vectors that are one, and the weight of what scores words."""

    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(11, 4), nn.Embedding(11, 4)
        self.decoder = nn.Linear(4, 11, bias=False)
        self.target.weight = self.decoder.weight = self.source.weight

    def forward(self, x, y):
        return self.decoder(self.source(x).mean(1, keepdim=True) + self.target(y))


class OneKernelTwoWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x, self.kernel, stride=2), F.conv2d(x, self.kernel, padding=1)


class Draws(nn.Module):
    """A latent code that is drawn in evaluation, too."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) + torch.randn_like(x)


class ReadsNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.settings = nn.Linear(4, 4), {}

    def forward(self, x):
        return self.fc(x)[x[:, 0] > 0]


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.settings = nn.Linear(4, 4), {}

    def forward(self, x):
        return self.fc(x) * self.settings["width"]


class Siamese(nn.Module):
    """Layers that are called twice, side by side: Keras' own order of the calls is another one."""

    def __init__(self):
        super().__init__()
        self.encode, self.score = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), nn.Linear(3, 1)

    def forward(self, first, second):
        return self.score(torch.abs(self.encode(first) - self.encode(second)))


class LastLayerIdle(nn.Module):
    """A layer whose result nothing reads, as the last of a row that hands on two; one that nobody calls; a tied one."""

    def __init__(self):
        super().__init__()
        self.words, self.decoder = nn.Embedding(11, 4), nn.Linear(4, 11, bias=False)
        self.decoder.weight = self.words.weight
        self.skips = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
        self.residuals = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
        self.spare = nn.Linear(4, 2)

    def forward(self, tokens):
        x, total = self.words(tokens), 0
        for skip, residual in zip(self.skips, self.residuals, strict=True):
            total = total + torch.tanh(skip(x))
            x = x + residual(x)
        return self.decoder(total)


class GraphAttention(nn.Module):
    """A part of an array of one's own; a column and a row of one length, which Keras would take for a bias."""

    def __init__(self):
        super().__init__()
        self.weight, self.scores = nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.randn(12, 1))

    def forward(self, x):
        x = x @ self.weight
        edges = x @ self.scores[:6] + (x @ self.scores[6:]).transpose(1, 2)
        return F.softmax(F.leaky_relu(edges, 0.2), -1) @ x


class PoolsVectors(nn.Module):
    """Windows over features and over images that have no axis of channels; whole numbers that divide."""

    def __init__(self):
        super().__init__()
        self.fc, self.mix = nn.Linear(6, 8), nn.Linear(2, 3)
        self.greatest, self.mean, self.some = nn.MaxPool1d(2), nn.AvgPool2d((2, 1)), nn.AdaptiveAvgPool1d(2)

    def forward(self, x):
        x = self.mean(self.fc(x))
        count = (x > 0).sum(-1, keepdim=True) + 1
        x = self.greatest(x.mean(1)) / count[:, 0] ** 2
        return self.mix(self.some(x))


class Strides(nn.Module):
    """Steps that differ along rows and columns, of channels by themselves; steps and holes by a kernel of one's own."""

    def __init__(self):
        super().__init__()
        self.each = nn.Conv2d(4, 4, 3, stride=(2, 1), padding=1, groups=4)
        self.kernel, self.own = nn.Parameter(torch.zeros(4, 4, 3, 3)), nn.Parameter(torch.zeros(4, 1, 3, 3))

    def forward(self, x):
        x = F.conv2d(self.each(x), self.kernel * 1.5, stride=2, dilation=2, padding=2)
        return F.conv2d(x, self.own.abs(), groups=4, stride=(2, 1), padding=1)


class TableByNumpy(nn.Module):
    """Positions that numpy computes, as an attribute that no checkpoint has."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 8)
        rates = np.power(10000.0, -np.arange(8) / 8)
        self.table = torch.from_numpy(np.sin(np.arange(12)[:, None] * rates).astype(np.float32))

    def forward(self, x):
        return torch.relu(self.fc(x) + self.table)


class KnowsThatItIsCompiled(nn.Module):
    """Makes the mask that it needs itself, but where torch compiles."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, mask=None):
        if mask is None and not torch.compiler.is_compiling():
            mask = torch.ones(x.shape[0], 1)
        return self.fc(x) * mask[:, :1]  # pyright: ignore[reportOptionalSubscript]


class NamesWhatItNests(nn.Module):
    """As many names as tensors, one of which stands for a tuple."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        hidden = self.fc(x)
        return {"last": torch.relu(hidden), "states": (hidden,)}


class RemembersItsBias(nn.Module):
    """Takes a table of biases apart once for evaluation."""

    def __init__(self):
        super().__init__()
        self.fc, self.biases = nn.Linear(4, 3), nn.Parameter(torch.zeros(2, 2))
        self.places = [1, 0, 1]
        self.known = {}

    def forward(self, x):
        if self.training:
            return self.fc(x) + self.biases[:, self.places][0]
        if x.device not in self.known:
            self.known[x.device] = self.biases[:, self.places]
        return self.fc(x) + self.known[x.device][0]
