"""Tensors that are cut: one tensor of a model that is several layers' has a name for each part, in numpy's notation.

``attn.in_proj_weight[8:16]`` are the rows from 8 up to 16; ``c_attn.weight[:, 8:16]`` the columns; ``qkv.weight[4:8 of
12]`` the rows from 4 up to 8 of every 12, as where query, key and value of each head lie together.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

_PART = re.compile(r"\[((?::, )*)(\d+):(\d+)(?: of (\d+))?\]")
"""Anything else in brackets is a name's own."""


class Place(NamedTuple):
    """Where a part lies in its tensor: along which axis, from where to where, of every how many (0: of all)."""

    axis: int
    start: int
    stop: int
    period: int = 0

    def view(self, tensor: Any, axis: int | None = None) -> Any:
        """The part as a view, with an axis more where it is of every so many; along another axis if one is given."""
        along = (self.axis if axis is None else axis) % tensor.ndim
        if self.period:
            shape = tuple(tensor.shape)
            tensor = tensor.reshape(*shape[:along], shape[along] // self.period, self.period, *shape[along + 1 :])
            along += 1
        return tensor[(*(slice(None),) * along, slice(self.start, self.stop))]

    def cut(self, tensor: Any, axis: int | None = None) -> Any:
        """The part, with as many axes as its tensor."""
        found, along = self.view(tensor, axis), (self.axis if axis is None else axis) % tensor.ndim
        return found.reshape(*tensor.shape[:along], -1, *tensor.shape[along + 1 :]) if self.period else found


def part_name(whole: str, axis: int, start: int, stop: int, period: int = 0) -> str:
    """The name of a part of a tensor.

    Examples
    --------
    >>> part_name("c_attn.weight", 1, 8, 16)
    'c_attn.weight[:, 8:16]'
    >>> part_name("qkv.weight", 0, 4, 8, period=12)
    'qkv.weight[4:8 of 12]'
    """
    return f"{whole}[{':, ' * axis}{start}:{stop}{f' of {period}' if period else ''}]"


def whole_name(name: str) -> str:
    """The name of the tensor that a part belongs to; a whole one's own."""
    found = _PART.search(name)
    return name[: found.start()] if found else name


def place_of(name: str) -> Place | None:
    """Where a part lies in its tensor; None for a whole one. A layer's part may have a word of its own behind."""
    found = _PART.search(name)
    return Place(found[1].count(":"), int(found[2]), int(found[3]), int(found[4] or 0)) if found else None


def part(tensors: Mapping[str, Any], name: str) -> Any:
    """A tensor, or the part of one, by its name."""
    place = place_of(name)
    return place.cut(tensors[whole_name(name)]) if place else tensors[name]


def view_of(tensors: Mapping[str, Any], name: str) -> Any:
    """A tensor, or the part of one, to write to: a part may have an axis more."""
    place = place_of(name)
    return place.view(tensors[whole_name(name)]) if place else tensors[name]


def divided(tensors: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Tensors under the names of their parts, as far as there are such tensors."""
    return {name: part(tensors, name) for name in names if whole_name(name) in tensors}


def divided_shapes(shapes: Mapping[str, tuple[int, ...]], names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Shapes, with those of the parts that are named in the place of those of their tensors."""
    found: dict[str, tuple[int, ...]] = {}
    parts = {name: place for name in dict.fromkeys(names) if (place := place_of(name))}
    for whole, shape in shapes.items():
        own = {name: place for name, place in parts.items() if whole_name(name) == whole}
        nothing = np.broadcast_to(np.zeros(()), shape)
        found |= {name: place.cut(nothing).shape for name, place in own.items()} or {whole: shape}
    return found


def joined(named: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Whole tensors of the parts that come, each when the last of its parts is there; whole ones as they come."""
    waiting: dict[str, dict[Place, np.ndarray]] = {}
    for name, array in named:
        if not (place := place_of(name)):
            yield name, array
            continue
        waiting.setdefault(whole_name(name), {})[place] = array
    for whole, parts in waiting.items():
        yield whole, _put_together(parts)


def _put_together(parts: Mapping[Place, np.ndarray]) -> np.ndarray:
    ordered = sorted(parts, key=lambda place: place.start)
    whole = np.concatenate([parts[place] for place in ordered], axis=ordered[0].axis)
    for place in ordered if ordered[0].period else ():
        view = place.view(whole)
        view[...] = parts[place].reshape(view.shape)
    return whole
