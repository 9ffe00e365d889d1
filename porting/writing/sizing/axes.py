"""Axes of inputs, inputs of other sizes, and which of them PyTorch takes."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from porting.errors import reason_and_place
from porting.writing.examples import Example
from porting.writing.sizing.culprits import layer_that_raised

if TYPE_CHECKING:
    import torch

_SEED = 20210127
_IMAGE, _LARGE, _STEP = 4, 256, 32
"""Axes of images, size times axes from which on twice as much takes long, and what most strides are divisors of."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One of torch's axes of an input.

    Attributes
    ----------
    input, axis : int
        Both counted from 0; the samples are axis 0.
    size : int
        In the example.
    """

    input: int
    axis: int
    size: int


@dataclass(frozen=True, slots=True)
class Unit:
    """Axes that have other sizes together.

    Attributes
    ----------
    axes : tuple of Axis
        Of one size.
    other : int
        Another size, which PyTorch takes.
    """

    axes: tuple[Axis, ...]
    other: int


def axes_of(example: Example) -> list[Axis]:
    """All but the samples."""
    return [
        Axis(number, axis, size)
        for number, array in enumerate(example.arrays())
        for axis, size in enumerate(array.shape)
        if axis
    ]


def resized(example: Example, units: Sequence[Unit]) -> Example:
    """Inputs of other sizes: numbers drawn anew, of the same mean and spread; whole numbers go on from the start."""
    sizes = {(axis.input, axis.axis): unit.other for unit in units for axis in unit.axes}
    generator = np.random.default_rng(_SEED)

    def other(number: int, array: np.ndarray) -> np.ndarray:
        shape = tuple(sizes.get((number, axis)) or size for axis, size in enumerate(array.shape))
        if shape == array.shape:
            return array
        if array.dtype.kind == "f":
            return (array.mean() + array.std() * generator.standard_normal(shape)).astype(array.dtype)
        for axis, size in enumerate(shape):
            array = np.take(array, np.arange(size), axis=axis, mode="wrap")
        return array

    made = [other(number, array) for number, array in enumerate(example.arrays())]
    count = len(example.positional)
    named = dict(zip(example.named, made[count:], strict=True))
    return replace(
        example,
        positional=tuple(made[:count]),
        named=named,
        source=f"{example.source}, and of other sizes: {_shapes(made)}",
    )


def _shapes(arrays: Sequence[np.ndarray]) -> str:
    """As ``--input`` takes them."""
    return " ".join(",".join(map(str, array.shape[1:])) for array in arrays)


@dataclass(frozen=True, slots=True)
class Tried:
    """What PyTorch takes.

    Attributes
    ----------
    units : tuple of Unit
    fixed : dict of Axis to str
        What stands in the way of any other size that was tried.
    """

    units: tuple[Unit, ...]
    fixed: dict[Axis, str]


def try_axes(model: "torch.nn.Module", example: Example) -> Tried:
    """Run a model on inputs of other sizes: of each axis by itself, then of those of one size together."""
    units: list[Unit] = []
    fixed: dict[Axis, str] = {}
    for axis in axes_of(example):
        unit, why = _tried(model, example, (axis,), len(units))
        if unit is None:
            fixed[axis] = why
        else:
            units.append(unit)
    for axes in _groups(list(fixed)):
        if all(axis in fixed for axis in axes):
            unit, _ = _tried(model, example, axes, len(units))
            if unit is not None:
                units.append(unit)
                fixed = {axis: why for axis, why in fixed.items() if axis not in axes}
    return Tried(tuple(units), fixed)


def _groups(axes: Sequence[Axis]) -> Iterator[tuple[Axis, ...]]:
    """Axes of one size that may have to be changed together: the same of several inputs, then several of one input."""
    keys: tuple[Callable[[Axis], tuple[int, int]], ...] = (
        lambda axis: (axis.size, axis.axis),
        lambda axis: (axis.size, axis.input),
        lambda axis: (axis.size, 0),
    )
    for key in keys:
        for _, group in groupby(sorted(axes, key=key), key=key):
            if len(found := tuple(group)) > 1:
                yield found


def _tried(model: "torch.nn.Module", example: Example, axes: tuple[Axis, ...], number: int) -> tuple[Unit | None, str]:
    """The first other size that the model takes, or why it takes the first that was tried not."""
    reasons = []
    rank = example.arrays()[axes[0].input].ndim
    for size in _others(axes[0].size, number, rank):
        unit = Unit(axes, size)
        if (why := why_refused(model, resized(example, [unit]))) is None:
            return unit, ""
        reasons.append(why)
    return None, next(iter(reasons), "")


def _others(size: int, number: int, rank: int) -> list[int]:
    """Sizes to try: far enough away that what strides leave of them differs, from other axes', too; odd ones first."""
    step = _STEP if rank <= _IMAGE else _STEP // 2
    apart, is_large = step * (number + 1), rank >= _IMAGE and size * rank >= _LARGE
    odd = max(apart + 1, ((size // 3 if is_large else size) + step * number) | 1)
    larger = [size + odd, size + apart, size + 2 * apart, 2 * size]
    smaller = [size - (size // 3 | 1), size - apart, size // 2, size // 4]
    return [other for other in dict.fromkeys([*larger, *smaller]) if other > 1 and other != size]


def why_refused(model: "torch.nn.Module", example: Example) -> str | None:
    """What PyTorch raises for inputs; None where it takes them."""
    import torch

    args, keywords = example.tensors()
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            model.eval()(*args, **keywords)
    except Exception as error:  # a model raises what it likes
        layer = layer_that_raised(model, error)
        return f"{layer}, takes no other" if layer else reason_and_place(error)
    return None
