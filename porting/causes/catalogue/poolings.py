"""Pooling and reducing otherwise."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument, on_first

Pool = Callable[..., Tensor]


def _per_axis(value: Any, rank: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * rank if len(values) == 1 else values


def _bound_pool(call: FunctionCall) -> dict[str, Any]:
    """A pooling's window by names, an entry for each axis."""
    rank, names = call.result.ndim - 2, ["input", "kernel_size", "stride", "padding"]
    names += ["ceil_mode", "count_include_pad"] if call.name.startswith("avg") else ["dilation", "ceil_mode"]
    bound = {"stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True, **call.bound(*names)}
    kernel = _per_axis(bound["kernel_size"], rank)
    stride = _per_axis(bound["stride"] or kernel, rank)
    return {**bound, "kernel_size": kernel, "stride": stride, "padding": _per_axis(bound["padding"], rank)}


def pooled(call: FunctionCall) -> Replacements:
    """The other pooling, and every way to pad it."""
    rank = call.result.ndim - 2
    if rank not in (1, 2, 3):
        return
    bound = _bound_pool(call)
    kernel, stride, pads = bound["kernel_size"], bound["stride"], bound["padding"]
    even = [amount for amount in reversed(pads) for _ in range(2)]
    late = [count for amount in reversed(pads) for count in (0, 2 * amount)]
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
    own = greatest if call.name.startswith("max") else mean
    rounded = not bound["ceil_mode"]
    yield (
        f"windows that {'overhang the end are counted' if rounded else 'overhang the end are left out'}",
        on_first(lambda t: own(t, kernel, stride, pads, ceil_mode=rounded)),
    )
    yield from _same(call, own, kernel, stride)


def _same(call: FunctionCall, own: Pool, kernel: Sequence[int], stride: Sequence[int]) -> Replacements:
    """As padding="same" pads: at the end first, and averages without what it pads."""
    lengths = first_argument(call.arguments, call.keywords).shape[2:]
    by: list[int] = []
    for length, size, step in zip(lengths, kernel, stride, strict=True):
        missing = max((ceil(length / step) - 1) * step + size - length, 0)
        by = [missing // 2, missing - missing // 2, *by]
    if own.__name__.strip("_").startswith("max") or "max" in call.name:
        padded = partial(functional.pad, pad=by, value=float("-inf"))
        yield 'padding="same"', on_first(lambda t: own(padded(t), kernel, stride))
    else:
        yield 'padding="same"', on_first(lambda t: _mean_of_present(t, own, by, kernel, stride))


def _mean_of_present(tensor: Tensor, mean: Pool, by: list[int], kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    count = mean(functional.pad(torch.ones_like(tensor), by), kernel, stride)
    return mean(functional.pad(tensor, by), kernel, stride) / count


def pool_remedy(call: FunctionCall) -> str:
    """The pooling that the reference has, in numbers."""
    bound, is_greatest = _bound_pool(call), call.name.startswith("max")
    layer = f"{'MaxPooling' if is_greatest else 'AveragePooling'}{call.result.ndim - 2}D"
    words = f"{layer}({bound['kernel_size']}, strides={bound['stride']})"
    if any(bound["padding"]):
        filled = "minus infinity" if is_greatest else "zeros"
        words = f"pad {bound['padding']} points with {filled} at either end, then {words}"
        if not is_greatest and not bound["count_include_pad"]:
            words += ", and divide by the share of each window that is no padding"
    if bound["ceil_mode"]:
        words += ", with the last window that overhangs the end: pad what it lacks there, which does not count"
    return words


_REDUCTIONS = {"mean": torch.mean, "amax": torch.amax, "sum": torch.sum, "logsumexp": torch.logsumexp}
_OTHER_REDUCTIONS = {"std": partial(torch.std, correction=0), "var": partial(torch.var, correction=0)}


def reduced(call: FunctionCall) -> Replacements:
    """Every other figure of the same axes, and the mean of others; an end of the axis alone."""
    source = first_argument(call.arguments, call.keywords)
    shape = call.result.shape
    axes = _reduced_axes(call)
    if axes is not None:
        for name, step in (_REDUCTIONS | _OTHER_REDUCTIONS).items():
            yield (
                f"{name} where the reference has {call.name}",
                on_first(lambda t, step=step: step(t, dim=axes).reshape(shape)),
            )
        for axis in axes if isinstance(axes, tuple) and len(axes) == 1 else ():
            for at, words in ((0, "first"), (-1, "last")):
                yield (
                    f"the {words} of axis {axis} where the reference has {call.name}",
                    on_first(lambda t, axis=axis, at=at: t.select(axis, at).reshape(shape)),
                )
    else:
        yield from _adaptive(call)
    ends = {"max": torch.amax, "min": torch.amin, "amax": torch.amax, "amin": torch.amin}
    own, is_kept = (ends | _REDUCTIONS).get(call.name, torch.mean), call.result.ndim == source.ndim
    for axis in range(1, source.ndim):
        if axes != (axis,):
            yield f"over axis {axis}", on_first(partial(_over, own, axis, is_kept, shape))


def _over(step: Pool, axis: int, is_kept: bool, shape: Sequence[int], tensor: Tensor) -> Tensor:
    """An axis reduced, which is kept with length 1 or not, as the reference has it."""
    made = step(tensor, dim=axis, keepdim=is_kept)
    return made if is_kept else made.reshape(shape)


def reduced_with_places(call: FunctionCall) -> Replacements:
    """The same of ``max(dim)`` and ``min(dim)``, which return where they found it, too."""
    values = getattr(call.result, "values", None)
    if not isinstance(values, Tensor):
        return
    alone = replace(call, result=values)
    for detail, instead in reduced(alone):
        yield detail, partial(_with_places, instead)


def _with_places(instead: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    places = function(*arguments, **keywords).indices
    return torch.return_types.max((instead(function, arguments, keywords), places))


def _reduced_axes(call: FunctionCall) -> tuple[int, ...] | None:
    """The axes that are reduced to one value each; None where a pooling leaves several."""
    source = first_argument(call.arguments, call.keywords)
    if call.name.startswith("adaptive"):
        return tuple(range(2, source.ndim)) if set(call.result.shape[2:]) == {1} else None
    axes = call.bound("input", "dim", "keepdim").get("dim")
    axes = tuple(range(source.ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    return tuple(axis % source.ndim for axis in axes)


def _adaptive(call: FunctionCall) -> Replacements:
    """Windows of one size, as Keras' poolings have them, where torch's differ by a point; the other figure."""
    source, rank = first_argument(call.arguments, call.keywords), call.result.ndim - 2
    sizes = list(zip(source.shape[2:], call.result.shape[2:], strict=True))
    pools = {kind: getattr(functional, f"{kind}_pool{rank}d") for kind in ("avg", "max")}
    own = "max" if "max" in call.name else "avg"
    for kind, pool in pools.items():
        if kind != own:
            other = getattr(functional, f"adaptive_{kind}_pool{rank}d")
            yield (
                f"{'the greatest value' if kind == 'max' else 'the mean'} of the same windows",
                on_first(lambda t, other=other: other(t, call.result.shape[2:])),
            )
        for kernel, stride, words in _windows(sizes):
            yield (
                f"windows of {kernel} points at strides of {stride}{words} ({kind})",
                on_first(partial(_cut_pool, pool, kernel, stride, call.result.shape[2:])),
            )
    for mode in ("nearest", "area", *({2: ("bilinear",), 1: ("linear",)}.get(rank, ()))):
        yield (
            f"resized ({mode})",
            on_first(lambda t, mode=mode: functional.interpolate(t, call.result.shape[2:], mode=mode)),
        )


def _windows(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[list[int], list[int], str]]:
    floor = [length // count for length, count in sizes]
    roof = [ceil(length / count) for length, count in sizes]
    fitting = [length - (count - 1) * step for (length, count), step in zip(sizes, floor, strict=True)]
    yield floor, floor, ""
    yield roof, floor, ""
    yield fitting, floor, ""
    yield roof, roof, ", padded at the end"


def _cut_pool(pool: Pool, kernel: list[int], stride: list[int], size: Sequence[int], tensor: Tensor) -> Tensor:
    pooled_ = pool(tensor, kernel, stride, ceil_mode=True)
    return pooled_[(slice(None), slice(None), *(slice(0, length) for length in size))]


def reduction_remedy(call: FunctionCall) -> str:
    """What the reference reduces, and how."""
    source = first_argument(call.arguments, call.keywords)
    what = {"sum": "sum", "logsumexp": "logarithm of the sum of exponentials", "min": "minimum"}.get(call.name, "mean")
    axes, what = _reduced_axes(call), "maximum" if "max" in call.name else what
    if call.name.startswith("adaptive") and axes is not None:
        return f"Global{'Max' if what == 'maximum' else 'Average'}Pooling{source.ndim - 2}D"
    if axes is None:
        length, count = source.shape[2], call.result.shape[2]
        return (
            f"window i of {count} over a length of {length} is the {what} of the points floor(i {length}/{count}) to "
            f"ceil((i + 1) {length}/{count}) - 1: AdaptiveAveragePooling where Keras has it, else a layer of your own"
        )
    return f"take the {what} over axis {', '.join(map(str, axes))} of {tuple(source.shape[1:])} with samples as axis 0"
