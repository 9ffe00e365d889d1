"""Models that fell short when they were drawn, shrunk, and named by what was mended."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody does


class HeadsOfOneFeature(nn.Module):
    """Keras' tensorflow backend adds a bias (head, 1) along the positions, where they are as many as heads."""

    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(3, 3, batch_first=True)

    def forward(self, x):
        return self.attn(x, x, x)[0]


class LooksLikeBias(nn.Module):
    """What Keras' tensorflow backend takes for a bias along the last axis, or the samples."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.shift = nn.Parameter(torch.ones(1, 4, 1))
        self.token = nn.Parameter(torch.ones(1, 1, 4))

    def forward(self, x):
        x = self.fc(x) + self.shift
        x = x + x.mean((1, 2), keepdim=True)
        x = x + x.mean(2, keepdim=True)
        return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)


class CausalEncoder(nn.Module):
    """Transformers look at the values of a mask, and make numbers of truth values."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x, padding):
        padding = torch.cat([torch.zeros_like(padding[:, :1]), padding[:, 1:]], 1)
        mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
        return self.encoder(x, mask=mask, src_key_padding_mask=padding)


class AddedMask(nn.Module):
    """A mask that is saved, and added to the scores."""

    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(6, 2, dropout=0.1, batch_first=True)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(4))

    def forward(self, x):
        x, shares = self.attn(x, x, x, attn_mask=self.mask)
        return x, shares.amax(-1)


class OneKey(nn.Module):
    """A mask of one element; gradients of queries and keys that are nothing but rounding."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(6, 1, 2)
        self.attn = nn.MultiheadAttention(5, 1, batch_first=True)
        self.register_buffer("mask", torch.ones(1, 1, dtype=torch.bool).triu(1))

    def forward(self, x):
        x = self.conv(x)
        return self.attn(x, x, x, attn_mask=self.mask)[0]


class Composed(nn.Module):
    """Functions without a row, which torch composes of others."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        x = torch.nan_to_num(self.fc(x))
        return torch.hstack([x, torch.rot90(x, 1, (1, 2))])


class NormalisedHeads(nn.Module):
    """Layers along the last axis of values whose other axes lie otherwise than in torch."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.along_columns = nn.Linear(6, 8)
        self.qkv = nn.Linear(8, 24)
        self.q_norm = nn.LayerNorm(4)
        self.k_norm = nn.RMSNorm(4)

    def forward(self, image):
        x = self.along_columns(self.conv(image)).flatten(1, 2)
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v)
        return x.transpose(1, 2).flatten(2)


class Cells(nn.Module):
    """Steps of a recurrence, by its state."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(6, 4)

    def forward(self, x):
        state = x.new_zeros(x.shape[0], 4), x.new_zeros(x.shape[0], 4)
        states = []
        for point in x.unbind(1):
            state = self.cell(point, state)
            states.append(state[0])
        return torch.stack(states, 1)


class ComputedWeights(nn.Module):
    """weight_norm, old and new; constants of one shape, told apart by their names."""

    def __init__(self):
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Linear(4, 6))
        self.second = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6))
        self.register_buffer("scale", torch.rand(6) + 0.5)
        self.register_buffer("shift", torch.rand(6))

    def forward(self, x):
        return self.second(torch.tanh(self.first(x))) * self.scale + self.shift


class CastInTraining(nn.Module):
    """A cast to float32, which in float64 is none, with dropout behind it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)
        self.dropout = nn.Dropout(0.3)

    def forward(self, tokens):
        return self.dropout(self.fc(tokens.float() / 10))


class DropsNothingFirst(nn.Module):
    """A dropout whose rate is zero, before one inside attention; a mask that is added."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.0)
        self.encoder = nn.TransformerEncoderLayer(6, 2, 6, batch_first=True)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(4), persistent=False)

    def forward(self, x):
        return self.encoder(self.dropout(x), self.mask)


class Resized(nn.Module):
    """Places between neighbours that float32 does not hold; a normalisation of axes of one length."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.norm = nn.LayerNorm([4, 4])

    def forward(self, x):
        return F.interpolate(self.norm(self.conv(x)), size=6, mode="bilinear")


class ChannelNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        x = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), self.scale, self.shift, 1e-6)
        return x.permute(0, 3, 1, 2)


class FunctionalLayers(nn.Module):
    """Layers of the author's own, which call torch's functions with their arrays; an array of the model's own."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.norm = ChannelNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.norm(F.conv2d(x, self.kernel, padding=1))
        return self.head(x.mean((2, 3)))


class RoundedConstants(nn.Module):
    """Shares of a window that float32 does not hold; an epsilon that is float32's own rounding."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.pool = nn.AvgPool1d(3, ceil_mode=True, count_include_pad=False)

    def forward(self, x):
        return self.pool(F.rms_norm(self.fc(x), x.shape[-1:]))


class ReachesBeyondTaps(nn.Module):
    """Transposed convolutions of which something is left that no tap reaches."""

    def __init__(self):
        super().__init__()
        self.first = nn.ConvTranspose2d(3, 4, 2, stride=4, padding=1, output_padding=(3, 2))
        self.then = nn.ConvTranspose2d(4, 2, (1, 3), stride=(3, 2), output_padding=(2, 1), bias=False)

    def forward(self, x):
        return self.then(torch.tanh(self.first(x)))
