"""How the axes of a layer's tensors are called where the port has them as variables of a layer of its own."""

import math
from collections.abc import Mapping, Sequence

AXES: Mapping[str, Mapping[str, str]] = {
    "Linear": {"weight": "unit feature", "bias": "unit"},
    "Conv1D": {"weight": "feature unit", "bias": "unit"},
    "Conv1d": {"weight": "filter channel tap", "bias": "filter"},
    "Conv2d": {"weight": "filter channel row column", "bias": "filter"},
    "Conv3d": {"weight": "filter channel plane row column", "bias": "filter"},
    "ConvTranspose1d": {"weight": "channel filter tap", "bias": "filter"},
    "ConvTranspose2d": {"weight": "channel filter row column", "bias": "filter"},
    "ConvTranspose3d": {"weight": "channel filter plane row column", "bias": "filter"},
    "LayerNorm": {"weight": "feature", "bias": "feature"},
    "GroupNorm": {"weight": "channel", "bias": "channel"},
    "RMSNorm": {"weight": "feature"},
}
"""Type of a layer of torch that may be opened -> the axes of its tensors."""

OPENED = "opened"
"""The setting that has what the axes of an opened layer's tensor are called."""

LIES = "lies"
"""The setting that says whether the port's variables lie as torch has them; as Keras does where it is not there."""

_KERAS = {
    "unit feature": "feature unit",
    "filter channel tap": "tap channel filter",
    "filter channel row column": "row column channel filter",
    "filter channel plane row column": "plane row column channel filter",
    "channel filter tap": "tap filter channel",
    "channel filter row column": "row column filter channel",
    "channel filter plane row column": "plane row column filter channel",
}


def lies_either_way(shape: Sequence[int]) -> bool:
    """Whether the sizes of a tensor do not tell in which order a variable has its axes."""
    return len(shape) > 1 and shape[0] == shape[1]


def opened_pattern(axes: str, shape: Sequence[int], port_shape: Sequence[int], lies: str) -> str:
    """The axis pattern of an opened tensor and a variable, of which each axis may be several; empty where none fits.

    Examples
    --------
    >>> opened_pattern("unit feature", (8, 6), (6, 2, 4), "keras")
    '(unit_0=2 unit_1=4) feature -> feature unit_0 unit_1'
    """
    lengths = dict(zip(axes.split(), shape, strict=True))
    orders = [_KERAS.get(axes, axes), axes]
    for order in reversed(orders) if lies == "torch" else orders:
        if parts := _parts(order.split(), lengths, list(port_shape)):
            left = (f"({' '.join(parts[name])})" if len(parts[name]) > 1 else parts[name][0] for name in axes.split())
            right = (word.partition("=")[0] for name in order.split() for word in parts[name])
            return f"{' '.join(left)} -> {' '.join(right)}"
    return ""


def _parts(order: Sequence[str], lengths: Mapping[str, int], port_shape: list[int]) -> dict[str, list[str]]:
    """Axis -> the axes of the variable that it is, taken in their order; nothing where they do not fit."""
    parts: dict[str, list[str]] = {}
    for name in order:
        own: list[int] = []
        while (
            port_shape
            and math.prod(own) * port_shape[0] <= lengths[name]
            and (not own or math.prod(own) < lengths[name])
        ):
            own.append(port_shape.pop(0))
        if math.prod(own) != lengths[name] or not own:
            return {}
        parts[name] = [name] if len(own) == 1 else [f"{name}_{at}={length}" for at, length in enumerate(own)]
    return {} if port_shape else parts
