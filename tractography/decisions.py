"""What filtering by an encoder decides about known and other streamlines, and how finely it can decide."""

from dataclasses import dataclass

import numpy as np

from tractography.filtering import NO_BUNDLE, Assigner, Assignment, ReferenceCodes
from tractography.thresholds import POINTS, derive_rocs

EPSILON = 2.0**-23
"""Distance from 1 to the next float32: a unit of float32 rounding is this share of a code's size."""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What filtering by one encoder comes to: the nearest reference code decides.

    Attributes
    ----------
    reference : ReferenceCodes
    codes : ndarray, (streamline, latent)
        Those whose bundle is known first; NaN where a streamline cannot be encoded.
    found : Assignment
    known : int
        How many streamlines the thresholds are derived from.
    thresholds : ndarray, (bundle,)
        Latent distances at equal error.
    kept : ndarray, (streamline,), bool
    sizes : ndarray, (streamline,)
        Norm of a streamline's code plus that of its nearest reference code; 0 where it has none.
    """

    reference: ReferenceCodes
    codes: np.ndarray
    found: Assignment
    known: int
    thresholds: np.ndarray
    kept: np.ndarray
    sizes: np.ndarray

    def outcome(self, row: int) -> str:
        """A streamline's decision in words."""
        label = int(self.found.labels[row])
        if label == NO_BUNDLE:
            return "not encoded"
        return f"{self.reference.bundles[label]}, {'kept' if self.kept[row] else 'removed'}"


def decide(reference: ReferenceCodes, codes: np.ndarray, labels: np.ndarray) -> Decided:
    """Derive thresholds and filter.

    Parameters
    ----------
    reference : ReferenceCodes
    codes : ndarray, (streamline, latent)
    labels : ndarray, (known,), int
        The true bundles of the first streamlines, or `NO_BUNDLE`.
    """
    assigner, known = Assigner(reference), len(labels)
    found = assigner.assign(codes)
    rocs = derive_rocs(Assignment(found.labels[:known], found.distances[:known]), labels, reference.bundles)
    thresholds = np.array([rocs[name].point(POINTS[0]) for name in reference.bundles])
    sizes, usable = np.zeros(len(codes)), found.labels != NO_BUNDLE
    if usable.any():
        _, rows = assigner.index.query(codes[usable], 1)
        sizes[usable] = norms(codes[usable]) + norms(reference.codes[rows[:, 0]])
    return Decided(reference, codes, found, known, thresholds, found.kept(thresholds), sizes)


def distance_rounding(relative: float, sizes: np.ndarray | float) -> np.ndarray | float:
    """How far apart rounding may bring the distances that two implementations compute.

    ``relative * (|query| + |reference code|)``: where either implementation's code of a streamline is at most
    ``relative`` times its norm from the other's, the triangle inequality gives | |q' - r'| - |q - r| | <= |q' - q| +
    |r' - r|. It does not shrink with the distance: two codes that are near one another are subtracted after they were
    rounded.

    Parameters
    ----------
    relative : float
        How far apart rounding brings two implementations' codes, as a share of a code's norm.
    sizes : ndarray or float
        Norms of the two codes, added up.
    """
    return relative * sizes


def norms(vectors: np.ndarray) -> np.ndarray:
    """Euclidean norms along the last axis, in float64."""
    return np.linalg.norm(np.asarray(vectors, np.float64), axis=-1)
