"""Attention that is one layer."""

import math
from collections.abc import Sequence
from typing import Any

from porting.writing.functions.activations import softmax
from porting.writing.functions.arranging.shapes import flatten, unflatten, unsqueeze
from porting.writing.functions.pointwise import add, combined
from porting.writing.functions.products import matmul
from porting.writing.functions.reductions import reduced
from porting.writing.functions.row import Target
from porting.writing.layers.row import changed, layer_row
from porting.writing.values.axes import Value, arranged, permuted
from porting.writing.values.expressions import name_of


@layer_row("multi_head_attention", "MultiheadAttention")
def multi_head_attention(
    k: Target,
    name: str,
    query: Value,
    key: Value,
    value: Value,
    key_padding_mask: Value | None,
    attn_mask: Value | None,
    weights: Sequence[Value],
    heads: int,
    dropout: float,
    batch_first: bool,
    average: bool,
) -> list[Value]:
    order = (0, 1, 2) if batch_first else (1, 0, 2)
    same = key is value
    masks = [mask for mask in (attn_mask, key_padding_mask) if mask is not None]
    biased, width = any(weight.rank == 1 for weight in weights), query.shape[-1]
    if any(mask.dtype != "bool" for mask in masks) or (biased and width == heads > 1):
        turned = [permuted(tensor, order) for tensor in (query, key, value)]
        return _in_steps(k, name, turned, key_padding_mask, attn_mask, biased, heads, dropout, batch_first, average)
    query, key = arranged(k.ops, query, order), arranged(k.ops, key, order)
    value = key if same else arranged(k.ops, value, order)
    settings = changed(dropout=(dropout, 0.0), use_bias=(biased, True))
    layer = k.layers.MultiHeadAttention(heads, width // heads, **settings, name=name_of(name))
    given: dict[str, Any] = {} if same else {"key": key.data}
    if (mask := _mask(k, key_padding_mask, attn_mask)) is not None:
        given["attention_mask"] = mask
    if 1 in k.used:
        given["return_attention_scores"] = True
    made = layer(query.data, value.data, **given)
    data, scores = k.unpacked(made, 2) if 1 in k.used else (made, None)
    output = Value(data, query.shape, order)
    return [output, _shares(k, scores, query, key, heads, batch_first, average)] if 1 in k.used else [output]


def _in_steps(
    k: Target,
    name: str,
    given: Sequence[Value],
    key_padding_mask: Value | None,
    attn_mask: Value | None,
    biased: bool,
    heads: int,
    dropout: float,
    batch_first: bool,
    average: bool,
) -> list[Value]:
    """By layers of one matrix each: Keras' layer adds no mask, and adds biases of one feature a head along other axes.

    (On its tensorflow backend, where as many points as heads are seen.)
    """
    width = given[0].shape[-1]
    query, key, value = (
        _in_heads(k, _projected(k, f"{name}.{part}", tensor, width, biased), heads)
        for part, tensor in zip(("query", "key", "value"), given, strict=True)
    )
    scores = matmul(k, query, permuted(key, (0, 1, 3, 2)))
    if width > heads:
        scores = scores.with_data(scores.data / math.sqrt(width // heads))
    if key_padding_mask is not None:
        scores = _masked(k, scores, unsqueeze(k, unsqueeze(k, key_padding_mask, 1), 1))
    if attn_mask is not None:
        scores = _masked(k, scores, attn_mask)
    shares = softmax(k, scores, -1)
    shares = shares.with_data(k.kept(shares.data))
    kept = shares.with_data(k.layers.Dropout(dropout)(shares.data)) if dropout else shares
    attended = matmul(k, kept, value)
    attended = attended.with_data(k.kept(attended.data))
    joined = flatten(k, permuted(attended, (0, 2, 1, 3)), 2)
    output = _projected(k, f"{name}.out_proj", joined, width, biased)
    output = output if batch_first else permuted(output, (1, 0, 2))
    return [output, reduced(k, k.ops.mean, shares, 1, False) if average else shares]


def _projected(k: Target, name: str, x: Value, width: int, biased: bool) -> Value:
    x = arranged(k.ops, x, (0, 1, 2))
    layer = k.layers.Dense(width, **changed(use_bias=(biased, True)), name=name_of(name))
    return Value(k.kept(layer(x.data)), (*x.shape[:2], width), x.axes)


def _in_heads(k: Target, x: Value, heads: int) -> Value:
    return permuted(unflatten(k, x, -1, (heads, -1)), (0, 2, 1, 3))


def _masked(k: Target, scores: Value, mask: Value) -> Value:
    if mask.dtype == "bool":
        return combined(k, k.ops.where, [mask, float("-inf"), scores], "float")
    return add(k, scores, mask)


def _mask(k: Target, key_padding_mask: Value | None, attn_mask: Value | None) -> Any:
    """Torch says which keys are left out, Keras which are seen."""
    seen = []
    if attn_mask is not None:
        seen.append(attn_mask)
    if key_padding_mask is not None:
        seen.append(unsqueeze(k, key_padding_mask, 1))
    if not seen:
        return None
    hidden = seen[0] if len(seen) == 1 else combined(k, k.ops.logical_or, seen, "bool")
    hidden = arranged(k.ops, hidden, range(hidden.rank))
    return k.ops.logical_not(hidden.data)


def _shares(k: Target, scores: Any, query: Value, key: Value, heads: int, batch_first: bool, average: bool) -> Value:
    samples, points = (0, 1) if batch_first else (1, 0)
    shape = (query.shape[samples], heads, query.shape[points], key.shape[points])
    shares = Value(scores, shape, (0, 1, 2, 3))
    return reduced(k, k.ops.mean, shares, 1, False) if average else shares
