"""A function between two layers as the reference called it, and what the port may run in its place.

Everything is in the reference's axis order: (sample, channel, spatial axes) or (sample, feature).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Step = Callable[[Tensor], Tensor]

ACTIVATIONS: Mapping[str, Step] = {
    "relu": functional.relu,
    "leaky_relu with slope 0.01": partial(functional.leaky_relu, negative_slope=0.01),
    "leaky_relu with slope 0.2": partial(functional.leaky_relu, negative_slope=0.2),
    "leaky_relu with slope 0.3 (Keras' default)": partial(functional.leaky_relu, negative_slope=0.3),
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "exact gelu": functional.gelu,
    "gelu by tanh (approximate)": partial(functional.gelu, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "hard_tanh": functional.hardtanh,
    "log_sigmoid": functional.logsigmoid,
    "softmax over the last axis": partial(torch.softmax, dim=-1),
}
"""What Keras and torch both have, by the names that reports use."""

POSITIVE: Mapping[str, Step] = {
    "exponential": torch.exp,
    "softplus": functional.softplus,
    "elu + 1": lambda tensor: functional.elu(tensor) + 1,
    "sigmoid": torch.sigmoid,
    "square": torch.square,
}
"""What makes positive numbers of any."""

EPSILONS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of torch as the reference called it between two layers.

    Attributes
    ----------
    name : str
    function : callable
    arguments : tuple
    keywords : Mapping
    result : Tensor
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple
    keywords: Mapping[str, Any]
    result: Tensor

    def bound(self, *names: str) -> dict[str, Any]:
        """Its arguments by their names."""
        return {**dict(zip(names, self.arguments, strict=False)), **self.keywords}


Replacement = Callable[[Callable[..., Any], tuple, Mapping[str, Any]], Any]
"""(function, arguments, keywords) -> what the port is supposed to compute in its place."""

Replacements = Iterator[tuple[str, Replacement]]


def on_first(step: Step) -> Replacement:
    """Apply a step to the function's first argument, in the place of the function."""
    return lambda function, arguments, keywords: step(first_argument(arguments, keywords))


def first_argument(arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    """The argument that comes first, however it was given."""
    return arguments[0] if arguments else next(iter(keywords.values()))


_KERAS_ACTIVATIONS: Mapping[str, str] = {
    "relu": "ReLU()",
    "relu6": "ReLU(6.0)",
    "selu": 'Activation("selu")',
    "silu": 'Activation("silu")',
    "mish": 'Activation("mish")',
    "softplus": 'Activation("softplus")',
    "softsign": 'Activation("softsign")',
    "tanh": 'Activation("tanh")',
    "sigmoid": 'Activation("sigmoid")',
    "hardtanh": 'Activation("hard_tanh")',
    "hardsigmoid": 'Activation("hard_sigmoid")',
    "hardswish": 'Activation("hard_silu")',
    "logsigmoid": 'Activation("log_sigmoid")',
    "exp": 'Activation("exponential")',
}


def activation_in_keras(call: FunctionCall) -> str:
    """The layer or function of Keras that is a call of torch's, with its slope and its approximation."""
    written = _WRITTEN.get(call.name)
    return written(call) if written else _KERAS_ACTIVATIONS.get(call.name, call.name)


def _leaky(call: FunctionCall) -> str:
    slope = call.bound("input", "negative_slope").get("negative_slope", 0.01)
    if call.name == "rrelu":
        bound = {"lower": 1 / 8, "upper": 1 / 3, **call.bound("input", "lower", "upper")}
        slope = (bound["lower"] + bound["upper"]) / 2
    return f"LeakyReLU(negative_slope={slope:.9g})"


def _elu(call: FunctionCall) -> str:
    alpha = call.bound("input", "alpha").get("alpha", 1.0)
    return f"ELU(alpha={alpha:g})" if call.name == "elu" else f"keras.activations.celu(x, alpha={alpha:g})"


def _gelu(call: FunctionCall) -> str:
    return f"keras.activations.gelu(x, approximate={call.bound('input').get('approximate', 'none') == 'tanh'})"


def _softmax(call: FunctionCall) -> str:
    axis = call.bound("input", "dim").get("dim")
    if not isinstance(axis, int):
        return f"{call.name} over the reference's axis"
    lengths = ", ".join(map(str, ("samples", *call.result.shape[1:])))
    length = "the samples" if axis % call.result.ndim == 0 else f"{call.result.shape[axis]}"
    return f"ops.{call.name}(x, axis={axis}): over {length}, in the reference's axes ({lengths})"


def _clip(call: FunctionCall) -> str:
    bound = call.bound("input", "min", "max")
    return f"keras.ops.clip(x, {bound.get('min')}, {bound.get('max')})"


_WRITTEN: Mapping[str, Callable[[FunctionCall], str]] = {
    "leaky_relu": _leaky,
    "rrelu": _leaky,
    "elu": _elu,
    "celu": _elu,
    "gelu": _gelu,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "clamp": _clip,
}
