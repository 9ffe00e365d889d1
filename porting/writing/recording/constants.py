"""Arrays that no input reaches, spelled as an author would: a number, a range, a sum of ranges, a triangle, a list."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.writing.functions.arranging.repeating import _repeated_along
from porting.writing.functions.creation import _filled
from porting.writing.functions.row import Target
from porting.writing.functions.sizing import places
from porting.writing.values.axes import Value, in_order

if TYPE_CHECKING:
    import numpy as np
    import torch

SPELLED_ELEMENTS = 64
SPELLED_OF_COMPUTED = 8
KINDS = {"float": None, "int": "int32", "bool": "bool"}


def kind_of(dtype: "torch.dtype") -> str:
    """What kind of number a torch type is; of complex numbers, what kind either part is."""
    import torch

    return "bool" if dtype == torch.bool else "float" if dtype.is_floating_point or dtype.is_complex else "int"


def without_samples(
    array: "torch.Tensor", shape: Sequence[int], is_batch: Callable[[int], bool]
) -> "torch.Tensor | None":
    """One sample's part of an array of a few that is the same for all; None where it is not."""
    for axis, size in enumerate(shape):
        if is_batch(size):
            if not (array == array.narrow(axis, 0, 1)).all():
                return None
            array = array.narrow(axis, 0, 1)
    return array


def is_uniform(array: "torch.Tensor") -> bool:
    """Whether all elements are the same number."""
    return bool(array.numel()) and bool((array == array.flatten()[0]).all())


def without_repeats(array: "torch.Tensor", axes: Sequence[int]) -> "torch.Tensor":
    """The array with length one along those of some axes along which nothing changes."""
    for axis in axes:
        first = array.narrow(axis, 0, 1)
        if array.shape[axis] != 1 and (array == first).all():
            array = first
    return array


def spelled(k: Target, array: "torch.Tensor", shape: tuple[int, ...], most: int = SPELLED_ELEMENTS) -> Value | None:
    """An array of a few samples as an author would write it for all; None where it would not be read.

    As a list of `most` elements at most.
    """
    one = without_samples(array, shape, k.is_batch)
    if one is None:
        return None
    kind = kind_of(array.dtype)
    if tuple(one.shape) != shape and (like := _like_anchor(k, one, shape, kind)):
        return like
    value = _one_sample(k, one, kind, most)
    if value is None or tuple(one.shape) == shape:
        return value
    value = in_order(k.ops, value)
    return _repeated_along(k, value, shape)


def following(k: Target, array: "torch.Tensor", other: "torch.Tensor", shape: tuple[int, ...]) -> Value | None:
    """An array that follows the inputs' sizes, given for two of them: a number, or places along one axis."""
    kind = kind_of(array.dtype)
    parts = [without_samples(each, shape, k.is_batch) for each in (array, other)]
    if any(part is None or not part.numel() for part in parts):
        return None
    one, beside = (part for part in parts if part is not None)
    if is_uniform(one) and is_uniform(beside) and one.flatten()[0] == beside.flatten()[0]:
        like = _like_anchor(k, one, shape, kind)
        return like or _filled(k, shape, _plain(one.flatten()[0].numpy(), kind), kind)
    wide = [axis for axis, size in enumerate(shape) if not k.is_batch(size) and size != 1]
    if len(wide) != 1 or kind != "int":
        return None
    longest = max(one.flatten(), beside.flatten(), key=len)
    if len(longest) == 1:
        return None
    first, step = int(one.flatten()[0]), int(longest[1] - longest[0])
    for part in (one.flatten(), beside.flatten()):
        if (part != part.new_tensor(range(len(part))) * step + first).any():
            return None
    data = places(k, shape[wide[0]])
    data = data * step if step != 1 else data
    value = Value(data + first if first else data, one_sample(shape, k), tuple(wide), kind)
    return _repeated_along(k, value, shape) if value.shape != shape else value


def one_sample(shape: tuple[int, ...], k: Target) -> tuple[int, ...]:
    """A shape of one sample."""
    return tuple(1 if k.is_batch(size) else size for size in shape)


