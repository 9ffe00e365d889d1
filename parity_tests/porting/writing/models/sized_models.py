"""Small torch models, and what of their sizes nothing fixes."""

import torch
from torch import nn
from torch.nn import functional


class Signals(nn.Module):
    """Fully convolutional along one axis, with what rounds lengths down and up."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(3, 6, 5, stride=2, padding=2)
        self.pool = nn.MaxPool1d(3, stride=2, ceil_mode=True)
        self.up = nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1)

    def forward(self, signals):
        padded = functional.pad(signals, (1, 2), mode="replicate")
        return self.up(self.pool(torch.relu(self.down(padded))))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(x + self.norm(self.conv(x)))


class Classifier(nn.Module):
    """Blocks, then one vector an image."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Residual(6), Residual(6))
        self.fc = nn.Linear(6, 4)

    def forward(self, images):
        x = self.blocks(self.stem(images))
        return self.fc(functional.avg_pool2d(x, x.shape[2:]).flatten(1))


class Windows(nn.Module):
    """As many windows whatever the size, some of which overlap."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 5, 3, padding=1), nn.Linear(5 * 6 * 2, 4)

    def forward(self, images):
        x = self.conv(images)
        mean, greatest = functional.adaptive_avg_pool2d(x, (3, 2)), functional.adaptive_max_pool2d(x, (3, 2))
        return self.fc(torch.cat([mean, greatest], 1).flatten(1))


class UNet(nn.Module):
    """Up again to the size of what it came of, which may be odd."""

    def __init__(self, mode="bilinear"):
        super().__init__()
        self.mode = mode
        self.down1, self.down2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1, stride=2)
        self.up, self.out = nn.Conv2d(12, 4, 3, padding=1), nn.Conv2d(8, 2, 1)

    def forward(self, images):
        first = torch.relu(self.down1(images))
        second = torch.relu(self.down2(first))
        settings = {} if self.mode == "nearest" else {"align_corners": self.mode == "bicubic"}
        wide = functional.interpolate(second, size=first.shape[-2:], mode=self.mode, **settings)
        x = self.up(torch.cat([first, wide], 1))
        twice = functional.interpolate(functional.max_pool2d(x, 2), scale_factor=2, mode=self.mode, **settings)
        return self.out(torch.cat([functional.interpolate(twice, x.shape[2:]), x], 1))


class Encoder(nn.Module):
    """Attention in heads, which reshapes by the length, with positions of a table that is computed."""

    def __init__(self, causal=False):
        super().__init__()
        self.causal = causal
        self.qkv, self.out, self.norm = nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x):
        samples, length, width = x.shape
        places = torch.arange(length).unsqueeze(1) * torch.tensor([1.0, 0.5, 0.25, 0.125])
        x = x + torch.cat([places.sin(), places.cos()], 1)
        q, k, v = self.qkv(x).reshape(samples, length, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / 2
        if self.causal:
            scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(1, 2).reshape(samples, length, width)
        return self.norm(x + self.out(attended)), attended.mean(1)


class Tokens(nn.Module):
    """A table of positions of 64 rows, of which as many are taken as there are words."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.positions = nn.Parameter(torch.randn(64, 8))
        self.encoder = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)

    def forward(self, words):
        return self.encoder(self.words(words) + self.positions[: words.shape[1]])


class Columns(nn.Module):
    """A column that has the length, beside rows that may be as long, and grids over any space."""

    def __init__(self):
        super().__init__()
        self.fc, self.conv = nn.Linear(6, 6), nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x):
        length, width = x.shape[1:]
        x = self.fc(x) + torch.arange(length).unsqueeze(1)
        mask = torch.triu(torch.full((length, length), float("-inf")), 1)
        x = (x @ x.transpose(1, 2) + mask).softmax(-1) @ x
        grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, length), torch.arange(width).float(), indexing="ij"))
        images = self.conv(x.unsqueeze(1)) + grid
        patches = functional.unfold(images, 2, stride=2)
        return patches, functional.interpolate(images, scale_factor=1.5, mode="bilinear", antialias=True)


class Patches(nn.Module):
    """Images as rows of patches, and back."""

    def __init__(self):
        super().__init__()
        self.patch, self.mix, self.shuffle = nn.Conv2d(3, 8, 4, stride=4), nn.Linear(8, 8), nn.PixelShuffle(2)

    def forward(self, images):
        x = self.patch(images)
        rows, columns = x.shape[2:]
        tokens = self.mix(x.flatten(2).transpose(1, 2))
        grid = tokens.transpose(1, 2).reshape(len(images), 8, rows, columns)
        return self.shuffle(grid), tokens[:, -1]


class Flattened(nn.Module):
    """What a Linear fixes."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4 * 8 * 6, 3)

    def forward(self, images):
        return self.fc(torch.relu(self.conv(images)).flatten(1))


class Rows(nn.Module):
    """What a Linear fixes of one axis, and nothing of the other."""

    def __init__(self):
        super().__init__()
        self.rows = nn.Linear(6, 6)

    def forward(self, images):
        return self.rows(images).mean(2)


class Masked(nn.Module):
    """Two inputs of one length."""

    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(20, 8), nn.Linear(8, 2)

    def forward(self, words, weights):
        return self.out((self.words(words) * weights[..., None]).sum(1) / words.shape[1])


class Guessed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return torch.special.entr(torch.sigmoid(self.fc(x).mean(1)))
