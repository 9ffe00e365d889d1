"""Pairs with one place between two layers, or a layer, that a faulty and a mended port fill differently."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import torch
from keras import layers
from torch import nn

from porting import ModelPair

IMAGES = "sample channel row column -> sample row column channel"
SAME = "... -> ..."


@dataclass(frozen=True)
class Remedy:
    """A fault that a remedy mends.

    Attributes
    ----------
    pair : callable
        (port) -> the pair.
    faulty, mended : callable
        Build the port with the fault, and with what the remedy says.
    words : tuple of str
        What the remedy must say for that.
    """

    pair: Callable[[Callable[[], Any]], ModelPair]
    faulty: Callable[[], Any]
    mended: Callable[[], Any]
    words: tuple[str, ...]


class Between(nn.Module):
    """A function between two layers."""

    def __init__(self, first: nn.Module, function: Callable[..., Any], last: nn.Module) -> None:
        super().__init__()
        self.a, self.function, self.b = first, function, last

    def forward(self, *inputs):
        return self.b(self.function(self.a(inputs[0]), *inputs[1:]))


class Turned(nn.Module):
    """Normalises sequences whose channels come last."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class Recurrent(nn.Module):
    """Returns the steps of a recurrent layer, and not its state."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(x)[0]


class Normalised(nn.Module):
    """A residual connection around a norm and a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.c, self.b = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x):
        hidden = self.a(x)
        return self.b(hidden + self.c(self.norm(hidden)))


class Two(nn.Module):
    """Subtracts one input from the other."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Linear(8, 5)

    def forward(self, x, y):
        return self.b(2 * x - torch.tanh(y))


def steps(function, faulty, mended, *words, size=8, shapes=((6, 8),), probe=None) -> Remedy:
    """Between two Dense layers on sequences: (sample, step, feature)."""

    def port(between):
        inputs = [keras.Input(shape) for shape in shapes]
        hidden = between(layers.Dense(8, name="a")(inputs[0]), *inputs[1:])
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], layers.Dense(5, name="b")(hidden))

    pair = partial(mended_pair, lambda: Between(nn.Linear(8, 8), function, nn.Linear(size, 5)), shapes, SAME, probe)
    return Remedy(pair, partial(port, faulty), partial(port, mended), words)


def images(function, faulty, mended, *words, channels=4) -> Remedy:
    """Between two convolutions on images."""

    def port(between):
        inputs = keras.Input((9, 9, 3))
        hidden = between(layers.Conv2D(4, 2, name="a")(inputs))
        return keras.Model(inputs, layers.Conv2D(5, 1, name="b")(hidden))

    pair = partial(
        mended_pair,
        lambda: Between(nn.Conv2d(3, 4, 2), function, nn.Conv2d(channels, 5, 1)),
        ((9, 9, 3),),
        IMAGES,
        None,
    )
    return Remedy(pair, partial(port, faulty), partial(port, mended), words)


def flattened(faulty, mended, *words) -> Remedy:
    """Between a convolution and a Dense layer."""

    def port(between):
        inputs = keras.Input((5, 6, 3))
        hidden = between(layers.Conv2D(4, 2, name="a")(inputs))
        return keras.Model(inputs, layers.Dense(5, name="b")(hidden))

    reference = lambda: Between(nn.Conv2d(3, 4, 2), lambda x: x.flatten(1), nn.Linear(80, 5))  # noqa: E731
    pair = partial(mended_pair, reference, ((5, 6, 3),), (IMAGES, SAME), None)
    return Remedy(pair, partial(port, faulty), partial(port, mended), words)


def unflattened(faulty, mended, *words) -> Remedy:
    """Between a Dense layer and a convolution."""

    def port(between):
        inputs = keras.Input((8,))
        hidden = between(layers.Dense(24, name="a")(inputs))
        return keras.Model(inputs, layers.Conv2D(5, 1, name="b")(hidden))

    reference = lambda: Between(nn.Linear(8, 24), lambda x: x.view(-1, 4, 2, 3), nn.Conv2d(4, 5, 1))  # noqa: E731
    pair = partial(mended_pair, reference, ((8,),), (SAME, IMAGES), None)
    return Remedy(pair, partial(port, faulty), partial(port, mended), words)


def layer(module, faulty, mended, *words) -> Remedy:
    """A normalising layer behind a Dense one."""

    def port(normalise):
        inputs = keras.Input((6, 8))
        return keras.Model(inputs, normalise()(layers.Dense(8, name="a")(inputs)))

    pair = partial(mended_pair, lambda: nn.Sequential(nn.Linear(8, 8), module()), ((6, 8),), SAME, None)
    return Remedy(pair, partial(port, faulty), partial(port, mended), words)


def mended_pair(reference, shapes, axes, probe, port) -> ModelPair:
    first, last = axes if isinstance(axes, tuple) else (axes, axes)
    inputs = (first, *[SAME] * (len(shapes) - 1))
    outputs = {"output": last}
    return ModelPair(
        name="mended", reference=reference, port=port, input_shapes=shapes, inputs=inputs, outputs=outputs, probe=probe
    )
