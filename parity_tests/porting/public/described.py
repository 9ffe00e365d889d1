"""Descriptions of right ports, as short as they go."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import layers

from porting import ModelPair, Probe

IMAGE = "sample channel row column -> sample row column channel"
SIGNAL = "sample channel point -> sample point channel"
SAME = "... -> ..."


def ported(
    name: str, reference: Callable, port: Callable, shape: tuple[int, ...], axes: str = SAME, **more
) -> ModelPair:
    """A pair of one input and one output with the same axes, unless `outputs` says otherwise."""
    more.setdefault("outputs", {"output": axes})
    return ModelPair(name=name, reference=reference, port=port, inputs=(axes,), input_shapes=(shape,), **more)


def in_a_row(shape: tuple[int, ...], *makers: Callable[[], layers.Layer]) -> keras.Model:
    """A functional model of layers, each behind the one before."""
    given = activation = keras.Input(shape)
    for make in makers:
        activation = make()(activation)
    return keras.Model(given, activation)


def row_of(shape: tuple[int, ...], *makers: Callable[[], layers.Layer]) -> Callable[[], keras.Model]:
    """What builds such a model."""
    return partial(in_a_row, shape, *makers)


def applied(shape: tuple[int, ...], apply: Callable) -> Callable[[], keras.Model]:
    """What builds a functional model of a function of tensors."""

    def build() -> keras.Model:
        given = keras.Input(shape)
        return keras.Model(given, apply(given))

    return build


def words(rows: int, length: int, inputs: int):
    """Draw tokens, a mask without any padding, and segments of two kinds."""

    def draw(sizes, file, count: int) -> Probe:
        generator = np.random.default_rng(0)
        drawn = generator.integers(2, rows, (count, length))
        segments = np.repeat([[0] * (length // 2) + [1] * (length - length // 2)], count, axis=0)
        arrays = (drawn, np.ones_like(drawn), segments)[:inputs]
        return Probe(tuple(array.astype("int32") for array in arrays), "random tokens")

    return draw
