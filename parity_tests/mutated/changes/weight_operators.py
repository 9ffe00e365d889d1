"""The table of mutations of a port's weights. Adding a kind of fault is adding a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
"""Path of a variable -> its value."""

Spoiled = Iterator[Arrays]
"""Variables that are other ones in a mutant."""


@dataclass(frozen=True, slots=True)
class WeightOperator:
    """A kind of fault in a port's weights.

    Attributes
    ----------
    name : str
    spoil : callable
        Every way in which it can spoil some arrays.
    words : str
        A regular expression that fits what a right name of the fault says.
    """

    name: str
    spoil: Callable[[Arrays, np.random.Generator], Spoiled]
    words: str


def _exchanged(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    """Tensors of one shape in two layers."""
    for one, other in combinations(arrays, 2):
        if arrays[one].shape == arrays[other].shape and layer_of(one) != layer_of(other):
            yield {one: arrays[other], other: arrays[one]}


def _exchanged_inside(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    """Tensors of one shape in one layer: statistics, scale and shift."""
    for one, other in combinations(arrays, 2):
        if arrays[one].shape == arrays[other].shape and layer_of(one) == layer_of(other):
            yield {one: arrays[other], other: arrays[one]}


def _transposed(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    for name, array in arrays.items():
        if array.ndim >= 2 and array.shape[-1] == array.shape[-2]:
            yield {name: array.swapaxes(-1, -2).copy()}


def _turned_taps(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    for name, array in arrays.items():
        if array.ndim >= 3 and array.shape[0] > 1 and name.endswith("kernel"):
            yield {name: array[::-1].copy()}


def _one_sign(arrays: Arrays, generator: np.random.Generator) -> Spoiled:
    """One filter's sign."""
    for name, array in arrays.items():
        spoiled = array.copy()
        spoiled[..., generator.integers(array.shape[-1])] *= -1
        yield {name: spoiled}


def _one_value(arrays: Arrays, generator: np.random.Generator) -> Spoiled:
    """One value, a thousandth off."""
    for name, array in arrays.items():
        spoiled = array.copy()
        spoiled.flat[generator.integers(array.size)] *= 1.001
        yield {name: spoiled}


def _rolled(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    """Filters one place on."""
    for name, array in arrays.items():
        if array.shape[-1] > 2:
            yield {name: np.roll(array, 1, -1)}


def _halved(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    yield from ({name: array.astype(np.float16).astype(np.float32)} for name, array in arrays.items())


def _zeroed(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    yield from ({name: np.zeros_like(array)} for name, array in arrays.items() if name.endswith("bias"))


def _scaled(arrays: Arrays, _: np.random.Generator) -> Spoiled:
    yield from ({name: array * np.float32(1.01)} for name, array in arrays.items())


def layer_of(path: str) -> str:
    """The path of a variable's layer."""
    return path.rpartition("/")[0]


_OTHERS = "another layer's weights|swapped|exchanged|transposed"
_UNKNOWN = "weights of unknown origin|scaled weights|part of"

WEIGHT_OPERATORS: tuple[WeightOperator, ...] = (
    WeightOperator("two layers' tensors exchanged", _exchanged, _OTHERS),
    WeightOperator("a layer's tensors exchanged", _exchanged_inside, f"{_OTHERS}|mean and variance"),
    WeightOperator("square matrix transposed", _transposed, "transposed"),
    WeightOperator("taps reversed", _turned_taps, "reversed along its taps|channels in another order|transposed"),
    WeightOperator("one filter's sign", _one_sign, _UNKNOWN),
    WeightOperator("one value by 0.1 %", _one_value, _UNKNOWN),
    WeightOperator("filters one place on", _rolled, "order|gates"),
    WeightOperator("rounded to float16", _halved, "float16"),
    WeightOperator("bias left at zeros", _zeroed, "bias missing|initialisation"),
    WeightOperator("scaled by 1 %", _scaled, _UNKNOWN),
)
"""Kinds of faults in weights."""


def floating_arrays(model: Any) -> Arrays:
    """Every variable of floats of a Keras model."""
    return {held.path: np.asarray(held) for held in model.weights if held.dtype.startswith("float") and held.shape}
