"""Pairs of models that have nothing to do with streamlines: the tool is to port them all the same way."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from porting import ModelPair, Probe
from porting.pairs import draw_probe

IMAGES = "sample channel row column -> sample row column channel"
SIGNALS = "sample channel point -> sample point channel"
SCALES = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every tensor values as if trained: nothing zero, nothing one, and activations that keep their size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, tensor in (*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)):
                if not tensor.is_floating_point():
                    continue
                tensor.normal_(0, 0.5, generator=generator)
                if name == "running_var" or (name == "weight" and isinstance(owner, SCALES)):
                    tensor.abs_().add_(0.5)
                elif tensor.ndim > 1 and not isinstance(owner, nn.Embedding):
                    tensor.mul_(3 / tensor[0].numel() ** 0.5)
    return module


def scaled(pair: ModelPair, scale: float = 1.0, samples: int = 8) -> ModelPair:
    """The pair with a probe so many times as large, of a few samples; tokens stay what they are."""

    def draw(sizes, file, count):
        drawn = draw_probe(pair, sizes, file, min(count, samples))
        arrays = (array * array.dtype.type(scale) if array.dtype.kind == "f" else array for array in drawn.arrays)
        return replace(drawn, arrays=tuple(arrays), source=f"{drawn.source}, times {scale:g}")

    return replace(pair, probe=draw)


class Classifier(nn.Module):
    """Conv2d, BatchNorm2d and pooling; the convolutions pad inside."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 24, 3, groups=12)
        self.prelu = nn.PReLU(24)
        self.head = nn.Linear(24, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(sample, channel, row, column) -> (sample, label)."""
        hidden = nn.functional.max_pool2d(torch.relu(self.norm1(self.conv1(images))), 2)
        hidden = self.prelu(self.depthwise(torch.relu(self.norm2(self.conv2(hidden)))))
        return self.head(hidden.mean(dim=(2, 3)))


def build_classifier() -> keras.Model:
    images = hidden = keras.Input((16, 16, 3))
    hidden = layers.Conv2D(8, 3, padding="same", name="conv1")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm1")(hidden)
    hidden = layers.MaxPooling2D(2, name="pool")(layers.ReLU(name="relu1")(hidden))
    hidden = layers.ZeroPadding2D(1, name="pad")(hidden)
    hidden = layers.Conv2D(12, 3, strides=2, use_bias=False, name="conv2")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm2")(hidden)
    hidden = layers.ReLU(name="relu2")(hidden)
    hidden = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(hidden)
    hidden = layers.PReLU(shared_axes=[1, 2], name="prelu")(hidden)
    hidden = layers.GlobalAveragePooling2D(name="average")(hidden)
    return keras.Model(images, layers.Dense(5, name="head")(hidden), name="classifier")


class Decoder(nn.Module):
    """ConvTranspose2d that crops inside, GroupNorm and LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 32)
        self.norm = nn.LayerNorm(32)
        self.up1 = nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1)
        self.group_norm = nn.GroupNorm(2, 6)
        self.up2 = nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1, output_padding=1)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(sample, latent) -> (sample, channel, row, column)."""
        hidden = self.norm(self.fc(codes)).view(-1, 8, 2, 2)
        return self.up2(torch.relu(self.group_norm(self.up1(hidden))))


def build_decoder() -> keras.Model:
    codes = hidden = keras.Input((6,))
    hidden = layers.LayerNormalization(epsilon=1e-5, name="norm")(layers.Dense(32, name="fc")(hidden))
    hidden = layers.Reshape((8, 2, 2), name="unflatten")(hidden)
    hidden = layers.Permute((2, 3, 1), name="channels_last")(hidden)
    hidden = layers.Conv2DTranspose(6, 4, strides=2, padding="same", name="up1")(hidden)
    hidden = layers.GroupNormalization(2, epsilon=1e-5, name="group_norm")(hidden)
    hidden = layers.Conv2DTranspose(3, 3, strides=2, name="up2")(layers.ReLU(name="relu")(hidden))
    return keras.Model(codes, layers.Cropping2D(((1, 0), (1, 0)), name="crop")(hidden), name="decoder")


class Transformer(nn.Module):
    """One block with self-attention in plain steps; positions as many as features, so that axes may be mistaken."""

    def __init__(self, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(5, 12)
        self.norm1 = nn.LayerNorm(12)
        self.query, self.key, self.value = (nn.Linear(12, 12) for _ in range(3))
        self.project = nn.Linear(12, 12)
        self.norm2 = nn.LayerNorm(12)
        self.expand, self.contract = nn.Linear(12, 24), nn.Linear(24, 12)
        self.norm3 = nn.LayerNorm(12)
        self.head = nn.Linear(12, 3)

    def attend(self, hidden: torch.Tensor) -> torch.Tensor:
        """(sample, position, feature) -> the same."""
        query, key, value = (
            layer(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        return self.project((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(sample, position, feature) -> (sample, position, label)."""
        hidden = self.embed(tokens)
        hidden = hidden + self.attend(self.norm1(hidden))
        hidden = hidden + self.contract(functional.gelu(self.expand(self.norm2(hidden))))
        return self.head(self.norm3(hidden))


