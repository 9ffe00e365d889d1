"""The functions of torch that are layers where they are called with a model's own tensors: ``F.linear(x, weight)``."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CONVOLUTION = "input weight bias=None stride=1 padding=0 dilation=1 groups=1"
_TRANSPOSED = "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function that is a layer.

    Attributes
    ----------
    kind : str
        The ``torch.nn.Module`` that does the same.
    signature : str
        Its arguments with their defaults.
    weights : tuple of str
        Which of them are tensors of the layer, by the names that the module has for them.
    """

    kind: str
    signature: str
    weights: tuple[str, ...] = ("weight", "bias")

    def bind(self, arguments: tuple, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by its name."""
        names, defaults = _parse(self.signature)
        return {**defaults, **dict(zip(names, arguments, strict=False)), **keywords}


def _parse(signature: str) -> tuple[list[str], dict[str, Any]]:
    words = [word.partition("=") for word in signature.split()]
    literals = {"None": None, "False": False, "True": True}
    defaults = {
        name: literals[value] if value in literals else float(value) if set(value) & set(".e") else int(value)
        for name, is_default, value in words
        if is_default
    }
    return [name for name, *_ in words], defaults


FUNCTIONS: Mapping[str, FunctionRow] = {
    "linear": FunctionRow("Linear", "input weight bias=None"),
    **{f"conv{rank}d": FunctionRow(f"Conv{rank}d", _CONVOLUTION) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": FunctionRow(f"ConvTranspose{rank}d", _TRANSPOSED) for rank in (1, 2, 3)},
    "batch_norm": FunctionRow(
        "BatchNorm{rank}d",
        "input running_mean running_var weight=None bias=None training=False momentum=0.1 eps=1e-05",
        ("running_mean", "running_var", "weight", "bias"),
    ),
    "layer_norm": FunctionRow("LayerNorm", "input normalized_shape weight=None bias=None eps=1e-05"),
    "group_norm": FunctionRow("GroupNorm", "input num_groups weight=None bias=None eps=1e-05"),
    "embedding": FunctionRow(
        "Embedding",
        "input weight padding_idx=None max_norm=None norm_type=2.0 scale_grad_by_freq=False sparse=False",
        ("weight",),
    ),
    "prelu": FunctionRow("PReLU", "input weight", ("weight",)),
}
"""Function's name -> what it is; ``{rank}`` stands for the number of spatial axes of its input."""

_PER_AXIS = ("stride", "padding", "dilation", "output_padding")
_TRAINING = ("training",)


def settings_of(row: FunctionRow, bound: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the module of the same kind would have."""
    settings = {name: value for name, value in bound.items() if name not in (*row.weights, *_TRAINING, "input")}
    if row.kind == "BatchNorm{rank}d":
        settings["track_running_stats"] = not bound["training"]
    if row.kind == "Embedding":
        settings |= dict(zip(("num_embeddings", "embedding_dim"), map(int, bound["weight"].shape), strict=True))
    if "conv" in row.kind.lower():
        taps = bound["weight"].ndim - 2
        settings |= {name: _per_axis(settings[name], taps) for name in _PER_AXIS if name in settings}
        settings |= {"kernel_size": tuple(bound["weight"].shape[2:]), "padding_mode": "zeros"}
        settings["in_channels"] = bound["input"].shape[1] if bound["input"].ndim > taps + 1 else bound["input"].shape[0]
    return settings


def _per_axis(value: Any, count: int) -> Any:
    if isinstance(value, str):
        return value
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values * count if len(values) == 1 else values


def kind_of(row: FunctionRow, bound: Mapping[str, Any]) -> str:
    """The kind with its number of spatial axes."""
    return row.kind.format(rank=max(bound["input"].ndim - 2, 1))


def called_name(function: Callable[..., Any]) -> str:
    """A function's own name: ``_max_pool2d`` and ``max_pool2d_`` are ``max_pool2d``."""
    return getattr(function, "__name__", "").strip("_")


RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""Functions that drop between the layers of a stack: once less than there are layers."""

_ARGUMENTS = {
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "p", "is_causal"),
    "multi_head_attention_forward": (*("",) * 10, "p"),
    **dict.fromkeys(RECURRENT, ("input", "", "", "", "layers", "p", "training")),
}
"""What the arguments of a function that draws are called by their places; others' are (input, p, training)."""


def named_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a function that draws, by what they are called."""
    named = dict(zip(_ARGUMENTS.get(name, ("input", "p", "training")), args, strict=False)) | dict(kwargs)
    return named | {"p": named.get("p", named.get("dropout_p", 0.0 if name in _ARGUMENTS else 0.5))}


def acts_on(name: str, arguments: Mapping[str, Any]) -> Any:
    """The tensor that a function drops values of."""
    if name != "scaled_dot_product_attention":
        return arguments.get("input")
    query, key, mask = arguments["query"], arguments["key"], arguments.get("attn_mask")
    if arguments.get("enable_gqa"):
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scale = arguments.get("scale")
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if arguments.get("is_causal"):
        mask = scores.new_ones(scores.shape[-2:]).bool().tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if not mask.is_floating_point() else scores + mask
    return scores.softmax(-1)
