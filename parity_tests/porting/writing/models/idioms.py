"""What people write in torch that the table of functions does not show, each in a few lines."""

import torch
from torch import nn


class StackTwice(nn.Module):
    """A stack of recurrences that is called twice."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4, 2, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0] + self.lstm(x * 0.5)[0]


class StateAndSteps(nn.Module):
    """A recurrence of which one call gives its state, and another its steps."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 5, batch_first=True)

    def forward(self, x):
        _, state = self.gru(x)
        steps, _ = self.gru(x * 0.5)
        return steps + state[0][:, None]


class NoAttentions(nn.Module):
    """Outputs of which one is None, as transformers' are."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return {"logits": self.fc(x), "attentions": None, "doubled": x * 2}


class Conv1D(nn.Module):
    """Called as transformers' transposed Linear is, and something else."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 3)

    def forward(self, x):
        return self.conv(x.transpose(1, 2))


class NamedAlike(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.fc = Conv1D(), nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(torch.relu(self.block(x)))


class StraightThrough(nn.Module):
    """A gradient that passes by what rounds, as where codes are quantised."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        code = self.encode(x)
        return self.decode(code + (torch.tanh(code) * 2 - code).detach())


class TruthTimesTruth(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        hidden = self.fc(x)
        return hidden * ((hidden > 0) * (hidden < 1))


class FromTheEnd(nn.Module):
    """Places on two axes, counted from the end."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x)[:, [0, -1], [0, -1]]


class OwnNormaliser(nn.Module):
    """A variance that a class of one's own keeps."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("variance", torch.ones(4))

    def forward(self, x):
        return self.fc((x - self.mean) / torch.sqrt(self.variance + 1e-5))


class Contexts(nn.Module):
    """Parts that no lower precision may touch, and parts whose gradients end."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        with torch.autocast(device_type=x.device.type, enabled=False):
            hidden = torch.relu(self.fc(x))
        with torch.no_grad():
            scale = torch.sigmoid(hidden)
        return hidden * scale + x


class SharedKeys(nn.Module):
    """Attention to what was before, all heads by the same keys; and without heads."""

    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(4, 8), nn.Linear(4, 4)

    def forward(self, x):
        query, key = self.query(x).unflatten(-1, (2, 4)).transpose(1, 2), self.key(x)[:, None]
        attend = torch.nn.functional.scaled_dot_product_attention
        heads = attend(query, key, key, is_causal=True)
        return heads.sum(1) + attend(x, x, x, is_causal=True)


class Scaled(nn.Embedding):
    def forward(self, input):  # noqa: A002
        return super().forward(input) * 2


class ScaledWords(nn.Module):
    """Words of a class of one's own, and an array."""

    def __init__(self):
        super().__init__()
        self.words, self.scale = Scaled(9, 4), nn.Parameter(torch.ones(4))

    def forward(self, tokens):
        return torch.tanh(self.words(tokens) * (1 + self.scale))


class Sines(nn.Module):
    """Positions by sines and cosines that take turns, as no checkpoint has them."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(40, 3)
        rates = torch.exp(torch.arange(0, 40, 2) * -(9.2 / 40))
        table = torch.zeros(5, 40)
        table[:, 0::2] = torch.sin(torch.arange(5)[:, None] * rates)
        table[:, 1::2] = torch.cos(torch.arange(5)[:, None] * rates)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x):
        return self.fc(x + self.table[: x.shape[1]])


class TiedHead(nn.Module):
    """The table of words read once more, as the head of a language model."""

    def __init__(self):
        super().__init__()
        self.words, self.fc, self.head = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 9, bias=False)
        self.head.weight = self.words.weight

    def forward(self, tokens):
        return self.head(torch.relu(self.fc(self.words(tokens))))


class TiedHeadWithBias(nn.Module):
    """The same with a bias of its own, as BERT's head for masked words; one word's row is not trained by a look-up."""

    def __init__(self):
        super().__init__()
        self.words, self.fc, self.head = nn.Embedding(9, 4, padding_idx=0), nn.Linear(4, 4), nn.Linear(4, 9)
        self.head.weight = self.words.weight

    def forward(self, tokens):
        return self.head(torch.tanh(self.fc(self.words(tokens))))


class TimeFirst(nn.Module):
    """Words whose positions come first, as XLNet has them."""

    def __init__(self):
        super().__init__()
        self.words, self.fc, self.norm = nn.Embedding(9, 4), nn.Linear(4, 4), nn.LayerNorm(4)

    def forward(self, tokens):
        hidden = self.words(tokens.transpose(0, 1))
        return self.norm(self.fc(hidden) + hidden.mean(0)).transpose(0, 1)


class StatesToo(nn.Module):
    """States are returned as well, whose samples are the second axis."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, 2, batch_first=True)

    def forward(self, steps):
        return self.lstm(steps)


class NumberOfNoSample(nn.Module):
    """A number that is the same for all samples, as the temperature of contrastive models; one that is none's."""

    def __init__(self):
        super().__init__()
        self.fc, self.scale = nn.Linear(4, 4), nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.fc(x), self.scale.exp(), torch.tensor(0.5)


class OfNoSample(nn.Module):
    """An output that is the same for all samples."""

    def __init__(self):
        super().__init__()
        self.fc, self.scales = nn.Linear(4, 4), nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.fc(x), self.scales.exp()
