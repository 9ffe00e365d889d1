"""Functions that write elements to places that tensors say."""

from collections.abc import Sequence
from math import prod
from typing import Any

from porting.writing.functions.arranging.repeating import expand
from porting.writing.functions.arranging.shapes import reshape, slice_of, transpose, unsqueeze
from porting.writing.functions.indexing import flat_places, taken_at
from porting.writing.functions.kinds import as_kind, named
from porting.writing.functions.pointwise import add, combined
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, in_order, plain, settled

MOST_COMPARED = 1 << 16
"""How many pairs of an element and a place are compared for one row."""


@row("masked_fill")
def masked_fill(k: Target, x: Value, mask: Value, value: Any) -> Value:
    return combined(k, k.ops.where, [mask, value, x], x.dtype)


@row("scatter")
def scatter(k: Target, x: Value, dim: int, index: Value, source: Any, *, reduce: str = "") -> Value:
    if reduce not in ("", "add"):
        raise NoRowError(f"scatter with reduce={reduce!r}")
    return _scattered(k, x, dim, index, source, adds=reduce == "add")


@row("scatter_add")
def scatter_add(k: Target, x: Value, dim: int, index: Value, source: Value) -> Value:
    return _scattered(k, x, dim, index, source, adds=True)


@row("scatter_reduce")
def scatter_reduce(
    k: Target, x: Value, dim: int, index: Value, source: Value, reduce: str, *, include_self: bool = True
) -> Value:
    if reduce != "sum" or not include_self:
        raise NoRowError(f"scatter_reduce by {reduce}, or without what stands there")
    return _scattered(k, x, dim, index, source, adds=True)


def _scattered(k: Target, x: Value, dim: int, index: Value, source: Any, *, adds: bool) -> Value:
    """Along one axis, every row by itself."""
    if not x.rank:
        raise NoRowError("scatter to a single number")
    dim %= x.rank
    if any(index.shape[axis] != x.shape[axis] for axis in range(x.rank) if axis != dim):
        raise NoRowError("scatter to a part of the rows")
    _refuse_many(k, index.shape[dim], x.shape[dim])
    if isinstance(source, Value) and source.rank:
        for axis in range(x.rank):
            source = slice_of(k, source, axis, 0, index.shape[axis])
        source = in_order(k.ops, transpose(k, as_kind(k, source, x.dtype), dim, -1)).data
    elif isinstance(source, Value):
        source = settled(source).data
    held, places = (in_order(k.ops, transpose(k, value, dim, -1)) for value in (x, index))
    if adds and not hasattr(source, "shape"):
        raise NoRowError("scatter that adds one number")
    made = k.own("scattered")(held.data, places.data, source, **({"adds": True} if adds else {}))
    return transpose(k, held.with_data(made), dim, -1)


def _refuse_many(k: Target, elements: int, places: int) -> None:
    """Refuse what would compare each of many elements with each of many places."""
    if k.is_batch(elements) or k.is_batch(places):
        raise NoRowError("samples are taken by their number")
    if elements * places > MOST_COMPARED:
        raise NoRowError(f"writes {elements} elements to {places} places that are computed")


@row("index_put")
def index_put(k: Target, x: Value, indices: Sequence[Value | None], values: Value, accumulate: bool = False) -> Value:
    given = [(axis, value) for axis, value in enumerate(indices) if value is not None]
    if accumulate and (len(given) > 1 or given[0][1].rank != 1 or given[0][1].dtype == "bool"):
        raise NoRowError("index_put that adds to what stands at several places at once")
    if accumulate:
        return _added_along(k, x, *given[0], values)
    if any(value.dtype == "bool" for _, value in given):
        return _where_true(k, x, [value for _, value in given], values)
    if given[0][1].counts_samples and [axis for axis, _ in given] == [0, 1]:
        return _one_of_each_sample(k, x, given[1][1], values)
    axes = [axis for axis, _ in given]
    if any(value.rank != 1 for _, value in given) or axes != list(range(axes[0], axes[-1] + 1)):
        raise NoRowError("index_put to a table of places")
    places = flat_places(k, [value for _, value in given], [x.shape[axis] for axis in axes])
    joined = reshape(k, x, (*x.shape[: axes[0]], prod(x.shape[axis] for axis in axes), *x.shape[axes[-1] + 1 :]))
    return reshape(k, _written_along(k, joined, axes[0], places, values), x.shape)


def _where_true(k: Target, x: Value, masks: Sequence[Value], values: Value) -> Value:
    """One number, or one that broadcasts, wherever a mask is true."""
    if len(masks) != 1 or prod(values.shape) != 1:
        raise NoRowError("index_put other than of one number where a mask is true")
    mask = reshape(k, masks[0], (*masks[0].shape, *(1,) * (x.rank - masks[0].rank)))
    number = reshape(k, as_kind(k, values, x.dtype), (1,) * x.rank)
    return combined(k, k.ops.where, [mask, number, x], x.dtype)


def _one_of_each_sample(k: Target, x: Value, places: Value, values: Value) -> Value:
    """In each sample what stands at its own place."""
    if places.shape != x.shape[:1]:
        raise NoRowError("index_put to several places in each sample")
    count = x.shape[1]
    hits = combined(k, k.ops.equal, [unsqueeze(k, places, 1), plain(k.ops.arange(count), (count,), "int")], "bool")
    hits = reshape(k, hits, (*hits.shape, *(1,) * (x.rank - 2)))
    values = as_kind(k, values, x.dtype)
    if values.rank > x.rank - 2:
        values = unsqueeze(k, values, 1)
    return combined(k, k.ops.where, [hits, values, x], x.dtype)


def _written_along(k: Target, x: Value, axis: int, places: Value, values: Value) -> Value:
    """Slices at places along one axis, of several at one place the last."""
    elements, count = places.shape[0], x.shape[axis]
    _refuse_many(k, elements, count)
    values = as_kind(k, values, x.dtype)
    if values.rank or elements != 1:
        values = expand(k, values, (*x.shape[:axis], elements, *x.shape[axis + 1 :]))
    last = k.kept(k.own("last_at")(in_order(k.ops, places).data, count))
    taken = taken_at(k, values, axis, plain(k.ops.maximum(last, 0), (count,), "int")) if values.rank else values
    is_hit = reshape(k, plain(last >= 0, (count,), "bool"), (count, *(1,) * (x.rank - axis - 1)))
    return combined(k, k.ops.where, [is_hit, taken, x], x.dtype)


def _added_along(k: Target, x: Value, axis: int, places: Value, values: Value) -> Value:
    """Slices added to those at places along one axis, of several at one place all."""
    elements, count = places.shape[0], x.shape[axis]
    _refuse_many(k, elements, count)
    values = expand(k, as_kind(k, values, x.dtype), (*x.shape[:axis], elements, *x.shape[axis + 1 :]))
    last = in_order(k.ops, transpose(k, values, axis, -1))
    chosen = k.ops.one_hot(in_order(k.ops, places).data, count, dtype=named(k, x.dtype))
    added = Value(k.ops.matmul(last.data, chosen), (*last.shape[:-1], count), last.axes, x.dtype)
    return add(k, x, transpose(k, added, axis, -1))


@row("index_add")
def index_add(k: Target, x: Value, dim: int, places: Value, values: Value, *, alpha: float = 1) -> Value:
    if not x.rank:
        raise NoRowError("index_add to a single number")
    places = reshape(k, places, (prod(places.shape),))
    return _added_along(k, x, dim % x.rank, places, values.with_data(values.data * alpha) if alpha != 1 else values)
