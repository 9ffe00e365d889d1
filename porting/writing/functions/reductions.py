"""Functions that take axes together."""

from collections.abc import Sequence
from typing import Any

from porting.writing.axes import Value, one_or_all, settled
from porting.writing.functions.pointwise import combined, last_or
from porting.writing.functions.row import NoRowError, Target, row


def reduced(
    k: Target, function: Any, x: Value, dim: int | Sequence[int] | None, keepdim: bool, dtype: str = "", **settings: Any
) -> Value:
    """Apply a function over axes; those of length one that are not held change nothing."""
    x = settled(x)
    dims = range(x.rank) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    over = {axis % x.rank for axis in dims}
    if any(k.is_batch(x.shape[axis]) for axis in over):
        raise NoRowError("samples are taken together: a port computes each sample by itself")
    held = tuple(sorted(x.axes.index(axis) for axis in over if axis in x.axes))
    data = x.data
    if held:
        if len(x.axes) - 1 == held[-1] and len(held) == 1:
            held = (-1,)
        data = function(data, axis=one_or_all(held), **settings, **({"keepdims": True} if keepdim else {}))
    return Value(data, *_left(x, over, keepdim), dtype or x.dtype)


def _left(x: Value, over: set[int], keepdim: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape and the held axes behind a reduction."""
    if keepdim:
        return tuple(1 if axis in over else size for axis, size in enumerate(x.shape)), x.axes
    left = [axis for axis in range(x.rank) if axis not in over]
    return tuple(x.shape[axis] for axis in left), tuple(left.index(axis) for axis in x.axes if axis in left)


def _simple(names: tuple[str, ...], said: str, dtype: str = "") -> None:
    @row(*names)
    def reduce(k: Target, x: Value, dim: int | Sequence[int] | None = None, keepdim: bool = False, **_: Any) -> Value:
        return reduced(k, getattr(k.ops, said), x, dim, keepdim, dtype)


for _names, _said in {
    ("sum",): "sum",
    ("mean",): "mean",
    ("amax",): "max",
    ("amin",): "min",
    ("prod",): "prod",
}.items():
    _simple(_names, _said)
_simple(("any",), "any", "bool")
_simple(("all",), "all", "bool")
_simple(("logsumexp",), "logsumexp")
_simple(("argmax",), "argmax", "int")
_simple(("argmin",), "argmin", "int")


def _with_places(name: str, said: str) -> None:
    @row(name)
    def extreme(k: Target, x: Value, dim: Any = None, keepdim: bool = False) -> Value | list[Value]:
        if isinstance(dim, Value):
            return combined(k, getattr(k.ops, f"{said}imum"), [x, dim])
        values = reduced(k, getattr(k.ops, said), x, dim, keepdim)
        return values if dim is None else [values, reduced(k, getattr(k.ops, f"arg{said}"), x, dim, keepdim, "int")]


_with_places("max", "max")
_with_places("min", "min")


@row("var", "std")
def variance(
    k: Target,
    x: Value,
    dim: Any = None,
    *args: Any,
    correction: float = 1,
    keepdim: bool = False,
    unbiased: bool = True,
) -> Value:
    return _spread(k, x, dim, correction if unbiased else 0, keepdim)


@row("var_mean")
def variance_and_mean(
    k: Target, x: Value, dim: Any = None, *, correction: float = 1, keepdim: bool = False
) -> list[Value]:
    return [_spread(k, x, dim, correction, keepdim), reduced(k, k.ops.mean, x, dim, keepdim)]


def _spread(k: Target, x: Value, dim: Any, correction: float, keepdim: bool) -> Value:
    value = reduced(k, k.ops.var, x, dim, keepdim)
    dims = range(x.rank) if dim is None else [dim] if isinstance(dim, int) else dim
    count = 1
    for axis in dims:
        count *= x.shape[axis]
    return value.with_data(value.data * (count / (count - correction))) if correction else value


@row("cumsum")
def cumulative_sum(k: Target, x: Value, dim: int, **_: Any) -> Value:
    x = settled(x)
    data = x.data if x.dtype != "bool" else k.ops.cast(x.data, "int32")
    return x.with_data(k.ops.cumsum(data, axis=last_or(x, dim)), "int" if x.dtype == "bool" else x.dtype)


@row("linalg_vector_norm")
def vector_norm(k: Target, x: Value, ord: float = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Value:  # noqa: A002
    if ord == 2:
        squares = x.with_data(k.ops.square(settled(x).data))
        return squares_root(k, reduced(k, k.ops.sum, squares, dim, keepdim))
    if ord == 1:
        return reduced(k, k.ops.sum, x.with_data(k.ops.abs(settled(x).data)), dim, keepdim)
    raise NoRowError(f"linalg_vector_norm of order {ord}")


def squares_root(k: Target, x: Value) -> Value:
    """The square root."""
    return x.with_data(k.ops.sqrt(x.data))
