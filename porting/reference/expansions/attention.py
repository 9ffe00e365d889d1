"""MultiheadAttention as the layers that it is made of: query, key and value, each a Linear, and the projection behind.

What lies between them (heads, scale, masks, softmax) is written in plain steps, as what lies between any two layers.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.plans.parts import part_name
from porting.reference.abouts import About, below

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]
"""Runs a layer on its input, records it, and returns what it is to return."""

_PROJECTIONS = ("query", "key", "value")


def abouts(path: str, module: "torch.nn.Module", own: Mapping[str, str]) -> tuple[About, ...]:
    """The three projections; the fourth is a module of its own."""
    return tuple(_about(path, module, own, number) for number in range(3))


def _about(path: str, module: Any, own: Mapping[str, str], number: int) -> About:
    word, size = _PROJECTIONS[number], module.embed_dim
    if "in_proj_weight" in own:
        weights = {"weight": part_name(own["in_proj_weight"], 0, number * size, (number + 1) * size)}
    else:
        weights = {"weight": own[f"{word[0]}_proj_weight"]}
    if "in_proj_bias" in own:
        weights["bias"] = part_name(own["in_proj_bias"], 0, number * size, (number + 1) * size)
    sizes = {"query": module.embed_dim, "key": module.kdim, "value": module.vdim}
    return About(below(path, word), "Linear", weights, {"in_features": sizes[word], "out_features": size})


def forward(parts: tuple[About, ...], module: Any, record: Record) -> Callable[..., Any]:
    """What the module computes, layer by layer; same arguments, same results up to rounding."""
    import torch

    def attend(
        query: "torch.Tensor",
        key: "torch.Tensor",
        value: "torch.Tensor",
        key_padding_mask: "torch.Tensor | None" = None,
        need_weights: bool = True,
        attn_mask: "torch.Tensor | None" = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple["torch.Tensor", "torch.Tensor | None"]:
        _check(parts[0], module)
        is_single = query.dim() == 2
        given = [_samples_first(tensor, module, is_single) for tensor in (query, key, value)]
        projected = [
            record(about, tensor, lambda fed, number=number: _project(module, fed, number))
            for number, (about, tensor) in enumerate(zip(parts, given, strict=True))
        ]
        heads = [_with_zeros(tensor, module, number) for number, tensor in enumerate(map(_split(module), projected))]
        mask = _mask(heads[0], heads[1], key_padding_mask, attn_mask, is_single)
        weights = _shares(heads[0], heads[1], mask)
        dropped = torch.nn.functional.dropout(weights, module.dropout, module.training)
        joined = (dropped @ heads[2]).transpose(1, 2).flatten(2)
        output = _as_given(module.out_proj(joined), module, is_single)
        shown = weights.mean(1) if average_attn_weights else weights
        return output, (shown[0] if is_single else shown) if need_weights else None

    return attend


def alone(parts: tuple[About, ...], module: Any) -> dict[str, Callable[..., Any]]:
    """Name of each projection -> what it computes by itself."""
    return {part.name: partial(_project, module, number=number) for number, part in enumerate(parts)}


def _check(about: About, module: Any) -> None:
    if module.bias_k is not None:
        path = about.name.rpartition(".")[0] or "the model"
        raise PairError(
            f"{path} (MultiheadAttention) has add_bias_kv=True: Keras' attention layers attend to no learned key and "
            "value.\nGive the pair a port with a layer of its own and rules=(LayerRule(...),), or build it without."
        )


def _samples_first(tensor: "torch.Tensor", module: Any, is_single: bool) -> "torch.Tensor":
    """(sample, position, feature), whatever the module's order."""
    if is_single:
        return tensor[None]
    return tensor if module.batch_first else tensor.transpose(0, 1)


def _as_given(tensor: "torch.Tensor", module: Any, is_single: bool) -> "torch.Tensor":
    if is_single:
        return tensor[0]
    return tensor if module.batch_first else tensor.transpose(0, 1)


def _project(module: Any, fed: "torch.Tensor", number: int) -> "torch.Tensor":
    import torch

    rows = slice(number * module.embed_dim, (number + 1) * module.embed_dim)
    separate = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    weight = separate[number] if module.in_proj_weight is None else module.in_proj_weight[rows]
    bias = None if module.in_proj_bias is None else module.in_proj_bias[rows]
    return torch.nn.functional.linear(fed, weight, bias)


def _split(module: Any) -> Callable[["torch.Tensor"], "torch.Tensor"]:
    """(sample, position, head x depth) -> (sample, head, position, depth)."""
    return lambda tensor: tensor.unflatten(-1, (module.num_heads, -1)).transpose(1, 2)


def _with_zeros(tensor: "torch.Tensor", module: Any, number: int) -> "torch.Tensor":
    """Keys and values with one of zeros behind them, where the module adds it."""
    if not (module.add_zero_attn and number):
        return tensor
    import torch

    return torch.cat([tensor, torch.zeros_like(tensor[:, :, :1])], dim=2)


def _mask(
    query: "torch.Tensor",
    key: "torch.Tensor",
    of_keys: "torch.Tensor | None",
    of_pairs: "torch.Tensor | None",
    is_single: bool,
) -> "torch.Tensor | None":
    """Both masks as one that is added to the scores: (sample, head, query, key), some of them of length 1."""
    total = None
    if of_keys is not None:
        keys = _added(of_keys[None] if is_single else of_keys, query)
        total = keys[:, None, None, :]
    if of_pairs is not None:
        pairs = _added(of_pairs, query)
        pairs = pairs.unflatten(0, (len(query), -1)) if pairs.dim() == 3 else pairs
        total = pairs if total is None else total + pairs
    missing = 0 if total is None else key.shape[2] - total.shape[-1]
    if total is None or not missing:
        return total
    import torch

    return torch.nn.functional.pad(total, (0, missing))


def _added(mask: "torch.Tensor", like: "torch.Tensor") -> "torch.Tensor":
    """A mask of booleans, true where nothing is seen, as what is added to scores."""
    import torch

    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -math.inf)


def _shares(query: "torch.Tensor", key: "torch.Tensor", mask: "torch.Tensor | None") -> "torch.Tensor":
    """How much of each value each query takes: (sample, head, query, key)."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return (scores if mask is None else scores + mask).softmax(-1)
