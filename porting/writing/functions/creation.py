"""Functions that make tensors of nothing."""

from collections.abc import Sequence
from typing import Any

from porting.writing.axes import Value, plain, settled
from porting.writing.functions.row import NoRowError, Target, row


@row("arange")
def arange(k: Target, *limits: float, dtype: str = "", **_: Any) -> Value:
    kind = dtype or ("float" if any(isinstance(limit, float) for limit in limits) else "int")
    shown = {"dtype": k.floatx} if kind == "float" else {}
    return plain(k.ops.arange(*limits, **shown), (len(range_of(*limits)),), kind)


def range_of(*limits: float) -> Sequence[float]:
    """The numbers that arange gives."""
    import math

    start, stop, step = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
    return [start + at * step for at in range(max(0, math.ceil((stop - start) / step)))]


def _filled(k: Target, size: Sequence[int], value: Any, dtype: str) -> Value:
    """A number that broadcasts stands for all samples."""
    shape = tuple(size)
    held = tuple(axis for axis, length in enumerate(shape) if length != 1 and not k.is_batch(length))
    kind = dtype or {"bool": "bool", "int": "int"}.get(type(value).__name__, "float")
    named = {"float": k.floatx, "int": "int32", "bool": "bool"}[kind]
    data = k.ops.full(tuple(shape[axis] for axis in held), value, dtype=named)
    if any(k.is_batch(length) for length in shape):
        from porting.writing.functions.shapes import _repeated_along

        sizes = tuple(1 if k.is_batch(length) else length for length in shape)
        return _repeated_along(k, Value(data, sizes, held, kind), shape)
    return Value(data, shape, held, kind)


@row("zeros", "new_zeros")
def zeros(k: Target, *args: Any, dtype: str = "float", **_: Any) -> Value:
    return _filled(k, args[-1], 0, dtype)


@row("ones", "new_ones")
def ones(k: Target, *args: Any, dtype: str = "float", **_: Any) -> Value:
    return _filled(k, args[-1], 1, dtype)


@row("full", "new_full")
def full(k: Target, *args: Any, dtype: str = "", **_: Any) -> Value:
    return _filled(k, args[-2], args[-1], dtype)


def _like(names: tuple[str, ...], said: str) -> None:
    @row(*names)
    def like(k: Target, x: Value, *, dtype: str = "", **_: Any) -> Value:
        x = settled(x)
        kind = dtype or x.dtype
        named = {"float": k.floatx, "int": "int32", "bool": "bool"}[kind]
        settings = {} if kind == x.dtype else {"dtype": named}
        return x.with_data(getattr(k.ops, said)(x.data, **settings), kind)


_like(("zeros_like", "zero"), "zeros_like")
_like(("ones_like",), "ones_like")


@row("full_like", "fill")
def full_like(k: Target, x: Value, value: Any, *, dtype: str = "", **_: Any) -> Value:
    x = settled(x)
    kind = dtype or x.dtype
    named = {"float": k.floatx, "int": "int32", "bool": "bool"}[kind]
    settings = {} if kind == x.dtype else {"dtype": named}
    return x.with_data(k.ops.full_like(x.data, value, **settings), kind)


@row("scalar_tensor")
def scalar(k: Target, value: Any, *, dtype: str = "float", **_: Any) -> Value:
    named = {"float": k.floatx, "int": "int32", "bool": "bool"}[dtype]
    return plain(k.ops.full((), value, dtype=named), (), dtype)


@row("linspace")
def linspace(k: Target, start: float, end: float, steps: int, **_: Any) -> Value:
    return plain(k.ops.linspace(start, end, steps, dtype=k.floatx), (steps,))


def _triangle(name: str) -> None:
    @row(name)
    def part(k: Target, x: Value, diagonal: int = 0) -> Value:
        from porting.writing.axes import in_order

        x = in_order(k.ops, x)
        return x.with_data(getattr(k.ops, name)(x.data, diagonal))


for _name in ("tril", "triu"):
    _triangle(_name)


@row("meshgrid")
def meshgrid(k: Target, tensors: Sequence[Value], indexing: str = "ij") -> list[Value]:
    shape = tuple(value.shape[0] for value in tensors)
    if indexing != "ij":
        raise NoRowError(f"meshgrid with indexing={indexing!r}")
    data = k.ops.meshgrid(*(settled(value).data for value in tensors), indexing="ij")
    parts = k.unpacked(data, len(tensors))
    return [plain(part, shape, value.dtype) for part, value in zip(parts, tensors, strict=True)]
