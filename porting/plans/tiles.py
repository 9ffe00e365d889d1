"""Copies of one sample, changed in some: what a model's inputs and layers give in a search for what reaches what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Tiles:
    """Copies of a sample along an axis of samples, changed in some; the sample itself where there is no such axis."""

    sample: np.ndarray
    axis: int | None
    size: int
    number: int = 0
    rows: Sequence[int] = ()

    def whole(self) -> np.ndarray:
        """The array, made anew: of one number it is changed alike every time."""
        changed = changed_values(self.sample, np.random.default_rng([0, self.number])) if self.rows else self.sample
        if self.axis is None:
            return changed
        return np.concatenate([changed if row in self.rows else self.sample for row in range(self.size)], self.axis)


@dataclass(frozen=True, slots=True)
class Tiled:
    """A teaching whose arrays are made when they are asked for: all at once would take many times the model's own."""

    name: str
    kind: str
    tiled_feed: Tiles
    tiled_give: Tiles
    attributes: Mapping[str, Any] = field(default_factory=dict)
    window: tuple[slice, ...] = ()
    fits: bool = False

    def release(self) -> None:
        """As `Teaching` has it; nothing is held."""

    @property
    def feed(self) -> np.ndarray:
        """As `Teaching` has it."""
        return self.tiled_feed.whole()

    @property
    def give(self) -> np.ndarray:
        """As `Teaching` has it."""
        return self.tiled_give.whole()


def changed_values(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Other values of the same scale and the other sign; integers in another order, or flipped if all are the same.

    An activation that lets only positive values through shows a change of each value, however few they are.
    """
    if array.dtype.kind == "f":
        drawn = drawn_values(array, generator)
        return np.where(array == 0, drawn, -np.copysign(drawn, array))
    order = generator.permutation(array.ravel()).reshape(array.shape)
    if not np.array_equal(order, array) or not array.size:
        return order
    changed = np.where(generator.random(array.shape) < 0.5, array, array == 0).astype(array.dtype)
    return changed if not np.array_equal(changed, array) else (array == 0).astype(array.dtype)


def drawn_values(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Normal numbers of an array's scale."""
    scale = float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 1.0
    return ((scale or 1.0) * generator.standard_normal(array.shape)).astype(array.dtype)