def _like_anchor(k: Target, one: "torch.Tensor", shape: tuple[int, ...], kind: str) -> Value | None:
    """One number in the shape of something at hand."""
    anchor = next((a for a in k.anchors if a.shape == shape and a.dtype == kind), None)
    if anchor is None or not is_uniform(one):
        return None
    number = _plain(one.flatten()[0].numpy(), kind)
    known = {0: k.ops.zeros_like, 1: k.ops.ones_like}.get(number)
    return anchor.with_data(known(anchor.data) if known else k.ops.full_like(anchor.data, number))


def _one_sample(k: Target, array: "torch.Tensor", kind: str, most: int) -> Value | None:
    shape = tuple(map(int, array.shape))
    if not array.numel():
        return None
    wide = tuple(axis for axis, size in enumerate(shape) if size != 1)
    numbers: Any = array.detach().reshape([shape[axis] for axis in wide]).numpy()
    listed = partial(_listed, most=most)
    for spell in (_number, _range, _triangle, listed, _sum_of_ranges, _distances, _bordered, _across, _runs):
        data = spell(k, numbers, kind)
        if data is not None:
            return Value(data, shape, wide, kind)
    return None


def _named(k: Target, kind: str) -> Any:
    return KINDS[kind] or k.floatx


def _number(k: Target, array: "np.ndarray", kind: str) -> Any:
    first = array.reshape(-1)[0]
    return k.ops.full(array.shape, _plain(first, kind), dtype=_named(k, kind)) if (array == first).all() else None


def _plain(number: Any, kind: str) -> Any:
    if kind != "float":
        return number.item()
    return float(number)


def _range(k: Target, array: "np.ndarray", kind: str) -> Any:
    """Whole numbers at equal distances."""
    if array.ndim != 1 or kind == "bool" or (array != array.round()).any():
        return None
    steps = array[1:] - array[:-1]
    if (steps != steps[0]).any():
        return None
    start, step = int(array[0]), int(steps[0])
    stop = start + step * len(array)
    limits = (stop,) if (start, step) == (0, 1) else (start, stop) if step == 1 else (start, stop, step)
    return k.ops.arange(*limits, dtype=_named(k, kind))


def _triangle(k: Target, array: "np.ndarray", kind: str) -> Any:
    """What lies below a diagonal, or above one."""
    import numpy as np

    if array.ndim != 2 or kind != "bool":
        return None
    ones = np.ones_like(array)
    for name in ("tril", "triu"):
        for diagonal in (0, 1, -1):
            if (getattr(np, name)(ones, diagonal) == array).all():
                made = k.ops.ones(array.shape, dtype="bool")
                return getattr(k.ops, name)(made, diagonal) if diagonal else getattr(k.ops, name)(made)
    return None


def _listed(k: Target, array: "np.ndarray", kind: str, most: int) -> Any:
    if array.size > most:
        return None
    numbers = [_plain(number, kind) for number in array.reshape(-1)]
    for size in reversed(array.shape[1:]):
        numbers = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    return k.ops.array(numbers, dtype=_named(k, kind))


def _sum_of_ranges(k: Target, array: "np.ndarray", kind: str) -> Any:
    """A sum of places along the axes of a grid, each times a step: relative positions."""
    if kind != "int":
        return None
    grid = _grid(array.reshape(-1))
    if grid is None or len(grid[0]) > 8:
        return None
    sizes, steps, start = grid
    whole = (tuple(sizes), tuple(steps), *((start,) if start else ()))
    data = _range(k, array.reshape(-1), kind) if len(sizes) == 1 else k.own("grid_sum")(*whole)
    return data if tuple(sizes) == array.shape else k.ops.reshape(data, array.shape)


def _grid(flat: "np.ndarray") -> tuple[list[int], list[int], int] | None:
    """Sizes and steps, the slowest first, and what stands at the first place."""
    start, sizes, steps = int(flat[0]), [], []
    while len(flat) > 1:
        step = int(flat[1] - flat[0])
        differs = (flat[1:] - flat[:-1] != step).nonzero()[0]
        size = int(differs[0]) + 1 if len(differs) else len(flat)
        if len(flat) % size:
            return None
        block = flat.reshape(-1, size)
        if (block - block[:, :1] != block[0] - block[0, 0]).any():
            return None
        sizes.insert(0, size)
        steps.insert(0, step)
        flat = block[:, 0]
    return sizes, steps, start


