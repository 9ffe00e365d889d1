"""Sizes that follow the inputs', read off tensors that have them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from porting.writing.functions.row import Target
from porting.writing.values.axes import Value
from porting.writing.values.sizes import SizeError, beside, is_free


def place_of(k: Target, size: int, *nearest: Value) -> tuple[Value, int]:
    """A value that holds an axis of a size, and where.

    Raises
    ------
    SizeError
        If none at hand does.
    """
    for value in (*nearest, *k.sized):
        for axis in value.axes:
            if value.shape[axis] == size and value.data is not None and value.form is None:
                return value, value.at(axis)
    raise SizeError(f"needs {int(size)}, which follows the size of an input, where no tensor has an axis of that size")


def places(k: Target, size: int, *nearest: Value) -> Any:
    """Whole numbers from 0, as many as a size says."""
    for value in (*nearest, *k.sized):
        if value.data is not None and value.form is None and (share := _share(value, size)):
            at, *parts = share
            told = {name: part for name, part in zip(("times", "parts"), parts, strict=False) if part != 1}
            return k.own("places_along")(value.data, axis=at, **told)
    value, at = place_of(k, size)
    return k.own("places_along")(value.data, axis=at)


def number(k: Target, size: int) -> Value:
    """A size as a number to compute with."""
    value, at = place_of(k, size)
    return Value(k.own("count_along")(value.data, axis=at), (), (), "int")


def reshape_by_size(k: Target, value: Value, sizes: Sequence[Any], keeps_samples: bool) -> Any:
    """Reshape where more than one size is not known: the samples stay apart, others are read off tensors."""
    if sum(map(is_free, sizes)) == 1 and keeps_samples:
        return k.layers.Reshape(tuple(-1 if is_free(size) else size for size in sizes[1:]))(value.data)
    like, read = _like(k, value, [size for size in sizes if is_free(size)])
    shown = tuple(read[size] if is_free(size) else size for size in sizes)
    return k.own("ReshapedLike")(shown)(value.data, like.data)


def _like(k: Target, value: Value, sizes: Sequence[int]) -> tuple[Value, dict[int, tuple[int, ...]]]:
    """A value whose axes give all of some sizes, and how: the axis, how many times it, how many parts of it."""
    for like in (value, *k.sized):
        if like.data is None or like.form is not None:
            continue
        read = {size: _share(like, size) for size in sizes}
        if all(read.values()):
            return like, {size: share for size, share in read.items() if share}
    raise SizeError(
        f"reshapes to {', '.join(str(int(size)) for size in sizes)}, which follow the size of an input, where no "
        "tensor has axes of these sizes"
    )


def _share(like: Value, size: int) -> tuple[int, ...]:
    """The axis of a size, and its times and parts where it is not the size itself; empty where there is none."""
    found = []
    for at, axis in enumerate(like.axes):
        length = like.shape[axis]
        if is_free(length) and Fraction(int(size), int(length)) == Fraction(beside(size), beside(length)):
            share = Fraction(int(size), int(length))
            found.append((share.denominator, share.numerator, at))
    if not found:
        return ()
    parts, times, at = min(found)
    return (at, times, parts) if parts != 1 else (at, times) if times != 1 else (at,)
