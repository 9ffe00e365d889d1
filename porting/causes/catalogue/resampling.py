"""Resizing and padding otherwise."""

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
    modes.append(("repeats points (nearest to the centres)", {"mode": "nearest-exact"}))
    for name, how in modes:
        yield name, on_first(partial(_interpolate, size=size, how=how))
    yield from _by_weights(call, size)


def _by_weights(call: FunctionCall, size: list[int]) -> Replacements:
    """What torch has no mode for: another cubic, ends cut off, points that are not centred."""
    for coefficient in (-0.5, -0.75):
        for ends in ("repeated", "left out"):
            if len(size) == 2 and (coefficient, ends) != (-0.75, "repeated"):
                kernel = partial(_cubic, coefficient)
                yield (
                    f"bicubic with the coefficient {coefficient:g}, points beyond the ends {ends}",
                    on_first(partial(_weighted, size=size, kernel=kernel, reach=2, ends=ends, centred=True)),
                )
    yield (
        "linear between points that are not centred (no half pixel)",
        on_first(partial(_weighted, size=size, kernel=_hat, reach=1, ends="repeated", centred=False)),
    )


def _hat(apart: Tensor) -> Tensor:
    return (1 - apart.abs()).clamp(min=0)


def _cubic(coefficient: float, apart: Tensor) -> Tensor:
    """Keys' cubic: ``(a + 2) x^3 - (a + 3) x^2 + 1`` up to 1, ``a x^3 - 5 a x^2 + 8 a x - 4 a`` up to 2."""
    x, a = apart.abs(), coefficient
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def _weighted(tensor: Tensor, size: list[int], kernel: Any, reach: int, ends: str, centred: bool) -> Tensor:
    """Resize axis by axis with a matrix of weights."""
    for axis, length in enumerate(size, start=2):
        weights = _weights(tensor.shape[axis], length, kernel, reach, ends, centred).to(tensor.dtype)
        tensor = (tensor.movedim(axis, -1) @ weights.mT).movedim(-1, axis)
    return tensor


def _weights(before: int, after: int, kernel: Any, reach: int, ends: str, centred: bool) -> Tensor:
    """The weight of each point before in each one after: (after, before)."""
    half = 0.5 if centred else 0.0
    at = (torch.arange(after, dtype=torch.float64) + half) * before / after - half
    weights = torch.zeros(after, before, dtype=torch.float64)
    for step in range(1 - reach, reach + 1):
        point = at.floor() + step
        share, index = kernel(at - point), point.clamp(0, before - 1).long()
        share = share if ends == "repeated" else torch.where((point >= 0) & (point < before), share, 0.0)
        weights.scatter_add_(1, index[:, None], share[:, None])
    return weights if ends == "repeated" else weights / weights.sum(dim=1, keepdim=True)


def resize_remedy(call: FunctionCall) -> str:
    """How the reference resizes, and which layer of Keras does."""
    bound = {"mode": "nearest", "align_corners": None}
    bound |= call.bound("input", "size", "scale_factor", "mode", "align_corners")
    source, mode = first_argument(call.arguments, call.keywords), bound["mode"]
    before, after = list(source.shape[2:]), list(call.result.shape[2:])
    factors = tuple(end // start for start, end in zip(before, after, strict=True))
    whole = all(end == factor * start for start, end, factor in zip(before, after, factors, strict=True))
    if mode == "nearest" and whole:
        return f"UpSampling{len(before)}D({factors})"
    if bound["align_corners"]:
        return (
            f"interpolate ({mode}) with aligned corners, {before} to {after}: point i of n at i (m - 1) / (n - 1) of m"
        )
    if mode == "bilinear" and whole:
        return f"UpSampling2D({factors}, interpolation='bilinear')"
    if mode == "bicubic":
        return (
            f"interpolate {before} to {after} with Keys' cubic of the coefficient -0.75, the ends repeated, in "
            "a layer of your own: Keras' has -0.5"
        )
    return (
        f"interpolate ({mode}) {before} to {after} in a layer of your own: point i of n at (i + 0.5) m / n - 0.5 of m, "
        "the ends repeated"
    )


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
        "half at either end": [half for before, after in ends for half in _halves(before + after)],
        "all at the end": [count for before, after in ends for count in (0, before + after)],
        "all at the beginning": [count for before, after in ends for count in (before + after, 0)],
    }
    for where, amounts in placements.items():
        for mode, what in _PAD_MODES.items():
            yield f"{what} {where}", on_first(partial(functional.pad, pad=amounts, mode=mode))


def _halves(count: int) -> tuple[int, int]:
    """As Keras has them, the larger one at the end."""
    return count // 2, count - count // 2


def padding_remedy(call: FunctionCall) -> str:
    """Which points the reference puts where."""
    bound = {"mode": "constant", "value": 0, **call.bound("input", "pad", "mode", "value")}
    pads = list(bound["pad"])
    ends = tuple((pads[at], pads[at + 1]) for at in range(len(pads) - 2, -1, -2))
    filling = "zeros" if not bound["value"] else f"{bound['value']:g}"
    what = {**_PAD_MODES, "constant": filling}[bound["mode"]]
    how = {"reflect": ", mode='reflect' of ops.pad", "constant": " (ZeroPadding)" if what == "zeros" else ""}
    return f"pad {ends} points (before, after) of the last axes with {what}{how.get(bound['mode'], '')}"