def _distances(k: Target, array: "np.ndarray", kind: str) -> Any:
    """Distances between the places of two grids, the rows and the columns each times a step."""
    if kind != "int" or array.ndim != 2:
        return None
    count, others = array.shape
    sizes = ((count // w, w, others // v, v) for w in _divisors(count) for v in _divisors(others))
    return next((k.own("distances")(*found) for grids in sizes if (found := _distances_on(array, *grids))), None)


def _divisors(number: int) -> list[int]:
    """The numbers above one that divide another one, itself left out."""
    return [size for size in range(2, number // 2 + 1) if number % size == 0]


def _distances_on(array: "np.ndarray", rows: int, columns: int, height: int, width: int) -> tuple[Any, ...] | None:
    """Both grids and the steps, and the strides where they are not one; None where it is something else."""
    import numpy as np

    steps = int(array[0, width]), int(array[0, 1])
    if min(steps) < 1 or array[columns, 0] % steps[0] or array[1, 0] % steps[1]:
        return None
    strides = int(array[columns, 0]) // steps[0], int(array[1, 0]) // steps[1]
    query, key = np.arange(rows * columns)[:, None], np.arange(height * width)
    apart = (
        abs(strides[0] * (query // columns) - key // width),
        abs(strides[1] * (query % columns) - key % width),
    )
    if (steps[0] * apart[0] + steps[1] * apart[1] != array).any():
        return None
    return ((rows, columns), (height, width), steps, *((strides,) if strides != (1, 1) else ()))


def _bordered(k: Target, array: "np.ndarray", kind: str) -> Any:
    """A table that follows a rule but for its first row and its first column, which say one number each."""
    if kind != "int" or array.ndim != 2 or min(array.shape) < 3:
        return None
    (corner, row, column), inner = (int(array[at]) for at in ((0, 0), (0, 1), (1, 0))), array[1:, 1:]
    if (array[0, 1:] != row).any() or (array[1:, 0] != column).any():
        return None
    data = _sum_of_ranges(k, inner, kind)
    data = _distances(k, inner, kind) if data is None else data
    return None if data is None else k.own("bordered")(data, corner, row, column)


def _along(k: Target, array: "np.ndarray", kind: str) -> Any:
    """Numbers along one axis: a range, or few that repeat."""
    said = _range(k, array, kind)
    return _runs(k, array, kind) if said is None else said


def _across(k: Target, array: "np.ndarray", kind: str) -> Any:
    """Along several axes a sum of what is said along each."""
    if kind == "bool" or array.ndim < 2:
        return None
    first = array[(0,) * array.ndim]
    profiles = [
        array[tuple(slice(None) if at == axis else 0 for at in range(array.ndim))] for axis in range(array.ndim)
    ]
    sides = [
        (profile - first).reshape([-1 if at == axis else 1 for at in range(array.ndim)])
        for axis, profile in enumerate(profiles)
    ]
    if (first + sum(sides) != array).any():
        return None
    changing = [axis for axis, side in enumerate(sides) if side.any()]
    shown: Any = None
    for axis in changing:
        said = _along(k, profiles[axis] - (0 if shown is None else first), kind)
        if said is None:
            return None
        behind = array.ndim - axis - 1
        said = said[(slice(None), *(None,) * behind)] if behind else said
        shown = said if shown is None else shown + said
    return shown if len(changing) == array.ndim else k.ops.broadcast_to(shown, array.shape)


def _runs(k: Target, array: "np.ndarray", kind: str) -> Any:
    """Few numbers, each repeated, along one axis."""
    import numpy as np

    if kind == "bool" or array.ndim != 1:
        return None
    edges = np.concatenate([[0], np.nonzero(array[1:] != array[:-1])[0] + 1, [len(array)]])
    if len(edges) > 17:
        return None
    numbers = [_plain(array[at], kind) for at in edges[:-1]]
    repeats = [int(size) for size in np.diff(edges)]
    if set(repeats) == {1}:
        return k.ops.array(numbers, dtype=_named(k, kind))
    return k.ops.repeat(k.ops.array(numbers, dtype=_named(k, kind)), k.ops.array(repeats), axis=0)
