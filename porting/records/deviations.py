"""How far an activation of the port deviates from the reference's: where it is greatest, and relative to what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from porting.records.kept import Norms
from porting.rules import patterns

FLOAT64_LIMIT = 1e-12
"""Largest relative error that float64 rounding explains; the mildest fault known costs 1e-3 at its layer."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Greatest absolute difference relative to the greatest absolute value of the reference, and where it is."""

    relative_error: float
    place: str


@dataclass(frozen=True, slots=True)
class PairedActivation:
    """One activation of both models, in the port's axis order; arrays of one shape, or not comparable."""

    reference: np.ndarray
    port: np.ndarray
    axes: str
    norms: Norms | None = None

    def deviation(self) -> Deviation:
        """Relative error and its place; infinite where the shapes differ or a value is not finite.

        Where only some of the reference's values are known, of those and of the norms of all.
        """
        if self.reference.shape != self.port.shape:
            return Deviation(np.inf, f"shapes differ: {self.reference.shape} in torch, {self.port.shape} in Keras")
        if not self.reference.size:
            return Deviation(0.0, "")
        differences = self._apart()
        index = np.unravel_index(int(np.argmax(np.nan_to_num(differences, nan=np.inf))), differences.shape)
        greatest = float(differences[index])
        scale = self.norms.greatest if self.norms else float(np.abs(self.reference).max())
        found = Deviation(relative(greatest, scale), describe_place(self.axes, index))
        if self.norms is None or self.norms.relative_error(self.port) <= max(found.relative_error, FLOAT64_LIMIT):
            return found
        return Deviation(self.norms.relative_error(self.port), "values that were not kept, by their norms")

    def _apart(self) -> np.ndarray:
        """Absolute differences, 0 where the reference's value is not known; NaN and infinity of the port stay."""
        differences = np.abs(self.port.astype(np.float64) - self.reference)
        if self.norms is not None:
            differences[np.isnan(self.reference) & np.isfinite(self.port)] = 0.0
        return differences

    def forgotten(self) -> "PairedActivation":
        """The same without the reference's values, which may be a copy in another order of axes."""
        return replace(self, reference=np.broadcast_to(np.nan, self.reference.shape))

    def known(self) -> "PairedActivation":
        """Only the values that are known of the reference, in one row, where these are not all."""
        if self.norms is None or self.reference.shape != self.port.shape:
            return self
        known = ~np.isnan(self.reference)
        return PairedActivation(self.reference[known], self.port[known], "value -> value")

    def distances(self) -> tuple[np.ndarray, np.ndarray]:
        """Greatest and mean distance in each sample: Euclidean between points where the last axis is a coordinate."""
        differences = self.port.astype(np.float64) - self.reference
        apart = np.abs(differences)
        if self.axes.split()[-1] == "coordinate":
            apart = np.linalg.norm(differences, axis=-1)
        per_sample = apart.reshape(len(apart), -1)
        return per_sample.max(axis=1, initial=0.0), per_sample.mean(axis=1)

    def rmse(self) -> float:
        """Root mean square difference; infinite where the shapes differ."""
        if self.reference.shape != self.port.shape:
            return np.inf
        return root_mean_square(self.port.astype(np.float64) - self.reference)


def root_mean_square(array: np.ndarray) -> float:
    """Root of the mean of the squares; 0 for an empty array."""
    return float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0


def describe_place(axes: str, index: Sequence) -> str:
    """Name the axes of an index as the port's side of a pattern has them: ``streamline 3, point 0, channel 17``."""
    names = [" ".join(dimension) for dimension in patterns.parse(axes)[1]]
    if "..." not in names and len(names) != len(index):  # unit axes that the pattern does not name
        names = [*names[:1], "..."]
    if "..." in names:
        gap, spatial = names.index("..."), len(index) - len(names) + 1
        names[gap : gap + 1] = ["position"] * spatial
    return ", ".join(f"{name} {int(number)}" for name, number in zip(names, index, strict=True))


def relative(greatest: float, scale: float) -> float:
    """A difference relative to a scale; infinite where either is not finite, or the scale is zero."""
    if greatest == 0:
        return 0.0
    share = greatest / scale if scale else np.inf
    return float(share) if np.isfinite(share) else np.inf


def apart(ours: Any, theirs: Any) -> float:
    """Greatest difference of two arrays or numbers, relative to the reference's greatest value."""
    reference = np.asarray(ours, np.float64)
    return relative(float(np.abs(np.asarray(theirs) - reference).max()), float(np.abs(reference).max()))
