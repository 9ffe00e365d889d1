"""Small torch models, each with one thing that the written source must say well."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, planes, inplanes=None, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes or planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.downsample = nn.Conv2d(inplanes, planes, 1, stride) if inplanes else None

    def forward(self, x):
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return torch.relu(out)


class Stages(nn.Module):
    """Repeated blocks, some with an optional part."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Block(4, 3), *(Block(4) for _ in range(2)))
        self.layer2 = nn.Sequential(Block(8, 4, 2), *(Block(8) for _ in range(3)))
        self.layer3 = nn.Sequential(Block(16, 8, 2), *(Block(16) for _ in range(2)))

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(x)))


class Expanding(nn.Module):
    """A part at the beginning that shifts the numbers of all behind it."""

    def __init__(self, channels, hidden):
        super().__init__()
        parts = [nn.Linear(channels, hidden), nn.ReLU()] if hidden != channels else []
        self.layers = nn.Sequential(*parts, nn.LayerNorm(hidden), nn.Linear(hidden, channels))
        self.keeps = hidden != channels

    def forward(self, x):
        return x + self.layers(x) if self.keeps else self.layers(x)


class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = Expanding(4, 4), Expanding(4, 8), Expanding(4, 12)

    def forward(self, x):
        return self.third(self.second(self.first(x)))


class Activated(nn.Module):
    def __init__(self, units, activation):
        super().__init__()
        self.dense = nn.Linear(units, units)
        self.norm = nn.LayerNorm(units)
        self.activation = activation

    def forward(self, x):
        x = self.norm(self.dense(x))
        return x if self.activation is None else self.activation(x)


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = Activated(4, nn.ReLU()), Activated(4, nn.SiLU()), Activated(4, None)

    def forward(self, x):
        return self.three(self.two(self.one(x)))


class Growing(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.conv = nn.Conv1d(channels, growth, 1)

    def forward(self, features):
        joined = torch.cat(features, 1)
        new = self.conv(joined)
        return torch.relu(new)


class Dense(nn.Module):
    def __init__(self, channels, growth, num_layers):
        super().__init__()
        self.layers = nn.ModuleList(Growing(channels + at * growth, growth) for at in range(num_layers))

    def forward(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


class Lists(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1, self.block2 = Dense(3, 2, 4), Dense(11, 2, 6)

    def forward(self, x):
        return self.block2(self.block1(x))


class Perceptron(nn.Module):
    """Sizes that are multiples, names that are Python's, and two classes that do the same."""

    def __init__(self, dim):
        super().__init__()
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, input):  # noqa: A002
        return self.down(torch.relu(self.up(input)))


class OtherPerceptron(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, hidden):
        return self.down(torch.relu(self.up(hidden)))


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.perceptron, self.other = Perceptron(4), OtherPerceptron(6)
        self.between = nn.Linear(4, 6)

    def forward(self, perceptron):
        layers = self.perceptron(perceptron)
        keras = self.between(layers)
        other = self.other(keras)
        return keras * other


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.b_c = nn.Linear(3, 3)


class Spelled(nn.Module):
    """Paths that one spelling would not keep apart, and a name that no backend takes."""

    def __init__(self):
        super().__init__()
        self.a = Inner()
        self.a_b = nn.ModuleDict({"c": nn.Linear(3, 3), "größe": nn.Linear(3, 3)})

    def forward(self, x):
        return self.a_b["größe"](self.a_b["c"](self.a.b_c(x)))


class Features(nn.Module):
    """A Sequential that repeats, with sizes that differ."""

    def __init__(self):
        super().__init__()
        parts, channels = [], 3
        for width in (8, 16, 32, 64):
            parts += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*parts)

    def forward(self, x):
        return self.features(x)


class Rates(nn.Module):
    """Dropout that grows with depth, and a value that nobody reads."""

    def __init__(self):
        super().__init__()
        self.dense = nn.ModuleList(nn.Linear(4, 4) for _ in range(5))
        self.drops = nn.ModuleList(nn.Dropout(0.2 * (at + 1) / 5) for at in range(5))

    def forward(self, x):
        for dense, drop in zip(self.dense, self.drops, strict=True):
            x.exp()
            x = drop(dense(x))
        return x


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.dense = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, hidden, weights):
        gates = torch.sigmoid(self.gate(weights))
        return self.dense(hidden) * gates


class Inputs(nn.Module):
    """A block that reads its second input first, and one that unpacks."""

    def __init__(self):
        super().__init__()
        self.qkv, self.weighted, self.again = nn.Linear(4, 12), Weighted(), Weighted()

    def forward(self, x):
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        mixed = self.weighted(query, key)
        return self.again(weights=value, hidden=mixed)


class Frames(nn.Module):
    """One network over all frames of each sample at once."""

    def __init__(self):
        super().__init__()
        self.cnn, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, video):
        count, length, channels, height, width = video.shape
        features = self.cnn(video.view(count * length, channels, height, width)).mean((2, 3))
        return self.fc(features.view(count, length, 4).mean(1))


class FrameByFrame(nn.Module):
    """A network of each frame in its turn, which knows what it made of the frame before."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Conv2d(5, 2, 3, padding=1)

    def forward(self, video):
        state = video[:, 0, :2]
        for at in range(1, video.shape[1]):
            state = torch.tanh(self.cell(torch.cat([video[:, at], state], 1)))
        return state


class Again(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, again):
        x = self.fc(x).relu()
        if again:
            x = self.fc(x)
        return x.sigmoid() * 2


class MadeBefore(nn.Module):
    """A block that calls a layer once or twice, called itself with and without."""

    def __init__(self):
        super().__init__()
        self.block = Again()

    def forward(self, x):
        return self.block(self.block(x, True), False)
