"""Gradients of a model, in full or thinned so that a golden file can hold them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from porting.records.deviations import relative


@dataclass(frozen=True, slots=True)
class Thinned:
    """Every `step`-th value of an array in its own order, and the greatest of them all.

    Attributes
    ----------
    values : ndarray, (value,)
    step : int
    scale : float
        Greatest absolute value of the whole array.
    """

    values: np.ndarray
    step: int
    scale: float

    def relative_error(self, other: np.ndarray) -> float:
        """Greatest difference from another array of the same shape, relative to the scale."""
        differences = np.abs(np.ravel(other)[:: self.step] - self.values)
        return relative(float(differences.max(initial=0.0)), self.scale)


def thin(array: np.ndarray | Thinned, most: int | None = None) -> Thinned:
    """Thin an array to at most `most` values, or not at all; what is thin already stays so."""
    if isinstance(array, Thinned):
        return array
    flat = np.ravel(array)
    step = max(1, -(-flat.size // most)) if most else 1
    return Thinned(flat[::step], step, float(np.abs(flat).max(initial=0.0)))


@dataclass(frozen=True, slots=True)
class Gradients:
    """float64 gradients of one random-weighted sum of a model's outputs.

    Attributes
    ----------
    inputs : tuple of ndarray or None
        With respect to each input, in the framework's own axis order; None for integers.
    weights : Mapping
        Tensor or variable -> its gradient, in the framework's own axis order.
    statistics : Mapping
        Tensor or variable that training changes without a gradient -> its value after one step in training mode.
    moves : Mapping
        ``input 0``, tensor or statistic -> how far it moves, at most, where every input and weight is one float64
        rounding away: what rounding does to it, however well the model is conditioned. Of the reference alone.
    """

    inputs: tuple[np.ndarray | Thinned | None, ...]
    weights: Mapping[str, np.ndarray | Thinned]
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    moves: Mapping[str, float] = field(default_factory=dict)

    def arrays(self) -> Iterator[tuple[str, np.ndarray | Thinned]]:
        """Everything that rounding moves, by the names of `moves`."""
        yield from ((f"input {number}", array) for number, array in enumerate(self.inputs) if array is not None)
        yield from self.weights.items()
        yield from self.statistics.items()
