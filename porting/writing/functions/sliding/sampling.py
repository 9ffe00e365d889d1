"""Sampling at computed places, and patches put together to images."""

from collections.abc import Sequence
from math import prod

from porting.writing.functions.arranging.shapes import reshape
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.sliding.windows import counts_of, pad
from porting.writing.values.axes import Value, channels_last, in_order, permuted

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


@row("grid_sampler_2d", "grid_sampler")
def grid_sample(k: Target, x: Value, grid: Value, mode: int, padding: int, align_corners: bool) -> Value:
    if x.rank != 4 or mode > 1 or padding > 1:
        raise NoRowError(
            f"grid_sample of {x.rank - 2} axes, mode={MODES[mode]!r}, padding_mode={PADDINGS[padding]!r}: written are "
            "images, bilinear or nearest, with zeros or border"
        )
    x, grid = channels_last(k.ops, x), in_order(k.ops, grid)
    said = {"nearest": mode == 1, "border": padding == 1, "align_corners": align_corners}
    data = k.own("grid_sample")(x.data, grid.data, **{name: True for name, is_said in said.items() if is_said})
    return Value(data, (*x.shape[:2], *grid.shape[1:3]), (0, 2, 3, 1))


@row("col2im")
def fold(
    k: Target,
    x: Value,
    size: Sequence[int],
    kernel_size: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Value:
    """Patches, each a column, put where they were cut out; those that overlap are added."""
    if set(dilation) != {1}:
        raise NoRowError("fold with dilation")
    whole = [length + 2 * pad for length, pad in zip(size, padding, strict=True)]
    counts = counts_of(whole, kernel_size, stride, dilation)
    channels = x.shape[1] // prod(kernel_size)
    if (
        list(kernel_size) == list(stride)
        and not any(padding)
        and list(size) == [n * s for n, s in zip(counts, stride, strict=True)]
    ):
        return _beside(k, x, channels, kernel_size, counts)
    x = in_order(k.ops, permuted(reshape(k, x, (x.shape[0], channels, *kernel_size, *counts)), (0, 4, 5, 1, 3, 2)))
    for axis in (0, 1):
        x = x.with_data(k.own("overlap_add")(x.data, axis + 1, stride[axis]))
    made = [(n - 1) * s + w for n, s, w in zip(counts, stride, kernel_size, strict=True)]
    x = Value(x.data, (x.shape[0], channels, *made), (0, 2, 3, 1))
    behind = [length + before - have for length, before, have in zip(size, padding, made, strict=True)]
    return pad(k, x, [-padding[1], behind[1], -padding[0], behind[0]])


def _beside(k: Target, x: Value, channels: int, size: Sequence[int], counts: Sequence[int]) -> Value:
    """Patches that do not overlap."""
    x = reshape(k, x, (x.shape[0], channels, *size, *counts))
    x = permuted(x, (0, 1, 4, 2, 5, 3))
    return reshape(k, x, (x.shape[0], channels, counts[0] * size[0], counts[1] * size[1]))
