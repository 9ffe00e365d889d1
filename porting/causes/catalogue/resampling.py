"""Resizing, padding, pooling and reducing otherwise."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument, on_first


def resized(call: FunctionCall) -> Replacements:
    """Every other way to come to the same size."""
    size = list(call.result.shape[2:])
    smooth = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    modes: list[tuple[str, dict[str, Any]]] = [
        ("repeats points (nearest)", {"mode": "nearest"}),
        (f"{smooth} without aligned corners", {"mode": smooth, "align_corners": False}),
        (f"{smooth} with aligned corners", {"mode": smooth, "align_corners": True}),
        ("averages areas", {"mode": "area"}),
    ]
    if len(size) == 2:
        modes += [
            (f"bicubic{' with aligned corners' * on}", {"mode": "bicubic", "align_corners": on}) for on in (False, True)
        ]
    for name, how in modes:
        yield name, on_first(partial(_interpolate, size=size, how=how))


def _interpolate(tensor: Tensor, size: list[int], how: Mapping[str, Any]) -> Tensor:
    return functional.interpolate(tensor, size=size, **how)


_PAD_MODES = {
    "constant": "zeros",
    "reflect": "the reflected neighbours",
    "replicate": "the end point",
    "circular": "the other end",
}


def padded(call: FunctionCall) -> Replacements:
    """Every filling, at every end."""
    bound = call.bound("input", "pad", "mode", "value")
    pads = list(bound["pad"])
    ends = [(pads[at], pads[at + 1]) for at in range(0, len(pads), 2)]
    placements = {
        "at both ends": pads,
        "all at the end": [count for before, after in ends for count in (0, before + after)],
        "all at the beginning": [count for before, after in ends for count in (before + after, 0)],
    }
    for where, amounts in placements.items():
        for mode, what in _PAD_MODES.items():
            yield f"{what} {where}", on_first(partial(functional.pad, pad=amounts, mode=mode))


def pooled(call: FunctionCall) -> Replacements:
    """The other pooling, and every way to pad it."""
    rank = call.result.ndim - 2
    if rank not in (1, 2, 3):
        return
    bound = {"stride": None, "padding": 0, **call.bound("input", "kernel_size", "stride", "padding")}
    kernel, stride = bound["kernel_size"], bound["stride"] or bound["kernel_size"]
    pads = bound["padding"]
    amounts = [pads] * rank if isinstance(pads, int) else list(pads)
    even = [amount for amount in reversed(amounts) for _ in range(2)]
    late = [count for amount in reversed(amounts) for count in (0, 2 * amount)]
    greatest, mean = (getattr(functional, f"{kind}_pool{rank}d") for kind in ("max", "avg"))
    yield "the greatest value where the reference averages", on_first(lambda t: greatest(t, kernel, stride, pads))
    for counted in (True, False):
        words = "counting" if counted else "without counting"
        yield (
            f"the mean {words} the padding",
            on_first(lambda t, counted=counted: mean(t, kernel, stride, pads, count_include_pad=counted)),
        )
    for name, by in (("at both ends", even), ("all at the end", late)):
        yield (
            f"the greatest value, padded with zeros {name}",
            on_first(lambda t, by=by: greatest(functional.pad(t, by), kernel, stride)),
        )
        yield (
            f"the mean, padded with zeros {name}",
            on_first(lambda t, by=by: mean(functional.pad(t, by), kernel, stride)),
        )
    lowest = float("-inf")
    yield (
        "the greatest value, padded all at the end",
        on_first(lambda t: greatest(functional.pad(t, late, value=lowest), kernel, stride)),
    )


def reduced(call: FunctionCall) -> Replacements:
    """Every other figure of the same axes, and the mean of others."""
    bound = call.bound("input", "dim", "keepdim")
    source = first_argument(call.arguments, call.keywords)
    axes = tuple(range(2, source.ndim)) if call.name.startswith("adaptive") else bound.get("dim")
    shape = call.result.shape
    for name, step in {"mean": torch.mean, "amax": torch.amax, "sum": torch.sum}.items():
        yield (
            f"{name} where the reference has {call.name}",
            on_first(lambda t, step=step: step(t, dim=axes).reshape(shape)),
        )
    for axis in range(1, source.ndim):
        yield f"over axis {axis}", on_first(lambda t, axis=axis: t.mean(dim=axis).reshape(shape))
