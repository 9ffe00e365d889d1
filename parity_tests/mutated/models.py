"""Small torch models of many kinds, as users have them; weights are drawn as if trained."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(8, eps=1e-3, momentum=0.2)
        self.dropout = nn.Dropout(0.25)
        self.fc = nn.Linear(8 * 2 * 2, 5)

    def forward(self, image):
        image = functional.relu(self.bn1(self.conv1(image)))
        image = functional.leaky_relu(self.bn2(self.conv2(image)), 0.1)
        image = functional.max_pool2d(image, 2)
        return self.fc(self.dropout(image.flatten(1)))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")
        self.blocks = nn.ModuleList([ResidualBlock(8) for _ in range(2)])
        self.norm = nn.GroupNorm(4, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, image):
        image = torch.tanh(self.stem(image))
        for block in self.blocks:
            image = block(image)
        return functional.log_softmax(self.head(self.norm(image).mean((2, 3))), dim=-1)


class ResidualBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=2)
        self.scale = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x):
        inner = self.conv2(functional.silu(self.conv1(x)))
        return functional.relu(x + 0.5 * self.scale * inner)


class Transformer(nn.Module):
    def __init__(self, width=12, heads=3):
        super().__init__()
        self.heads = heads
        self.tokens = nn.Embedding(17, width)
        self.positions = nn.Embedding(10, width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.project = nn.Linear(width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(0.1)
        self.classes = nn.Linear(width, 6)

    def split(self, x):
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = query @ key.transpose(-2, -1) / 2.0
        mask = torch.ones(tokens.shape[1], tokens.shape[1]).tril().bool()
        weights = self.dropout(scores.masked_fill(~mask, float("-inf")).softmax(-1))
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.dropout(self.project(mixed)))
        x = self.norm2(x + self.down(functional.gelu(self.up(x))))
        return self.classes(x[:, -1])


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(12, 7, batch_first=True)
        self.fc = nn.Linear(7, 3)

    def forward(self, signal):
        states, _ = self.lstm(signal)
        states, _ = self.gru(torch.tanh(states))
        return torch.sigmoid(self.fc(states.mean(dim=1)))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(2, 4, 3, padding=1)
        self.down2 = nn.Conv2d(4, 8, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.mix = nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, image):
        fine = functional.relu(self.down1(image))
        coarse = functional.elu(self.down2(functional.avg_pool2d(fine, 2)))
        x = torch.cat([self.up1(coarse), fine], dim=1)
        x = functional.hardswish(self.mix(x))
        smooth = functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")
        return self.out(torch.cat([x - smooth, image], dim=1))


class SeveralInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 8), nn.Linear(4, 8)
        self.gate = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(16, 3)

    def forward(self, left, right):
        a, b = self.left(left), functional.relu(self.right(right))
        gated = (a - 0.3 * b) * torch.sigmoid(self.gate(b))
        joined = torch.cat([self.norm(gated), a.clamp(-1.5, 1.5)], dim=1)
        return self.out(functional.dropout(joined, 0.2, self.training)), gated.square().mean(1)


class OwnParameters(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Parameter(torch.zeros(6, 6)), nn.Parameter(torch.zeros(6, 6))
        self.shift = nn.Parameter(torch.zeros(6))
        self.temperature = nn.Parameter(torch.ones(1))
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        x = torch.tanh(x @ self.first + self.shift)
        mixed = (x @ self.second) / (1 + self.temperature.abs())
        normed = functional.normalize(mixed, dim=-1)
        return self.fc(normed * x) - x.pow(2) / 4


class Signals(nn.Module):
    """Volumes of a signal: strided convolutions, a flatten that mixes channels, and back by linear steps."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 4, 3, stride=2, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv1d(4, 8, 3, stride=2, padding=1, padding_mode="reflect")
        self.fc1, self.fc2 = nn.Linear(32, 6), nn.Linear(6, 32)
        self.conv3 = nn.Conv1d(8, 3, 3, padding=1, padding_mode="reflect")

    def forward(self, signal):
        x = functional.relu(self.conv1(signal))
        x = functional.relu(self.conv2(x))
        x = self.fc2(self.fc1(x.flatten(1))).view(-1, 8, 4)
        x = functional.interpolate(x, scale_factor=4, mode="linear", align_corners=False)
        return self.conv3(x)


@dataclass(frozen=True, slots=True)
class Model:
    """A torch model that is written, and what `porting.write` is told of its inputs."""

    build: Callable[[], nn.Module]
    inputs: tuple[str, ...]


MODELS = {
    "convolutional": Model(Convolutional, ("3,8,8",)),
    "residual": Model(Residual, ("3,8,8",)),
    "transformer": Model(Transformer, ("7:int17",)),
    "recurrent": Model(Recurrent, ("6,5",)),
    "unet": Model(UNet, ("2,8,8",)),
    "several inputs": Model(SeveralInputs, ("6", "4")),
    "own parameters": Model(OwnParameters, ("6",)),
    "signals": Model(Signals, ("3,16",)),
}
