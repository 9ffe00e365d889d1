"""Faulty ports, each mended by doing what the remedy of its cause says, word for word."""

from functools import partial

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from parity_tests.porting.causes.mended_pairs import (
    SAME,
    Between,
    Normalised,
    Recurrent,
    Remedy,
    Turned,
    Two,
    flattened,
    images,
    layer,
    mended_pair,
    steps,
    unflattened,
)
from parity_tests.porting.causes.remedy_parts import (
    attended,
    attention,
    masked_mean,
    mean_of_masked,
    shuffled,
    with_aligned_corners,
    with_masks,
    without_aligned_corners,
)

REMEDIES: dict[str, Remedy] = {
    "activation missing": steps(functional.relu, lambda x: x, layers.ReLU(), "add ReLU()"),
    "activation of another kind": steps(
        partial(functional.leaky_relu, negative_slope=0.125),
        layers.LeakyReLU(0.3),
        layers.LeakyReLU(negative_slope=0.125),
        "LeakyReLU(negative_slope=0.125)",
    ),
    "activation added": steps(torch.tanh, lambda x: ops.relu(ops.tanh(x)), ops.tanh, "remove it"),
    "flattened or reshaped in another order": flattened(
        layers.Flatten(),
        lambda x: layers.Flatten()(layers.Permute((3, 1, 2))(x)),
        "Permute((3, 1, 2)) to (4, 4, 5), then Flatten to (80,)",
    ),
    "reshaped in another order": unflattened(
        layers.Reshape((2, 3, 4)),
        lambda x: layers.Permute((2, 3, 1))(layers.Reshape((4, 2, 3))(x)),
        "Reshape((4, 2, 3)), then Permute((2, 3, 1))",
    ),
    "resizing of another kind": images(
        lambda x: functional.interpolate(x, size=(12, 12), mode="bilinear", align_corners=False),
        with_aligned_corners,
        without_aligned_corners,
        "point i of n at (i + 0.5) m / n - 0.5 of m, the ends repeated",
    ),
    "padding of another kind": images(
        lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect"),
        layers.ZeroPadding2D(1),
        lambda x: ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect"),
        "((1, 1), (1, 1))",
        "mode='reflect' of ops.pad",
    ),
    "pooling of another kind": images(
        partial(functional.max_pool2d, kernel_size=2),
        layers.AveragePooling2D(2),
        layers.MaxPooling2D([2, 2], strides=[2, 2]),
        "MaxPooling2D([2, 2], strides=[2, 2])",
    ),
    "softmax over another axis": steps(
        partial(torch.softmax, dim=-1),
        layers.Softmax(axis=1),
        layers.Softmax(axis=-1),
        "Softmax over the reference's axis -1",
    ),
    "scale missing": steps(lambda x: x / 3, lambda x: x, lambda x: x / 3, "divide by 3"),
    "another scale": steps(
        attention, partial(attended, factor=0.25), partial(attended, factor=0.5), "multiply the scores by 0.5 before"
    ),
    "mask missing": steps(
        partial(attention, causal=True), attended, partial(attended, lower=0), "let query i see the keys 0 to i"
    ),
    "another mask": steps(
        partial(attention, causal=True),
        partial(attended, lower=1),
        partial(attended, lower=0),
        "let query i see the keys 0 to i",
    ),
    "mask added": steps(attention, partial(attended, lower=0), attended, "remove the mask"),
    "another step taken": steps(lambda x: x[:, -1], lambda x: x[:, 0], lambda x: x[:, -1], "take [:, -1]"),
    "positions offset": steps(lambda x: x[:, 1:4], lambda x: x[:, 2:5], lambda x: x[:, 1:4], "[:, 1:4]"),
    "pixels shuffled in another order": images(
        partial(functional.pixel_shuffle, upscale_factor=2),
        lambda x: layers.Reshape((16, 16, 1))(layers.Permute((1, 4, 2, 3, 5))(layers.Reshape((8, 8, 2, 2, 1))(x))),
        shuffled,
        "Reshape((8, 8, 1, 2, 2)), Permute((1, 4, 2, 5, 3)), Reshape((16, 16, 1))",
        channels=1,
    ),
    "residual connection missing": steps(
        lambda x: x + torch.tanh(x), ops.tanh, lambda x: layers.Add()([x, ops.tanh(x)]), "add both branches"
    ),
    "term missing": steps(lambda x: torch.tanh(x) + 0.7, ops.tanh, lambda x: ops.tanh(x) + 0.7, "add 0.7 there"),
    "axis put in elsewhere": steps(
        lambda x: x[:, :, :6] * x.mean(-1)[:, :, None],
        lambda x: x[:, :, :6] * ops.mean(x, -1)[:, None],
        lambda x: x[:, :, :6] * ops.mean(x, -1)[:, :, None],
        "(6,) becomes (6, 1)",
        size=6,
    ),
    "operands in another order": steps(
        lambda x: torch.cat([x, torch.tanh(x)], -1),
        lambda x: ops.concatenate([ops.tanh(x), x], -1),
        lambda x: ops.concatenate([x, ops.tanh(x)], -1),
        "in the reference's order",
        size=16,
    ),
    "another operation": steps(
        lambda x: x * torch.tanh(x), lambda x: x + ops.tanh(x), lambda x: x * ops.tanh(x), "mul the two"
    ),
    "transposition missing": steps(
        lambda x: x.transpose(1, 2),
        layers.Reshape((8, 6)),
        layers.Permute((2, 1)),
        "move the axes of (6, 8) to (8, 6)",
        "by Permute and not by Reshape",
        size=6,
    ),
    "masked steps counted": steps(
        masked_mean,
        lambda x, mask: ops.mean(x, 1) + 0 * ops.sum(mask),
        mean_of_masked,
        "multiply by the mask, sum over the steps, and divide by the mask's own sum",
        shapes=((6, 8), (6,)),
        probe=with_masks,
    ),
    "offset by one point": steps(
        torch.tanh,
        lambda x: ops.roll(ops.tanh(x), 1, 2),
        ops.tanh,
        "move it back by one point",
    ),
    "reversed along an axis": steps(torch.tanh, lambda x: ops.flip(ops.tanh(x), 1), ops.tanh, "do not reverse there"),
    "rounded to float16": steps(
        torch.tanh,
        lambda x: ops.cast(ops.cast(ops.tanh(x), "float16"), x.dtype),
        ops.tanh,
        "remove the cast",
    ),
    "channels in another order": steps(
        torch.tanh,
        lambda x: ops.take(ops.tanh(x), np.array([2, 0, 1, 3, 7, 5, 4, 6]), -1),
        lambda x: ops.take(
            ops.take(ops.tanh(x), np.array([2, 0, 1, 3, 7, 5, 4, 6]), -1), np.array([1, 2, 0, 3, 6, 5, 7, 4]), -1
        ),
        "take the channels in the order 1, 2, 0, 3, 6, 5, 7, 4",
    ),
    "residual connection from elsewhere": Remedy(
        partial(mended_pair, Normalised, ((6, 8),), SAME, None),
        lambda: _residual(around=False),
        lambda: _residual(around=True),
        ("add the output of a instead of the output of norm",),
    ),
    "inputs exchanged": Remedy(
        partial(mended_pair, Two, ((6, 8), (6, 8)), SAME, None),
        lambda: _two(exchanged=True),
        lambda: _two(exchanged=False),
        ("exchange input 1 and input 2 in the port",),
    ),
    "parts in another order": steps(
        functional.glu,
        lambda x: ops.multiply(ops.sigmoid(x[..., :4]), x[..., 4:]),
        lambda x: ops.multiply(x[..., :4], ops.sigmoid(x[..., 4:])),
        "take the parts of what is split in the reference's order",
        size=4,
    ),
    "another function in a recurrence": layer(
        lambda: Recurrent(nn.LSTM(8, 8, batch_first=True)),
        lambda: layers.LSTM(8, recurrent_activation="hard_sigmoid", return_sequences=True, name="norm"),
        lambda: layers.LSTM(8, return_sequences=True, name="norm"),
        'give norm the reference\'s activation="tanh", recurrent_activation="sigmoid"',
    ),
    "a recurrence the other way round": layer(
        lambda: Recurrent(nn.GRU(8, 8, batch_first=True)),
        lambda: layers.GRU(8, go_backwards=True, return_sequences=True, name="norm"),
        lambda: layers.GRU(8, return_sequences=True, name="norm"),
        "give norm go_backwards=False, as the reference has",
    ),
    "function missing": steps(torch.abs, lambda x: x, ops.abs, "add ops.abs"),
    "another function": steps(torch.abs, ops.square, ops.abs, "put there ops.abs"),
    "scale added": steps(lambda x: x.softmax(-1), lambda x: ops.softmax(x * 0.5), ops.softmax, "take the factor out"),
    "steps left out": steps(
        lambda x: torch.relu(x * x.softmax(-1)),
        ops.relu,
        lambda x: ops.relu(x * ops.softmax(x)),
        "do there what the reference does: mul with softmax of the output of",
    ),
    "normalisation missing": steps(
        lambda x: functional.normalize(x, dim=-1),
        lambda x: x,
        lambda x: ops.normalize(x, axis=-1, order=2),
        "add ops.normalize, order 2, over the same axis",
    ),
    "another extreme": steps(
        lambda x: x * functional.one_hot(x.argmin(-1), 8),
        lambda x: x * ops.one_hot(ops.argmax(x, -1), 8, dtype=x.dtype),
        lambda x: x * ops.one_hot(ops.argmin(x, -1), 8, dtype=x.dtype),
        "take ops.argmin",
    ),
    "mean over a mask": steps(
        lambda x, mask: x.mean(1) + 0 * mask.sum(),
        mean_of_masked,
        lambda x, mask: ops.mean(x, 1),
        "take the plain mean over all 6 steps",
        shapes=((6, 8), (6,)),
        probe=with_masks,
    ),
    "input scaled": Remedy(
        partial(mended_pair, lambda: Between(nn.Linear(8, 8), torch.tanh, nn.Linear(8, 5)), ((6, 8),), SAME, None),
        lambda: _scaled_input(0.25),
        lambda: _scaled_input(1.0),
        ("Rescaling(4) there, or the scaling removed",),
    ),
    "another epsilon": layer(
        lambda: nn.LayerNorm(8),
        lambda: layers.LayerNormalization(name="norm"),
        lambda: layers.LayerNormalization(epsilon=1e-5, name="norm"),
        "give norm the reference's epsilon=1e-05",
    ),
    "other groups": layer(
        lambda: Turned(nn.GroupNorm(2, 8)),
        lambda: layers.GroupNormalization(4, epsilon=1e-5, name="norm"),
        lambda: layers.GroupNormalization(2, epsilon=1e-5, name="norm"),
        "groups=2",
    ),
}
"""Row of the catalogue, or what it is about -> a port that is mended."""

ROWS = {
    "reshaped in another order": "flattened or reshaped in another order",
    "another function in a recurrence": "activation of another kind",
    "a recurrence the other way round": "reversed along an axis",
}
"""Those that are another case of a row."""


def _scaled_input(factor: float):
    inputs = keras.Input((6, 8))
    hidden = inputs if factor == 1 else layers.Rescaling(factor)(inputs)
    return keras.Model(inputs, layers.Dense(5, name="b")(ops.tanh(layers.Dense(8, name="a")(hidden))))


def _residual(around: bool):
    inputs = keras.Input((6, 8))
    hidden = layers.Dense(8, name="a")(inputs)
    normed = layers.LayerNormalization(epsilon=1e-5, name="norm")(hidden)
    total = layers.Add()([hidden if around else normed, layers.Dense(8, name="c")(normed)])
    return keras.Model(inputs, layers.Dense(5, name="b")(total))


def _two(exchanged: bool):
    x, y = keras.Input((6, 8)), keras.Input((6, 8))
    first, second = (y, x) if exchanged else (x, y)
    return keras.Model([x, y], layers.Dense(5, name="b")(2 * first - ops.tanh(second)))