@keras.saving.register_keras_serializable("zoo")
class SplitHeads(layers.Layer):
    """(sample, position, head x depth) -> (sample, head, position, depth); the features may be depth x head."""

    def __init__(self, heads: int, depth_first: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads, self.depth_first = heads, depth_first

    def call(self, inputs):
        _, positions, features = inputs.shape
        depth = features // self.heads
        if self.depth_first:
            return ops.transpose(ops.reshape(inputs, (-1, positions, depth, self.heads)), (0, 3, 1, 2))
        return ops.transpose(ops.reshape(inputs, (-1, positions, self.heads, depth)), (0, 2, 1, 3))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "depth_first": self.depth_first}


@keras.saving.register_keras_serializable("zoo")
class MergeHeads(layers.Layer):
    """(sample, head, position, depth) -> (sample, position, features) in the `order` of the axes given."""

    def __init__(self, order=(0, 2, 1, 3), **kwargs) -> None:
        super().__init__(**kwargs)
        self.order = tuple(order)

    def call(self, inputs):
        _, heads, positions, depth = inputs.shape
        return ops.reshape(ops.transpose(inputs, self.order), (-1, positions, heads * depth))

    def get_config(self):
        return {**super().get_config(), "order": self.order}


@keras.saving.register_keras_serializable("zoo")
class Scores(layers.Layer):
    """Query and key, (sample, head, position, depth) -> (sample, head, position, position)."""

    def __init__(self, exponent: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.exponent = exponent

    def call(self, inputs):
        query, key = inputs
        return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / query.shape[-1] ** self.exponent

    def get_config(self):
        return {**super().get_config(), "exponent": self.exponent}


@keras.saving.register_keras_serializable("zoo")
class Attend(layers.Layer):
    """Shares and value -> (sample, head, position, depth)."""

    def __init__(self, transposed: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.transposed = transposed

    def call(self, inputs):
        shares, value = inputs
        return ops.matmul(ops.transpose(shares, (0, 1, 3, 2)) if self.transposed else shares, value)

    def get_config(self):
        return {**super().get_config(), "transposed": self.transposed}


def build_transformer(heads: int = 2) -> keras.Model:
    tokens = keras.Input((12, 5))
    embedded = layers.Dense(12, name="embed")(tokens)
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm1")(embedded)
    query, key, value = (
        SplitHeads(heads, name=f"split_{word}")(layers.Dense(12, name=word)(normed))
        for word in ("query", "key", "value")
    )
    shares = layers.Softmax(name="softmax")(Scores(name="scores")([query, key]))
    attended = layers.Dense(12, name="project")(MergeHeads(name="merge")(Attend(name="attend")([shares, value])))
    hidden = layers.Add(name="residual1")([embedded, layers.Dropout(0.2, name="dropout1")(attended)])
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm2")(hidden)
    expanded = layers.Activation("gelu", name="gelu")(layers.Dense(24, name="expand")(normed))
    contracted = layers.Dropout(0.2, name="dropout2")(layers.Dense(12, name="contract")(expanded))
    hidden = layers.Add(name="residual2")([hidden, contracted])
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm3")(hidden)
    return keras.Model(tokens, layers.Dense(3, name="head")(normed), name="transformer")


class Separable(nn.Module):
    """Depthwise and pointwise convolutions of signals, both poolings, and an activation of each kind."""

    def __init__(self, slope: float = 0.125) -> None:
        super().__init__()
        self.slope = slope
        self.stem = nn.Conv1d(4, 6, 5, stride=2, padding=2, padding_mode="circular")
        self.depthwise = nn.Conv1d(6, 12, 3, padding=1, groups=6)
        self.norm = nn.BatchNorm1d(12)
        self.pointwise = nn.Conv1d(12, 8, 1)
        self.group_norm = nn.GroupNorm(2, 8)
        self.dilated = nn.Conv1d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.head = nn.Linear(128, 5)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """(sample, channel, point) -> (sample, label)."""
        hidden = functional.silu(self.stem(signals))
        hidden = functional.relu6(4 * self.norm(self.depthwise(hidden)))
        hidden = functional.avg_pool1d(self.pointwise(hidden), 3, stride=1, padding=1)
        hidden = functional.elu(self.group_norm(hidden))
        hidden = functional.leaky_relu(self.dilated(hidden), self.slope)
        pooled = [functional.max_pool1d(hidden, 3, stride=2, padding=1), functional.avg_pool1d(hidden, 2)]
        return torch.tanh(self.head(torch.cat(pooled, dim=1).flatten(1)) / 4)


@keras.saving.register_keras_serializable("zoo")
class Padding1D(layers.Layer):
    """(sample, point, channel) -> more points, of the kind that `mode` says as numpy has it."""

    def __init__(self, before: int, after: int, mode: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.before, self.after, self.mode = before, after, mode

    def call(self, inputs):
        points = inputs.shape[1]
        positions = np.pad(np.arange(points), (self.before, self.after), mode=self.mode)  # type: ignore[call-overload]
        return ops.take(inputs, positions, axis=1)

    def get_config(self):
        return {**super().get_config(), "before": self.before, "after": self.after, "mode": self.mode}


def build_separable(slope: float = 0.125) -> keras.Model:
    signals = keras.Input((32, 4))
    hidden = layers.Conv1D(6, 5, strides=2, name="stem")(Padding1D(2, 2, "wrap", name="pad")(signals))
    hidden = layers.Activation("silu", name="silu")(hidden)
    hidden = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", name="depthwise")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")(hidden)
    hidden = layers.ReLU(6, name="relu6")(layers.Rescaling(4.0, name="gain")(hidden))
    hidden = layers.ZeroPadding1D(1, name="pool_pad")(layers.Conv1D(8, 1, name="pointwise")(hidden))
    hidden = layers.AveragePooling1D(3, strides=1, name="smooth")(hidden)
    hidden = layers.ELU(name="elu")(layers.GroupNormalization(2, epsilon=1e-5, name="group_norm")(hidden))
    hidden = layers.Conv1D(8, 3, padding="same", dilation_rate=2, groups=2, name="dilated")(hidden)
    hidden = layers.LeakyReLU(slope, name="leaky")(hidden)
    # The greatest of a window does not change if its first point counts twice.
    greatest = layers.MaxPooling1D(3, strides=2, name="max_pool")(Padding1D(1, 0, "edge", name="max_pad")(hidden))
    pooled = layers.Concatenate(name="pools")([greatest, layers.AveragePooling1D(2, name="average_pool")(hidden)])
    flat = layers.Flatten(name="flatten")(layers.Permute((2, 1), name="channel_major")(pooled))
    scores = layers.Rescaling(0.25, name="quarter")(layers.Dense(5, name="head")(flat))
    return keras.Model(signals, layers.Activation("tanh", name="tanh")(scores), name="separable")


class Siamese(nn.Module):
    """Two inputs of tokens, two outputs, one encoder that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.encoder = nn.Linear(4, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (torch.tanh(self.encoder(self.embedding(tokens))) for tokens in (left, right))
        return self.head(left), self.head(left - right)


@keras.saving.register_keras_serializable("zoo")
class SiamesePort(keras.Model):
    """A subclassed port: its layers own no variables before they run."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(11, 4, name="embedding")
        self.encoder = layers.Dense(3, name="encoder")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs):
        """Twice (sample, position) -> twice (sample, position, feature)."""
        left, right = (keras.ops.tanh(self.encoder(self.embedding(tokens))) for tokens in inputs)
        return self.head(left), self.head(self.difference(left, right))

    def difference(self, left, right):
        """(sample, position, feature), twice -> once."""
        return left - right


class Recurrent(nn.Module):
    """LSTM, GRU and RNN; as many units as features, so that kernels may be mistaken; only the last step goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 6)
        self.lstm = nn.LSTM(6, 6, batch_first=True)
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.rnn = nn.RNN(8, 7, batch_first=True)
        self.head = nn.Linear(7, 3)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(sample, time, feature) -> (sample, label)."""
        hidden, _ = self.gru(self.lstm(self.embed(steps))[0])
        return self.head(self.rnn(hidden)[0][:, -1])


def build_recurrent() -> keras.Model:
    steps = keras.Input((9, 5))
    hidden = layers.Dense(6, name="embed")(steps)
    hidden = layers.LSTM(6, return_sequences=True, name="lstm")(hidden)
    hidden = layers.GRU(8, return_sequences=True, name="gru")(hidden)
    hidden = layers.SimpleRNN(7, name="rnn")(hidden)
    return keras.Model(steps, layers.Dense(3, name="head")(hidden), name="recurrent")


def draw_tokens(sizes, file, count):
    generator = np.random.default_rng(0)
    return Probe(tuple(generator.integers(0, 11, (count, 7)).astype(np.int32) for _ in range(2)), "random tokens")


CLASSIFIER = ModelPair(
    name="classifier",
    reference=Classifier,
    port=build_classifier,
    inputs=(IMAGES,),
    outputs={"scores": "sample label -> sample label"},
    input_shapes=((16, 16, 3),),
)
DECODER = ModelPair(
    name="decoder", reference=Decoder, port=build_decoder, outputs={"image": IMAGES}, input_shapes=((6,),)
)
SIAMESE = ModelPair(
    name="siamese",
    reference=Siamese,
    port=SiamesePort,
    inputs=("... -> ...", "... -> ..."),
    outputs={"left": "... -> ...", "difference": "... -> ..."},
    probe=draw_tokens,
)
TRANSFORMER = ModelPair(
    name="transformer",
    reference=Transformer,
    port=build_transformer,
    outputs={"labels": "... -> ..."},
    input_shapes=((12, 5),),
    # Keras runs branches in an order of its own, here the key's first.
    matches={"query": "query", "key": "key"},
)
ONE_HEAD = replace(
    TRANSFORMER, name="one head", reference=partial(Transformer, heads=1), port=partial(build_transformer, heads=1)
)
SEPARABLE = ModelPair(
    name="separable",
    reference=Separable,
    port=build_separable,
    inputs=(SIGNALS,),
    outputs={"scores": "... -> ..."},
    input_shapes=((32, 4),),
)
LEAKY = replace(
    SEPARABLE, name="leaky", reference=partial(Separable, slope=0.01), port=partial(build_separable, slope=0.01)
)
"""A slope that float32 has not: TensorFlow takes it in float32 whatever the precision of the activation."""
RECURRENT = ModelPair(
    name="recurrent",
    reference=Recurrent,
    port=build_recurrent,
    outputs={"labels": "... -> ..."},
    input_shapes=((9, 5),),
)
PAIRS = (CLASSIFIER, DECODER, TRANSFORMER, ONE_HEAD, SEPARABLE, LEAKY, SIAMESE, RECURRENT)
