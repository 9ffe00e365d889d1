"""What is kept of one activation over any number of batches: figures, and no values."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from porting.records import parity
from porting.records.deviations import relative
from porting.records.parity import PairedActivation
from porting.records.verdict import LayerParity


@dataclass(slots=True)
class Wide:
    """What is kept of one activation in float64 over all batches."""

    greatest: float = 0.0
    scale: float = 0.0

    def add(self, both: PairedActivation) -> None:
        """Take in a pair of activations."""
        if both.reference.shape != both.port.shape:
            self.greatest = np.inf
            return
        for truth, port in _blocks(both.reference, both.port):
            self.greatest = max(self.greatest, _greatest(port - truth))
            self.scale = max(self.scale, _greatest(truth))

    def relative_error(self) -> float:
        """Greatest difference, relative to the greatest value."""
        return relative(self.greatest, self.scale)


@dataclass(slots=True)
class Narrow:
    """What is kept of one activation in float32, beside the float64 truth, over all batches.

    `explained` is what float32 rounding explains in any order of sums, relative to the activation.
    """

    explained: float = 0.0
    greatest: float = 0.0
    scale: float = 0.0
    squares: float = 0.0
    port_squares: float = 0.0
    reference_squares: float = 0.0
    rounding_squares: float = 0.0

    def add(self, both: PairedActivation, rounded: tuple[np.ndarray, np.ndarray]) -> None:
        """Take in the port's activation beside the truth; `rounded` is the reference's own, and the truth again."""
        if both.reference.shape != both.port.shape:
            self.greatest = self.port_squares = np.inf
            return
        squares, reference_squares = 0.0, _squared_distance(*rounded)
        for truth, port in _blocks(both.reference, both.port):
            apart = port - truth
            squares += _squares(truth)
            self.scale = max(self.scale, _greatest(truth))
            self.greatest = max(self.greatest, _greatest(apart))
            self.port_squares += _squares(apart)
        if reference_squares < _ROUNDED * squares:
            self.rounding_squares += _squared_distance(both.reference.astype(np.float32), both.reference)
        self.squares += squares
        self.reference_squares += reference_squares

    def limit(self) -> float:
        """The float64 error that rounding explains, as it compounds through the layers."""
        return parity.compounded_limit(np.sqrt(self.reference_squares), np.sqrt(self.squares))

    def narrowed(self, row: LayerParity) -> LayerParity:
        """A row of the report with the float32 figures of all samples."""
        measured = map(np.sqrt, (self.reference_squares, self.rounding_squares, self.explained**2 * self.squares))
        allowed = parity.explained_rounding(*measured)
        own, scale = np.sqrt(self.port_squares), np.sqrt(self.squares) or 1.0
        return replace(
            row,
            float32_ratio=relative(float(own), float(allowed)),
            float32_error=float(own / scale),
            reference_float32_error=float(np.sqrt(self.reference_squares) / scale),
            ulp_at_scale=float(self.greatest / (self.scale or 1.0) / parity.FLOAT32_ULP),
        )


_ROUNDED = 2.0**-48
"""Greatest square error of a value rounded to float32, relative to its square."""

_BLOCK = 32_768
"""Values that are compared at a time: so few that they stay in a core's cache from one figure to the next."""


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """The same few samples of each array, block by block, in float64: no other type holds every difference."""
    samples = len(arrays[0])
    step = max(1, _BLOCK * samples // max(arrays[0].size, 1))
    for first in range(0, samples, step):
        yield tuple(array[first : first + step].astype(np.float64, copy=False) for array in arrays)


def _greatest(array: np.ndarray) -> float:
    value = float(max(array.max(initial=0.0), -array.min(initial=0.0)))
    return value if np.isfinite(value) else np.inf


def _squared_distance(narrow: np.ndarray, wide: np.ndarray) -> float:
    return sum(_squares(small - large) for small, large in _blocks(narrow, wide))


def _squares(array: np.ndarray) -> float:
    flat = array.ravel(order="K")
    return float(flat @ flat)
