"""Attention as a function."""

import math
from typing import Any

from porting.writing.functions.activations import softmax
from porting.writing.functions.arranging.repeating import repeat_interleave
from porting.writing.functions.arranging.shapes import unsqueeze
from porting.writing.functions.pointwise import add, combined
from porting.writing.functions.products import matmul
from porting.writing.functions.row import Target, row
from porting.writing.functions.sizing import places
from porting.writing.values.axes import Value, arranged, in_order, permuted, plain, settled
from porting.writing.values.sizes import is_free


@row("scaled_dot_product_attention")
def attention(
    k: Target,
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """Keras' own where there are heads; its causal mask lies as torch's where there are as many keys as queries.

    Of values of another width than the queries it says a wrong shape, by which functional models reshape what follows.
    """
    is_headed = query.rank == 4 and query.shape[0] == key.shape[0] == value.shape[0]
    is_headed = is_headed and (enable_gqa or key.shape[1] in (query.shape[1], 1)) and key.shape[1] == value.shape[1]
    is_headed = is_headed and value.shape[-1] == query.shape[-1]
    if not is_headed or (is_causal and query.shape[-2] != key.shape[-2]) or query.shape[-1] == 0:
        if enable_gqa and key.shape[1] != query.shape[1]:
            key, value = (repeat_interleave(k, tensor, query.shape[1] // tensor.shape[1], 1) for tensor in (key, value))
        return _attention_in_steps(k, query, key, value, attn_mask, is_causal, scale, dropout_p)
    held = [arranged(k.ops, tensor, (0, 2, 1, 3)) for tensor in (query, key, value)]
    if query.shape[1] != key.shape[1]:
        times = query.shape[1] // key.shape[1]
        held[1:] = [repeat_interleave(k, tensor, times, 1) for tensor in held[1:]]
    settings: dict[str, Any] = {"is_causal": True} if is_causal else {}
    if attn_mask is not None:
        settings["mask" if attn_mask.dtype == "bool" else "bias"] = _four_axes(k, attn_mask).data
    if dropout_p:
        settings["rate"] = dropout_p
    if scale is not None and not math.isclose(scale, query.shape[-1] ** -0.5, rel_tol=1e-9):
        settings["scale"] = scale
    attend = k.own("attention") if dropout_p else k.ops.dot_product_attention
    data = attend(*(tensor.data for tensor in held), **settings)
    return Value(data, (*query.shape[:-1], value.shape[-1]), (0, 2, 1, 3))


def _causal(k: Target, query: Value, key: Value) -> Value:
    """Which keys stand at a query's place or before it."""
    square = (query.shape[-2], key.shape[-2])
    if not any(map(is_free, square)):
        return plain(k.ops.tril(k.ops.ones(square, dtype="bool")), square, "bool")
    rows, columns = (places(k, size, value) for size, value in zip(square, (query, key), strict=True))
    return plain(rows[:, None] >= columns, square, "bool")


def _four_axes(k: Target, mask: Value) -> Value:
    """Sample, head, query, key: all of them, as Keras' attention asks for."""
    for _ in range(4 - mask.rank):
        mask = unsqueeze(k, mask, 0)
    return in_order(k.ops, mask)


def _attention_in_steps(
    k: Target,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None,
    is_causal: bool,
    scale: float | None,
    rate: float,
) -> Value:
    if is_causal:
        mask = _causal(k, query, key)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    order = (*range(key.rank - 2), key.rank - 1, key.rank - 2)
    scaled = settled(query).with_data(settled(query).data * factor)
    scores = matmul(k, scaled, permuted(key, order))
    if mask is not None and mask.dtype == "bool":
        scores = combined(k, k.ops.where, [mask, scores, float("-inf")], "float")
    elif mask is not None:
        scores = add(k, scores, mask)
    weights = softmax(k, scores, -1)
    if rate:
        weights = weights.with_data(k.layers.Dropout(rate)(weights.data))
    return matmul(k, weights, value)
