"""Functions that take axes together."""

import math
from collections.abc import Sequence
from math import prod
from typing import Any

from porting.writing.functions.arranging.shapes import held, last_or, unsqueeze
from porting.writing.functions.kinds import as_kind
from porting.writing.functions.pointwise import combined, subtract
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, one_or_all, settled


def reduced(
    k: Target, function: Any, x: Value, dim: int | Sequence[int] | None, keepdim: bool, dtype: str = "", **settings: Any
) -> Value:
    """Apply a function over axes; those of length one that are not held change nothing."""
    x = settled(x)
    if x.rank == 0:
        return x
    dims = range(x.rank) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    over = {axis % x.rank for axis in dims}
    if any(k.is_batch(x.shape[axis]) for axis in over):
        raise NoRowError("samples are taken together: a port computes each sample by itself")
    at = tuple(sorted(x.axes.index(axis) for axis in over if axis in x.axes))
    data = x.data
    if at:
        if len(x.axes) - 1 == at[-1] and len(at) == 1:
            at = (-1,)
        data = function(data, axis=one_or_all(at), **settings, **({"keepdims": True} if keepdim else {}))
    return Value(data, *_left(x, over, keepdim), dtype or x.dtype)


def _left(x: Value, over: set[int], keepdim: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape and the held axes behind a reduction."""
    if keepdim:
        return tuple(1 if axis in over else size for axis, size in enumerate(x.shape)), x.axes
    left = [axis for axis in range(x.rank) if axis not in over]
    return tuple(x.shape[axis] for axis in left), tuple(left.index(axis) for axis in x.axes if axis in left)


def _simple(name: str, said: str) -> None:
    @row(name)
    def reduce(k: Target, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
        return reduced(k, getattr(k.ops, said), x, dim, keepdim)


for _name, _said in {"amax": "max", "amin": "min", "logsumexp": "logsumexp"}.items():
    _simple(_name, _said)


def _accumulating(name: str) -> None:
    @row(name)
    def reduce(k: Target, x: Value, dim: Any = None, keepdim: bool = False, *, dtype: str = "") -> Value:
        kind = dtype or ("int" if x.dtype == "bool" else x.dtype)
        return reduced(k, getattr(k.ops, name), as_kind(k, x, kind), dim, keepdim)


for _name in ("sum", "mean", "prod"):
    _accumulating(_name)


def _quantified(name: str) -> None:
    @row(name)
    def reduce(k: Target, x: Value, dim: Any = None, keepdim: bool = False) -> Value:
        return reduced(k, getattr(k.ops, name), as_kind(k, x, "bool"), dim, keepdim, "bool")


for _name in ("any", "all"):
    _quantified(_name)


def _placing(name: str) -> None:
    @row(name)
    def reduce(k: Target, x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
        if dim is None:
            samples = any(map(k.is_batch, x.shape))
            raise NoRowError(f"{name} of the flattened tensor" + (", which takes samples together" if samples else ""))
        return reduced(k, getattr(k.ops, name), held(k, x, dim), dim, keepdim, "int")


for _name in ("argmax", "argmin"):
    _placing(_name)


@row("count_nonzero")
def count_nonzero(k: Target, x: Value, dim: Any = None) -> Value:
    x = settled(x)
    nonzero = x if x.dtype == "bool" else x.with_data(k.ops.not_equal(x.data, 0), "bool")
    return reduced(k, k.ops.sum, as_kind(k, nonzero, "int"), dim, False)


def _with_places(name: str, said: str) -> None:
    @row(name)
    def extreme(k: Target, x: Value, dim: Any = None, keepdim: bool = False) -> Value | list[Value]:
        if isinstance(dim, Value):
            return combined(k, getattr(k.ops, f"{said}imum"), [x, dim])
        if dim is None:
            return reduced(k, getattr(k.ops, said), x, dim, keepdim)
        x = held(k, x, dim)
        values = reduced(k, getattr(k.ops, said), x, dim, keepdim)
        return [values, *([reduced(k, getattr(k.ops, f"arg{said}"), x, dim, keepdim, "int")] if 1 in k.used else [])]


_with_places("max", "max")
_with_places("min", "min")


def _deviation(name: str) -> None:
    @row(name)
    def deviation(
        k: Target, x: Value, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
    ) -> Value:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        return _spread(k, x, dim, _correction(unbiased, correction), keepdim, name)


for _name in ("var", "std"):
    _deviation(_name)


def _with_mean(name: str) -> None:
    @row(f"{name}_mean")
    def deviation_and_mean(
        k: Target, x: Value, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
    ) -> list[Value]:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        spread = _spread(k, x, dim, _correction(unbiased, correction), keepdim, name)
        return [spread, reduced(k, k.ops.mean, x, dim, keepdim)]


for _name in ("var", "std"):
    _with_mean(_name)


def _correction(unbiased: bool, correction: Any) -> float:
    return (1 if unbiased else 0) if correction is None else correction


def _spread(k: Target, x: Value, dim: Any, correction: float, keepdim: bool, name: str) -> Value:
    dims = range(x.rank) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    count = prod(x.shape[axis] for axis in dims)
    if count <= correction:
        raise NoRowError(f"{name} of fewer elements than its correction")
    x = held(k, x, next(iter(dims)))
    if correction == 0:
        return reduced(k, getattr(k.ops, name), x, dim, keepdim)
    value = reduced(k, k.ops.var, x, dim, keepdim)
    value = value.with_data(value.data * (count / (count - correction)))
    return squares_root(k, value) if name == "std" else value


def _cumulative(name: str) -> None:
    @row(name)
    def cumulate(k: Target, x: Value, dim: int, *, dtype: str = "") -> Value:
        kind = dtype or ("int" if x.dtype == "bool" else x.dtype)
        if x.rank == 0:
            return as_kind(k, x, kind)
        x = held(k, as_kind(k, x, kind), dim)
        return x.with_data(getattr(k.ops, name)(x.data, axis=last_or(x, dim)))


for _name in ("cumsum", "cumprod"):
    _cumulative(_name)


@row("logcumsumexp")
def log_of_sums(k: Target, x: Value, dim: int) -> Value:
    return _scanned(k, held(k, x, dim), dim, k.ops.logaddexp) if x.rank else x


def _scanned(k: Target, x: Value, dim: int, function: Any) -> Value:
    """Along an axis what a function makes of each element and all before."""
    return x.with_data(k.own("accumulated")(function, x.data, axis=x.at(dim)))


def _greatest_so_far(name: str, said: str) -> None:
    @row(name)
    def scan(k: Target, x: Value, dim: int) -> list[Value]:
        if not x.rank:
            raise NoRowError(f"{name} of a single number")
        x = held(k, x, dim)
        made = _scanned(k, x, dim, getattr(k.ops, said))
        if 1 not in k.used:
            return [made]
        made = made.with_data(k.kept(made.data))
        shape = [x.shape[dim] if axis == dim % x.rank else 1 for axis in range(x.rank)]
        numbers = Value(k.ops.arange(x.shape[dim]), tuple(shape), (dim % x.rank,), "int")
        is_new = combined(k, k.ops.equal, [x, made], "bool")
        last = held(k, combined(k, lambda new, at: k.ops.where(new, at, 0), [is_new, numbers], "int"), dim)
        return [made, _scanned(k, last, dim, k.ops.maximum)]


for _name, _said in {"cummax": "maximum", "cummin": "minimum"}.items():
    _greatest_so_far(_name, _said)


@row("linalg_vector_norm")
def vector_norm(
    k: Target,
    x: Value,
    order: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: str = "",
) -> Value:
    x = settled(x)
    if order == 2:
        squares = x.with_data(k.ops.square(x.data))
        return squares_root(k, reduced(k, k.ops.sum, squares, dim, keepdim))
    if order == 1:
        return reduced(k, k.ops.sum, x.with_data(k.ops.abs(x.data)), dim, keepdim)
    if abs(order) == math.inf:
        function = k.ops.max if order > 0 else k.ops.min
        return reduced(k, function, x.with_data(k.ops.abs(x.data)), dim, keepdim)
    if order == 0:
        raise NoRowError("linalg_vector_norm that counts what is not zero")
    powers = reduced(k, k.ops.sum, x.with_data(k.ops.abs(x.data) ** order), dim, keepdim)
    return powers.with_data(powers.data ** (1 / order))


@row("norm")
def norm(k: Target, x: Value, p: float | None = 2, dim: Any = None, keepdim: bool = False, *, dtype: str = "") -> Value:
    return vector_norm(k, x, 2 if p is None else p, dim, keepdim)


@row("cdist", "_cdist_forward")
def distances(k: Target, x: Value, y: Value, p: float = 2, compute_mode: int | None = None) -> Value:
    return vector_norm(k, subtract(k, unsqueeze(k, x, -2), unsqueeze(k, y, -3)), p, -1)


def squares_root(k: Target, x: Value) -> Value:
    """The square root."""
    return x.with_data(k.ops.sqrt(x.data))
