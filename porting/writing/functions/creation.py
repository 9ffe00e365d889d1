"""Functions that make tensors of nothing."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.repeating import expand
from porting.writing.functions.arranging.shapes import reshape
from porting.writing.functions.kinds import as_kind, named
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sizing import number, places
from porting.writing.values.axes import Value, in_order, plain, settled
from porting.writing.values.sizes import Size, SizeError, is_free


@row("arange")
def arange(k: Target, *limits: float, dtype: str = "") -> Value:
    if k.is_batch(len(range_of(*limits))):
        if list(range_of(*limits)[:2]) != [0, 1]:
            raise NoRowError("numbers the samples from another number than 0, or by other steps than 1")
        return Value(None, (len(range_of(*limits)),), (0,), "int", counts_samples=True)
    kind = dtype or ("float" if any(isinstance(limit, float) for limit in limits) else "int")
    shown = k.floatx if kind == "float" else "int32"
    if any(map(is_free, limits)):
        return _as_many(k, limits, kind)
    return plain(k.ops.arange(*limits, dtype=shown), (len(range_of(*limits)),), kind)


def _as_many(k: Target, limits: Sequence[float], kind: str) -> Value:
    """Whole numbers at equal distances, as many as a size that follows the inputs' says."""
    whole = [limit for limit in limits if isinstance(limit, int)]
    start, stop, step = [0, *whole, 1] if len(whole) == 1 else [*whole, 1][:3]
    if len(whole) < len(limits) or is_free(step) or step < -1:
        raise SizeError("counts to the size of an input otherwise than by whole numbers, upwards or one by one")
    if step == -1:
        made = _as_many(k, (stop + 1, start + 1), "int")
        return as_kind(k, made.with_data(k.ops.flip(made.data)), kind)
    count = -((start - stop) // step)
    made = Value(places(k, count), (count,), (0,), "int")
    made = made.with_data(made.data * step) if step != 1 else made
    made = made.with_data(made.data + start) if start else made
    return as_kind(k, made, kind)


def range_of(*limits: float) -> Sequence[float]:
    """The numbers that arange gives."""
    import math

    start, stop, step = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
    return [start + at * step for at in range(max(0, math.ceil((stop - start) / step)))]


def _filled(k: Target, size: Sequence[int], value: Any, kind: str) -> Value:
    """A number that broadcasts stands for all samples."""
    shape = tuple(size)
    grows = [k.is_batch(length) or is_free(length) for length in shape]
    axes = tuple(axis for axis, length in enumerate(shape) if length != 1 and not grows[axis])
    first = next((axis for axis, length in enumerate(shape) if is_free(length)), None)
    if first is not None and not axes:
        sizes = tuple(length if axis == first else 1 for axis, length in enumerate(shape))
        data = k.ops.full_like(places(k, shape[first]), value, dtype=named(k, kind))
        return expand(k, Value(data, sizes, (first,), kind), shape)
    data = k.ops.full(tuple(shape[axis] for axis in axes), value, dtype=named(k, kind))
    if any(grows):
        sizes = tuple(1 if grow else length for length, grow in zip(shape, grows, strict=True))
        return expand(k, Value(data, sizes, axes, kind), shape)
    return Value(data, shape, axes, kind)


def _number_kind(value: Any) -> str:
    return {"bool": "bool", "int": "int"}.get(type(value).__name__, "float")


@row("zeros", "empty")
def zeros(k: Target, size: Sequence[int], *, dtype: str = "float") -> Value:
    return _filled(k, size, 0, dtype)


@row("ones")
def ones(k: Target, size: Sequence[int], *, dtype: str = "float") -> Value:
    return _filled(k, size, 1, dtype)


@row("full")
def full(k: Target, size: Sequence[int], value: Any, *, dtype: str = "") -> Value:
    return _filled(k, size, value, dtype or _number_kind(value))


@row("new_zeros", "new_empty")
def new_zeros(k: Target, x: Value, size: Sequence[int], *, dtype: str = "") -> Value:
    return _filled(k, size, 0, dtype or x.dtype)


@row("new_ones")
def new_ones(k: Target, x: Value, size: Sequence[int], *, dtype: str = "") -> Value:
    return _filled(k, size, 1, dtype or x.dtype)


@row("new_full")
def new_full(k: Target, x: Value, size: Sequence[int], value: Any, *, dtype: str = "") -> Value:
    return _filled(k, size, value, dtype or x.dtype)


def _like(names: tuple[str, ...], said: str) -> None:
    @row(*names)
    def like(k: Target, x: Value, *, dtype: str = "") -> Value:
        x = settled(x)
        kind = dtype or x.dtype
        settings = {} if kind == x.dtype else {"dtype": named(k, kind)}
        return x.with_data(getattr(k.ops, said)(x.data, **settings), kind)


_like(("zeros_like", "zero", "empty_like"), "zeros_like")
_like(("ones_like",), "ones_like")


@row("full_like", "fill")
def full_like(k: Target, x: Value, value: Any, *, dtype: str = "") -> Value:
    x = settled(x)
    kind = dtype or x.dtype
    if isinstance(value, Value):
        return expand(k, as_kind(k, value, kind), x.shape)
    settings = {} if kind == x.dtype else {"dtype": named(k, kind)}
    return x.with_data(k.ops.full_like(x.data, value, **settings), kind)


@row("scalar_tensor")
def scalar(k: Target, value: Any, *, dtype: str = "float") -> Value:
    return plain(k.ops.full((), value, dtype=named(k, dtype)), (), dtype)


@row("linspace")
def linspace(k: Target, start: float, end: float, steps: int, *, dtype: str = "float") -> Value:
    if isinstance(start, Value) or isinstance(end, Value):
        raise NoRowError("linspace between computed ends")
    if dtype != "float":
        raise NoRowError("linspace of whole numbers")
    if isinstance(steps, Size):
        points = k.ops.cast(places(k, steps), k.floatx)
        apart = (end - start) / k.ops.cast(number(k, steps).data - 1, k.floatx)
        return plain(points * apart + start, (steps,))
    return plain(k.ops.linspace(start, end, steps, dtype=k.floatx), (steps,))


@row("eye")
def eye(k: Target, rows: int, columns: int | None = None, *, dtype: str = "float") -> Value:
    columns = rows if columns is None else columns
    return plain(k.ops.eye(rows, columns, dtype=named(k, dtype)), (rows, columns), dtype)


def _triangle(name: str) -> None:
    @row(name)
    def part(k: Target, x: Value, diagonal: int = 0) -> Value:
        x = in_order(k.ops, x)
        if any(map(is_free, x.shape[-2:])):
            return _triangle_of_any(k, name, x, diagonal)
        return x.with_data(getattr(k.ops, name)(x.data, *([diagonal] if diagonal else [])))


def _triangle_of_any(k: Target, name: str, x: Value, diagonal: int) -> Value:
    """What lies on one side of a diagonal, by the places of its rows and columns."""
    rows, columns = (
        places(k, size, x) if is_free(size) else k.ops.arange(size, dtype="int32") for size in x.shape[-2:]
    )
    apart = k.ops.expand_dims(columns, 0) - k.ops.expand_dims(rows, 1)
    kept = apart <= diagonal if name == "tril" else apart >= diagonal
    return x.with_data(k.ops.logical_and(x.data, kept) if x.dtype == "bool" else k.ops.where(kept, x.data, 0))


for _name in ("tril", "triu"):
    _triangle(_name)


@row("meshgrid")
def meshgrid(k: Target, tensors: Sequence[Value], *, indexing: str = "ij") -> list[Value]:
    """Each tensor along an axis of its own, and the same along the others."""
    lengths = [value.shape[0] if value.rank else 1 for value in tensors]
    order = [1, 0, *range(2, len(lengths))] if indexing == "xy" and len(lengths) > 1 else range(len(lengths))
    shape = tuple(lengths[axis] for axis in order)
    made = []
    for at, value in enumerate(tensors):
        sizes = [lengths[axis] if axis == at else 1 for axis in order]
        made.append(expand(k, reshape(k, value, sizes), shape))
    return made


@row(
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "normal_functional",
    "bernoulli", "multinomial", "uniform", "exponential", "poisson", "cauchy", "log_normal", "geometric",
)  # fmt: skip
def drawn(k: Target, *_: Any, **__: Any) -> Value:
    raise NoRowError(
        "draws random numbers in evaluation, too, which no two runs have alike: give what is drawn as an input, or "
        "draw while training alone"
    )


@row("_local_scalar_dense", "item")
def number_of(k: Target, *_: Any) -> Value:
    raise NoRowError("reads a number off a tensor, as item(), int() and float() do: leave it a tensor")


@row("sym_size", "nonzero", "unique", "_unique2", "unique_consecutive", "masked_select", "bincount")
def counted_values(k: Target, *_: Any, **__: Any) -> Value:
    raise NoRowError("has a size that depends on the values: mask what is not wanted, and leave it in place")


@row("_pack_padded_sequence", "_pad_packed_sequence")
def packed(k: Target, *_: Any, **__: Any) -> Value:
    raise NoRowError(
        "packs sequences, which Keras does not have: run over all positions, and mask those behind the end"
    )
