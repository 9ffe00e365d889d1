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


class Unpools(nn.Module):
    """Maxima put back where they were, as SegNet does; an image whose last row no window reaches."""

    def __init__(self):
        super().__init__()
        self.conv, self.deconv = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x):
        x = self.conv(x)
        pooled, places = self.pool(x)
        return self.deconv(self.unpool(torch.tanh(pooled), places, output_size=x.shape))


class WritesToPlaces(nn.Module):
    """Gates of the greatest alone, columns written anew, and one element of each sample."""

    def __init__(self):
        super().__init__()
        self.fc, self.gate = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        hidden = self.fc(x)
        shares, experts = self.gate(x).topk(2, -1)
        gated = torch.zeros_like(hidden).scatter(1, experts, shares.softmax(-1)) * hidden
        columns = torch.zeros_like(hidden)
        columns[:, [0, 2, 5]] = hidden[:, [1, 3, 4]]
        hidden = hidden.clone()
        hidden[torch.arange(len(x)), experts[:, 0]] = 0
        return gated + columns, hidden


class FindsNonzero(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        rows, _ = torch.where(self.fc(x) > 0)
        return self.fc(x)[rows]


class OverlappingPlaces(nn.Module):
    def forward(self, x):
        pooled, places = nn.functional.max_pool2d(x, 3, 2, return_indices=True)
        return nn.functional.max_unpool2d(pooled, places, 3, 2)


class FiltersFrequencies(nn.Module):
    """A filter of the whole image in its frequencies, as GFNet's; some frequencies alone, as FNO has them."""

    def __init__(self):
        super().__init__()
        self.weight, self.fc = nn.Parameter(torch.randn(4, 3, 5, 2)), nn.Linear(5, 5)
        self.low = nn.Parameter(torch.randn(5, 5, 2, 2))

    def forward(self, x):
        spectrum = torch.fft.rfft2(x, dim=(1, 2), norm="ortho") * torch.view_as_complex(self.weight)
        x = self.fc(torch.fft.irfft2(spectrum, s=(4, 4), dim=(1, 2), norm="ortho"))
        spectrum = torch.fft.rfft(x, dim=2)
        low = torch.zeros_like(spectrum)
        mixed = torch.einsum("brfi,iof->brfo", spectrum[:, :, :2], torch.view_as_complex(self.low))
        low[:, :, :2] = mixed
        return torch.fft.irfft(low, n=4, dim=2) + torch.fft.fft(torch.fft.fft(x, dim=-1), dim=-2).real


class RotatesByComplexNumbers(nn.Module):
    """Positions by a table of complex numbers, as the first LLaMA has them, in a buffer or a plain attribute."""

    def __init__(self, plain):
        super().__init__()
        self.query, self.plain = nn.Linear(8, 8), plain
        angles = torch.outer(torch.arange(16).float(), 100 ** -(torch.arange(0, 8, 2).float() / 8))
        table = torch.polar(torch.ones_like(angles), angles)
        if plain:
            self.table = table
        else:
            self.register_buffer("table", table, persistent=False)

    def forward(self, x):
        query = torch.view_as_complex(self.query(x).float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(query * self.table[: x.shape[1]]).flatten(-2).type_as(x)


class Rotates(RotatesByComplexNumbers):
    def __init__(self):
        super().__init__(False)


class RotatesPlainly(RotatesByComplexNumbers):
    def __init__(self):
        super().__init__(True)


class Spectrogram(nn.Module):
    """The size of frequencies in windows of a sound."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)
        self.register_buffer("window", torch.hann_window(16))

    def forward(self, x):
        return self.fc(torch.stft(x, 16, 8, window=self.window, return_complex=True).abs().transpose(1, 2))


class ComplexWeight(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, dtype=torch.cfloat))

    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(x, dim=1) * self.weight, dim=1)


class BiasOfParts(nn.Module):
    """A layer's weight with a bias that is put together, none for the keys, as BEiT has it."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(4, 12, bias=False), nn.Linear(12, 3)
        self.query_bias, self.value_bias = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4))

    def forward(self, x):
        bias = torch.cat([self.query_bias, torch.zeros(4), self.value_bias])
        return self.out(torch.tanh(nn.functional.linear(x, self.qkv.weight, bias)))


