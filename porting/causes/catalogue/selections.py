"""Another step taken, positions that begin elsewhere, pixels shuffled in another order."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument, on_first


def _indices(call: FunctionCall) -> tuple[Any, ...]:
    """What an indexing takes of each axis."""
    index = call.arguments[1] if len(call.arguments) > 1 else ()
    return index if isinstance(index, tuple) else (index,)


def _taken(index: tuple[Any, ...], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return function(arguments[0], index)


def another_step(call: FunctionCall) -> Replacements:
    """Another one of an axis' steps: the first, the last, the next one; or their mean, or greatest."""
    if call.name == "select":
        bound = call.bound("input", "dim", "index")
        index: tuple[Any, ...] = (*[slice(None)] * (bound["dim"] % bound["input"].ndim), bound["index"])
    else:
        index = _indices(call)
    source = first_argument(call.arguments, call.keywords)
    if not isinstance(source, Tensor) or any(not isinstance(item, (int, slice)) for item in index):
        return
    for axis, item in enumerate(index):
        if isinstance(item, bool) or not isinstance(item, int) or (axis == 0 and source.ndim < 3):
            continue
        own, length = item % source.shape[axis], source.shape[axis]
        for other, words in (
            (0, "the first"),
            (length - 1, "the last"),
            (own + 1, "the next"),
            (own - 1, "the one before"),
        ):
            if other != own and 0 <= other < length:
                yield f"{words} of axis {axis} where the reference takes [{item}]", partial(_step, index, axis, other)
        for words, reduce in (("mean", torch.mean), ("greatest", torch.amax)):
            yield (
                f"the {words} over axis {axis} where the reference takes [{item}]",
                partial(_reduced, index, axis, reduce),
            )


def _step(index: tuple[Any, ...], axis: int, other: int, function: Any, arguments: tuple, keywords: Any) -> Tensor:
    source = first_argument(arguments, keywords)
    return source[(*index[:axis], other, *index[axis + 1 :])]


def _reduced(index: tuple[Any, ...], axis: int, reduce: Any, function: Any, arguments: tuple, keywords: Any) -> Tensor:
    source = first_argument(arguments, keywords)
    whole = source[(*index[:axis], slice(None), *index[axis + 1 :])]
    return reduce(whole, dim=axis - sum(isinstance(item, int) for item in index[:axis]))


def step_remedy(call: FunctionCall) -> str:
    """Which step the reference takes."""
    if call.name == "select":
        bound = call.bound("input", "dim", "index")
        return f"take [{bound['index']}] of the reference's axis {bound['dim']}"
    written = ", ".join(str(item) if isinstance(item, int) else _written(item) for item in _indices(call))
    return f"take [{written}], in the reference's order of axes"


def _written(item: Any) -> str:
    if not isinstance(item, slice):
        return "..."
    first, last = ("" if end is None else str(end) for end in (item.start, item.stop))
    return f"{first}:{last}"


def moved_positions(call: FunctionCall) -> Replacements:
    """Positions that begin one or two later or earlier: numbered, or cut out of a longer table."""
    if call.name == "arange":
        for step in (1, -1, 2, -2):
            yield (
                f"positions from {step:+d}",
                lambda function, arguments, keywords, step=step: function(*arguments, **keywords) + step,
            )
        return
    index, source = _indices(call), first_argument(call.arguments, call.keywords)
    if not isinstance(source, Tensor):
        return
    for axis, item in enumerate(index):
        if isinstance(item, slice) and item.step in (None, 1) and (item.start, item.stop) != (None, None):
            if any(not isinstance(other, (int, slice)) for other in index[: axis + 1]) or axis >= source.ndim:
                continue
            start, stop, _ = item.indices(source.shape[axis])
            for step in (1, -1, 2, -2):
                if start + step >= 0 and stop + step <= source.shape[axis]:
                    other = (*index[:axis], slice(start + step, stop + step), *index[axis + 1 :])
                    yield (
                        f"[{start + step}:{stop + step}] where the reference takes [{start}:{stop}]",
                        partial(_taken, other),
                    )


def position_remedy(call: FunctionCall) -> str:
    """Where the reference's positions begin."""
    if call.name == "arange":
        first = float(call.result.flatten()[0]) if call.result.numel() else 0
        return f"number the positions from {first:g}, as the reference does"
    return f"cut out what the reference does: [{', '.join(map(_written, _indices(call)))}] in its order of axes"


def shuffled_otherwise(call: FunctionCall) -> Replacements:
    """Channels as TensorFlow's ``depth_to_space`` has them, or rows and columns exchanged."""
    source, factor = first_argument(call.arguments, call.keywords), _factor(call)
    if call.name == "pixel_unshuffle":
        channels = source.shape[1]
        yield "channels innermost, as space_to_depth has them", partial(_behind, partial(_exchanged, channels))
        return
    channels = source.shape[1] // factor**2
    yield (
        "channels innermost, as depth_to_space takes them",
        lambda function, arguments, keywords: function(_exchanged(factor**2, arguments[0]), *arguments[1:], **keywords),
    )
    yield (
        "rows and columns of each block exchanged",
        on_first(lambda tensor: torch.pixel_shuffle(_turned(tensor, channels, factor), factor)),
    )


def _factor(call: FunctionCall) -> int:
    bound = call.bound("input", "upscale_factor")
    return bound["upscale_factor"] if "upscale_factor" in bound else bound["downscale_factor"]


def _behind(step: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return step(function(*arguments, **keywords))


def _exchanged(outer: int, tensor: Tensor) -> Tensor:
    """The channels read as (outer, inner) and written as (inner, outer)."""
    split = tensor.reshape(len(tensor), outer, -1, *tensor.shape[2:])
    return split.transpose(1, 2).reshape(tensor.shape)


def _turned(tensor: Tensor, channels: int, factor: int) -> Tensor:
    split = tensor.reshape(len(tensor), channels, factor, factor, *tensor.shape[2:])
    return split.transpose(2, 3).reshape(tensor.shape)


def shuffle_remedy(call: FunctionCall) -> str:
    """The layers that shuffle as torch does."""
    _, channels, rows, columns = call.result.shape
    factor = _factor(call)
    if call.name == "pixel_unshuffle":
        inner = channels // factor**2
        return (
            f"Reshape(({rows}, {factor}, {columns}, {factor}, {inner})), Permute((1, 3, 5, 2, 4)), "
            f"Reshape(({rows}, {columns}, {channels}))"
        )
    rows, columns = rows // factor, columns // factor
    return (
        f"Reshape(({rows}, {columns}, {channels}, {factor}, {factor})), Permute((1, 4, 2, 5, 3)), "
        f"Reshape(({rows * factor}, {columns * factor}, {channels}))"
    )
