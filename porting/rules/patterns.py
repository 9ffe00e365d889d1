"""Axis patterns: ``"filter channel tap -> tap channel filter"``, read in either direction.

The notation is einops'. The left side names the axes of the reference's tensor, the right side those of the port's.
Axes that are merged on both sides state their lengths: ``"unit (channel=8 point=4) -> (point channel) unit"``. An axis
whose members have names states them in each side's order: ``"(gate=rzn unit) -> (gate=zrn unit)"``. An axis of stated
length that the port lacks is summed over: ``"bias=2 unit -> unit"``.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from porting.errors import PairError, first_line

Tensor = TypeVar("Tensor")
"""A numpy array, or a tensor of any framework that einops knows."""

Side = tuple[tuple[str, ...], ...]
"""The axis names in each dimension: one as a rule, several where they are merged, none where the length is 1."""


@cache
def parse(pattern: str) -> tuple[Side, Side]:
    """Split a pattern into the reference's and the port's side."""
    left, right = _sides(pattern)
    return _parse_side(left), _parse_side(right)


def _sides(pattern: str) -> tuple[str, str]:
    left, _, right = pattern.partition("->")
    return left, right


def _parse_side(text: str) -> Side:
    bare = map(_without_lengths, _dimensions(text))
    return tuple(() if dimension == "1" else tuple(dimension.strip("()").split()) for dimension in bare)


def words(pattern: str) -> tuple[list[str], list[str]]:
    """The dimensions of the reference's and of the port's side as they are written, lengths and brackets included."""
    left, right = _sides(pattern)
    return _dimensions(left), _dimensions(right)


def samples_axis(pattern: str) -> int:
    """Which of the reference's axes are the samples, which are the port's first."""
    left, right = words(pattern)
    return left.index(right[0]) if right and right[0] in left else 0


def _dimensions(side: str) -> list[str]:
    return re.findall(r"\([^)]*\)|\S+", side)


def _without_lengths(text: str) -> str:
    return re.sub(r"=\w+", "", text)


@cache
def _stated(text: str) -> dict[str, str]:
    """Axis -> its length, or the names of its members."""
    return dict(re.findall(r"(\w+)=(\w+)", text))


@cache
def _stated_lengths(pattern: str) -> dict[str, int]:
    return {axis: int(word) if word.isdigit() else len(word) for axis, word in _stated(pattern).items()}


@cache
def summed_axis(pattern: str) -> str:
    """Name the axis that the port sums over; empty where there is none."""
    left, right = _sides(pattern)
    port = {axis for dimension in _parse_side(right) for axis in dimension}
    return next((axis for axis in _stated(left) if axis not in port), "")


def to_port(array: Tensor, pattern: str, port_shape: Sequence[int] = (), *, named: str = "") -> Tensor:
    """Move a reference tensor into the port's axis order; `port_shape` is needed where axes are merged.

    Raises
    ------
    PairError
        If the pattern does not fit; it says of what, where that is `named`.
    """
    left, right = _sides(pattern)
    with _fits(array, pattern, named):
        return _rearrange(array, left, right, **_merged_lengths(pattern, port_shape))


def to_reference(array: Tensor, pattern: str, *, named: str = "") -> Tensor:
    """Move a port tensor into the reference's axis order: the pattern read from right to left.

    Of an axis that the port sums over the first member gets the sum, the others zeros.

    Raises
    ------
    PairError
        If the pattern does not fit; it says of what, where that is `named`.
    """
    with _fits(array, pattern, named):
        return _back(array, pattern, lambda total: total - total)


def gradient_to_reference(gradient: Tensor, pattern: str) -> Tensor:
    """Move the gradient of a port tensor into the reference's axis order: each of several summands has the sum's."""
    with _fits(gradient, pattern, ""):
        return _back(gradient, pattern, lambda total: total)


@contextmanager
def _fits(array: Any, pattern: str, named: str) -> Iterator[None]:
    """Tell what einops says of a pattern in the words of the model."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # einops' own errors are RuntimeErrors
        what = f"{named}: the" if named else "The"
        raise PairError(
            f'{what} axis pattern "{pattern}" does not fit shape {tuple(array.shape)}: {first_line(error)}.'
        ) from error


def _back(array: Any, pattern: str, others: Callable[[Any], Any]) -> Any:
    left, right = _sides(pattern)
    lengths = _stated_lengths(pattern)
    if axis := summed_axis(pattern):
        array, right = [array, *(others(array) for _ in range(1, lengths[axis]))], f"{axis} {right}"
    return _rearrange(array, right, left, **lengths)


def _rearrange(array: Any, source: str, target: str, **lengths: int) -> Any:
    """Move a tensor, or the list of its members along the first axis, which einops stacks."""
    import einops

    orders = _stated(source), _stated(target)
    steps, target = _without_lengths(source), _without_lengths(target)
    named = [axis for axis, word in orders[0].items() if word != orders[1].get(axis, word)]
    for axis in named:
        others = " ".join(name for dimension in _parse_side(steps) for name in dimension if name != axis)
        members = einops.rearrange(array, f"{steps} -> {axis} {others}", **lengths)
        array = [members[at] for at in map(orders[0][axis].index, orders[1][axis])]
        steps = f"{axis} {others}"
    if summed_axis(f"{source} -> {target}"):
        return einops.reduce(array, f"{steps} -> {target}", "sum", **lengths)
    return einops.rearrange(array, f"{steps} -> {target}", **lengths)


def _merged_lengths(pattern: str, port_shape: Sequence[int]) -> dict[str, int]:
    """Lengths of the axes that the reference has merged into one dimension, as the port has them apart."""
    reference, port = parse(pattern)
    merged = {axis for dimension in reference if len(dimension) > 1 for axis in dimension}
    lengths = _named_lengths(port, port_shape) if merged and port_shape else {}
    return {axis: length for axis, length in lengths.items() if axis in merged} | _stated_lengths(pattern)


def _named_lengths(side: Side, shape: Sequence[int]) -> dict[str, int]:
    return {axes[0]: length for axes, length in zip(side, shape, strict=True) if len(axes) == 1}


def differing_axes(pattern: str, reference_shape: Sequence[int], port_shape: Sequence[int]) -> list[str]:
    """Name the axes whose lengths differ between the two tensors; ranks must already fit the pattern."""
    reference, port = parse(pattern)
    known = _named_lengths(port, port_shape) | _stated_lengths(pattern)
    for axes, length in zip(port, port_shape, strict=True):
        unknown = [axis for axis in axes if axis not in known]
        if len(unknown) == 1:
            known[unknown[0]] = length // math.prod(known.get(axis, 1) for axis in axes)
    differing = []
    for side, shape in ((reference, reference_shape), (port, port_shape)):
        for axes, length in zip(side, shape, strict=True):
            if length != math.prod(known.get(axis, length) for axis in axes):
                differing.append(" ".join(axes) or "unit axis")
    return differing


def ranks(pattern: str) -> tuple[int, int]:
    """Count the dimensions of the reference's and the port's tensor."""
    reference, port = parse(pattern)
    return len(reference), len(port)


def describe(side: Side, shape: Sequence[int]) -> str:
    """Write a shape with its axis names: ``filter=64 channel=32 tap=3``."""
    names = [" ".join(axes) if axes else "1" for axes in side]
    labelled = [f"({name})" if " " in name else name for name in names]
    return " ".join(f"{name}={length}" for name, length in zip(labelled, shape, strict=True))
