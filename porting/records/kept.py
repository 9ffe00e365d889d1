"""What a golden file keeps of an activation that is too large for it: some of its values, and norms of them all."""

from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 20190513
"""Of the places of the values that are kept."""


@dataclass(frozen=True, slots=True)
class Norms:
    """Greatest absolute value, root mean square and mean absolute value of an array."""

    greatest: float
    root_mean_square: float
    mean: float

    def relative_error(self, other: np.ndarray) -> float:
        """The greatest difference to another array's, relative to each; infinite where it is not finite."""
        figures = norms_of(other)
        pairs = (
            (self.greatest, figures.greatest),
            (self.root_mean_square, figures.root_mean_square),
            (self.mean, figures.mean),
        )
        known = [(ours, theirs) for ours, theirs in pairs if np.isfinite(self.root_mean_square)]
        errors = [abs(theirs - ours) / ours if ours else abs(theirs) for ours, theirs in known]
        return max(((error if np.isfinite(error) else np.inf) for error in errors), default=0.0)


def norms_of(array: np.ndarray) -> Norms:
    """Take the norms of an array."""
    if not array.size:
        return Norms(0.0, 0.0, 0.0)
    apart = np.abs(array.astype(np.float64, copy=False))
    return Norms(float(apart.max()), float(np.sqrt(np.mean(np.square(apart)))), float(apart.mean()))


@dataclass(frozen=True, slots=True)
class Kept:
    """Some values of an array of floats; in its place in a trace, where nothing is taught by it.

    Attributes
    ----------
    shape : tuple of int
    places : ndarray, (value,)
        Where they stand in the flat array.
    values : ndarray, (value,)
    norms : Norms
        Of all values.
    """

    shape: tuple[int, ...]
    places: np.ndarray
    values: np.ndarray
    norms: Norms

    @property
    def dtype(self) -> np.dtype:
        """As the array's own."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """As the array's own."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """As the array's own."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """What the array itself would take."""
        return self.size * self.dtype.itemsize

    def any(self) -> bool:
        """As the array's own."""
        return self.norms.greatest > 0

    def expanded(self) -> np.ndarray:
        """The array with NaN for what is not known: no activation of a reference is NaN."""
        whole = np.full(self.size, np.nan)
        whole[self.places] = self.values
        return whole.reshape(self.shape)


def kept_places(size: int, most: int, number: int) -> np.ndarray:
    """The places of `most` of `size` values at most, drawn by `SEED` for the array of that number."""
    if size <= most:
        return np.arange(size)
    return np.unique(np.random.default_rng((SEED, number)).integers(0, size, most))


def keep(array: np.ndarray, most: int, number: int) -> Kept:
    """Keep at most so many values of an array of floats, and its norms."""
    flat = np.ravel(array)
    places = kept_places(flat.size, most, number)
    return Kept(array.shape, places, flat[places], norms_of(array))


def expanded(array: Any) -> np.ndarray:
    """An array, whole or with NaN for what was not kept of it."""
    return array.expanded() if isinstance(array, Kept) else array


def rms_of(array: Any) -> float:
    """Root mean square of an array, of all its values where only some were kept."""
    return array.norms.root_mean_square if isinstance(array, Kept) else norms_of(array).root_mean_square
