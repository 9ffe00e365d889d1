"""Dense layers, tables of vectors, and activations with weights."""

from typing import Any

from porting.writing.functions.pointwise import add
from porting.writing.functions.row import Target
from porting.writing.graph.marks import TRANSPOSED_LINEAR
from porting.writing.layers.row import changed, layer_row, with_last
from porting.writing.values.axes import Value, arranged, settled, whole
from porting.writing.values.expressions import name_of


@layer_row("linear", "Linear")
def dense(k: Target, name: str, x: Value, weight: Value, bias: Value | None = None) -> Value:
    if bias is not None and bias.data is not None:
        return add(k, dense(k, name, x, weight), bias)
    x = with_last(k.ops, x, -1)
    settings = changed(use_bias=(bias is not None, True))
    data = k.layers.Dense(weight.shape[0], **settings, name=name_of(name))(x.data)
    return Value(data, (*x.shape[:-1], weight.shape[0]), x.axes)


@layer_row("transposed_linear", TRANSPOSED_LINEAR)
def transposed_dense(k: Target, name: str, x: Value, weight: Value, bias: Value) -> Value:
    x = with_last(k.ops, x, -1)
    data = k.layers.Dense(weight.shape[1], name=name_of(name))(x.data)
    return Value(data, (*x.shape[:-1], weight.shape[1]), x.axes)


@layer_row("embedding", "Embedding EmbeddingBag")
def embedding(k: Target, name: str, weight: Value, indices: Value, *_: Any) -> Value:
    indices = arranged(k.ops, indices, whole(settled(indices)))
    data = k.layers.Embedding(*weight.shape, name=name_of(name))(indices.data)
    return Value(data, (*indices.shape, weight.shape[1]), (*indices.axes, indices.rank))


@layer_row("prelu", "PReLU")
def prelu(k: Target, name: str, x: Value, weight: Value) -> Value:
    x = with_last(k.ops, x, 1) if x.rank > 1 else x
    shared = tuple(range(1, len(x.axes) - (weight.shape[0] != 1)))
    settings = {"shared_axes": shared} if shared else {}
    return Value(k.layers.PReLU(**settings, name=name_of(name))(x.data), x.shape, x.axes)
