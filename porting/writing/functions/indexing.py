"""Functions that look elements up by tensors of places."""

from collections.abc import Sequence
from typing import Any

from porting.writing.axes import Value, arranged, in_order, settled, whole
from porting.writing.functions.row import NoRowError, Target, row


@row("index_select")
def index_select(k: Target, x: Value, dim: int, index: Value) -> Value:
    x = arranged(k.ops, x, whole(settled(x)))
    shape = (*x.shape[:dim], index.shape[0], *x.shape[dim + 1 :])
    return Value(k.ops.take(x.data, settled(index).data, axis=x.at(dim)), shape, x.axes, x.dtype)


@row("index")
def index(k: Target, x: Value, indices: Sequence[Value | None]) -> Value:
    """One tensor of places along one axis."""
    given = [(axis, value) for axis, value in enumerate(indices) if value is not None]
    if len(given) != 1 or given[0][1].dtype == "bool":
        raise NoRowError("index by several tensors or by a mask")
    axis, places = given[0]
    places = in_order(k.ops, places)
    x = in_order(k.ops, x)
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    return Value(k.ops.take(x.data, places.data, axis=axis), shape, tuple(range(len(shape))), x.dtype)


@row("embedding")
def embedding(k: Target, weight: Value, indices: Value, *_: Any) -> Value:
    return index(k, weight, [indices])


@row("gather")
def gather(k: Target, x: Value, dim: int, index: Value, **_: Any) -> Value:
    x, index = in_order(k.ops, x), in_order(k.ops, index)
    data = k.ops.take_along_axis(x.data, index.data, axis=dim % x.rank)
    return Value(data, index.shape, tuple(range(x.rank)), x.dtype)


@row("one_hot")
def one_hot(k: Target, x: Value, num_classes: int) -> Value:
    x = in_order(k.ops, x)
    shape = (*x.shape, num_classes)
    return Value(k.ops.one_hot(x.data, num_classes), shape, tuple(range(len(shape))), "int")


@row("topk")
def topk(k: Target, x: Value, count: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> list[Value]:  # noqa: A002
    if dim % x.rank != x.rank - 1 or not largest:
        raise NoRowError("topk of another axis than the last, or of the smallest")
    x = in_order(k.ops, x)
    shape = (*x.shape[:-1], count)
    values, places = k.unpacked(k.ops.top_k(x.data, count), 2)
    axes = tuple(range(x.rank))
    return [Value(values, shape, axes, x.dtype), Value(places, shape, axes, "int")]
