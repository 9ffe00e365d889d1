"""Tensors that are cut: one tensor of a model that is several layers' has a name for each part, in numpy's notation.

``attn.in_proj_weight[8:16]`` are the rows from 8 up to 16; ``c_attn.weight[:, 8:16]`` the columns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

_PART = re.compile(r"\[(\d*:\d*(?:, \d*:\d*)*)\]")
"""Anything else in brackets is a name's own."""


def part_name(whole: str, axis: int, start: int, stop: int) -> str:
    """The name of a part of a tensor.

    Examples
    --------
    >>> part_name("c_attn.weight", 1, 8, 16)
    'c_attn.weight[:, 8:16]'
    """
    return f"{whole}[{':, ' * axis}{start}:{stop}]"


def whole_name(name: str) -> str:
    """The name of the tensor that a part belongs to; a whole one's own."""
    found = _PART.search(name)
    return name[: found.start()] if found else name


def slices_of(name: str) -> tuple[slice, ...]:
    """Where a part lies in its tensor; nothing for a whole one. A layer's part may have a word of its own behind."""
    found = _PART.search(name)
    ends = [place.split(":") for place in found[1].split(", ")] if found else []
    return tuple(slice(*(int(end) if end else None for end in pair)) for pair in ends)


def part(tensors: Mapping[str, Any], name: str) -> Any:
    """A tensor, or the part of one, by its name."""
    slices = slices_of(name)
    return tensors[whole_name(name)][slices] if slices else tensors[name]


def divided(tensors: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Tensors under the names of their parts, as far as there are such tensors."""
    return {name: part(tensors, name) for name in names if whole_name(name) in tensors}


def divided_shapes(shapes: Mapping[str, tuple[int, ...]], names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Shapes, with those of the parts that are named in the place of those of their tensors."""
    found: dict[str, tuple[int, ...]] = {}
    parts = [name for name in dict.fromkeys(names) if slices_of(name)]
    for whole, shape in shapes.items():
        own = [name for name in parts if whole_name(name) == whole]
        found |= {name: np.empty(shape, np.bool_)[slices_of(name)].shape for name in own} or {whole: shape}
    return found


def joined(named: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Whole tensors of the parts that come, each when the last of its parts is there; whole ones as they come."""
    waiting: dict[str, dict[str, np.ndarray]] = {}
    for name, array in named:
        if not slices_of(name):
            yield name, array
            continue
        waiting.setdefault(whole_name(name), {})[name] = array
    for whole, parts in waiting.items():
        yield whole, _put_together(parts)


def _put_together(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    places = {name: slices_of(name) for name in parts}
    axis = len(next(iter(places.values()))) - 1
    ordered = sorted(parts, key=lambda name: places[name][-1].start)
    return np.concatenate([parts[name] for name in ordered], axis=axis)
