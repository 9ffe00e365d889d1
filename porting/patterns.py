"""Axis patterns: ``"filter channel tap -> tap channel filter"``, read in either direction.

The notation is einops'. The left side names the axes of the reference's tensor, the right side those of the port's.
Axes that are merged on both sides state their lengths: ``"unit (channel=8 point=4) -> (point channel) unit"``.
"""

import math
import re
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import einops

from porting.errors import PairError, first_line

Tensor = TypeVar("Tensor")
"""A numpy array, or a tensor of any framework that einops knows."""

Side = tuple[tuple[str, ...], ...]
"""The axis names in each dimension: one as a rule, several where they are merged, none where the length is 1."""


@cache
def parse(pattern: str) -> tuple[Side, Side]:
    """Split a pattern into the reference's and the port's side."""
    left, _, right = pattern.partition("->")
    return _parse_side(left), _parse_side(right)


def _parse_side(text: str) -> Side:
    bare = map(_without_lengths, _dimensions(text))
    return tuple(() if dimension == "1" else tuple(dimension.strip("()").split()) for dimension in bare)


def words(pattern: str) -> tuple[list[str], list[str]]:
    """The dimensions of the reference's and of the port's side as they are written, lengths and brackets included."""
    left, _, right = pattern.partition("->")
    return _dimensions(left), _dimensions(right)


def _dimensions(side: str) -> list[str]:
    return re.findall(r"\([^)]*\)|\S+", side)


def _without_lengths(text: str) -> str:
    return re.sub(r"=\d+", "", text)


@cache
def _stated_lengths(pattern: str) -> dict[str, int]:
    return {axis: int(length) for axis, length in re.findall(r"(\w+)=(\d+)", pattern)}


def to_port(array: Tensor, pattern: str, port_shape: Sequence[int] = ()) -> Tensor:
    """Move a reference tensor into the port's axis order; `port_shape` is needed where axes are merged."""
    return _rearrange(array, pattern, **_merged_lengths(pattern, port_shape))


def to_reference(array: Tensor, pattern: str) -> Tensor:
    """Move a port tensor into the reference's axis order: the pattern read from right to left."""
    left, _, right = pattern.partition("->")
    return _rearrange(array, f"{right} -> {left}", **_stated_lengths(pattern))


def _rearrange(array: Tensor, pattern: str, **lengths: int) -> Tensor:
    try:
        return einops.rearrange(array, _without_lengths(pattern), **lengths)
    except einops.EinopsError as error:
        raise PairError(f'The axis pattern "{pattern}" does not fit: {first_line(error)}') from error


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
