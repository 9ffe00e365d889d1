"""Attention that is one layer."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import unsqueeze
from porting.writing.functions.pointwise import combined
from porting.writing.functions.reductions import reduced
from porting.writing.functions.row import Target
from porting.writing.layers.row import changed, layer_row
from porting.writing.values.axes import Value, arranged
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
    samples_first = (0, 1, 2) if batch_first else (1, 0, 2)
    order = (*samples_first,)
    same = key is value
    query, key = arranged(k.ops, query, order), arranged(k.ops, key, order)
    value = key if same else arranged(k.ops, value, order)
    width = query.shape[-1]
    settings = changed(dropout=(dropout, 0.0), use_bias=(any(weight.rank == 1 for weight in weights), True))
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