class HeadBeforeWords(nn.Module):
    """The head is registered before the table of words that it is tied to."""

    def __init__(self):
        super().__init__()
        self.head, self.fc = nn.Linear(4, 9, bias=False), nn.Linear(4, 4)
        self.words = nn.Embedding(9, 4)
        self.words.weight = self.head.weight

    def forward(self, tokens):
        return self.head(torch.tanh(self.fc(self.words(tokens))))


class ScaledWords(nn.Embedding):
    def forward(self, tokens):
        return super().forward(tokens) * 2


class PaddedWords(nn.Module):
    """A table whose row for what pads is trained by the head alone, as Gemma's."""

    def __init__(self):
        super().__init__()
        self.words, self.fc = ScaledWords(9, 4, padding_idx=0), nn.Linear(4, 4)
        self.head = nn.Linear(4, 9, bias=False)
        self.head.weight = self.words.weight

    def forward(self, tokens):
        return self.head(torch.tanh(self.fc(self.words(tokens))))


class Packs(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 6, batch_first=True)

    def forward(self, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, [x.shape[1]] * len(x), batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


class Rectified(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 4), nn.ReLU())


class UpsamplesInGroups(nn.Module):
    """Transposed convolutions of groups, of each channel by itself, and with strides and dilation at once."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2)
        self.deep = nn.ConvTranspose2d(6, 6, 3, stride=(2, 1), padding=1, output_padding=(1, 0), groups=6, bias=False)
        self.dilated = nn.ConvTranspose1d(6, 4, 3, stride=2, dilation=2)

    def forward(self, x):
        return self.dilated(self.deep(torch.relu(self.grouped(x))).mean(2))


class FarPositions(nn.Module):
    """Sines of angles that float32 rounds by far more than it rounds a sine."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        angles = torch.arange(200).float()[:, None] * torch.exp(torch.arange(0, 4).float() * -1.7)
        self.register_buffer("table", torch.sin(angles), persistent=False)

    def forward(self, x):
        return self.fc(x + self.table[150 : 150 + x.shape[1]])


class PaddedAlone(nn.Module):
    """A class of one's own whose row for what pads no look-up trains."""

    def __init__(self):
        super().__init__()
        self.words, self.fc = ScaledWords(9, 4, padding_idx=0), nn.Linear(4, 4)

    def forward(self, tokens):
        return self.fc(self.words(tokens))


class NarrowValues(nn.Module):
    """Attention whose values are narrower than its keys, as DeepSeek's."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(4, 12), nn.Linear(4, 12), nn.Linear(4, 6)

    def forward(self, x):
        heads = [layer(x).unflatten(-1, (2, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)]
        made = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        return made.transpose(1, 2).reshape(x.shape[0], x.shape[1], 6)


class ClassOfEachFrame(nn.Module):
    """A token of one's own for each frame of each sample, as TimeSformer has it."""

    def __init__(self):
        super().__init__()
        self.token, self.fc = nn.Parameter(torch.randn(1, 1, 4)), nn.Linear(4, 4)

    def forward(self, x):
        samples, frames, patches, width = x.shape
        tokens = self.token.expand(samples * frames, -1, -1)
        x = torch.tanh(self.fc(torch.cat([tokens, x.reshape(samples * frames, patches, width)], 1)))
        return x.mean(1).reshape(samples, frames, width)


class EmbedsTime(nn.Module):
    """Sines of a time at rates that whole numbers and numbers of Python give, as diffusion models have them."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(24, 3)

    def forward(self, time):
        rates = torch.exp(torch.arange(12) * -(9.21 / 11))
        angles = time * rates
        return self.fc(torch.cat([angles.sin(), angles.cos()], -1))
