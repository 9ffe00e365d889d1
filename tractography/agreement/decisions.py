"""What filtering by an encoder decides about known and other streamlines, and how finely it can decide."""

from dataclasses import dataclass

import numpy as np

from tractography.filtering.assignment import NO_BUNDLE, Assigner, Assignment, ReferenceCodes
from tractography.filtering.thresholds import POINTS, derive_rocs

NO_NEIGHBOUR = -1
"""Row of a neighbour that there is not."""

EPSILON = 2.0**-23
"""Distance from 1 to the next float32: a unit of float32 rounding is this share of a code's size."""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What filtering by one encoder comes to: the nearest reference codes decide.

    Attributes
    ----------
    reference : ReferenceCodes
    codes : ndarray, (streamline, latent)
        Those whose bundle is known first; NaN where a streamline cannot be encoded.
    found : Assignment
    known : int
        How many streamlines the thresholds are derived from.
    thresholds : ndarray, (bundle,)
        Latent distances.
    kept : ndarray, (streamline,), bool
    rows : ndarray, (streamline, neighbour), int64
        The nearest reference codes, nearest first; `NO_NEIGHBOUR` where a streamline cannot be encoded.
    """

    reference: ReferenceCodes
    codes: np.ndarray
    found: Assignment
    known: int
    thresholds: np.ndarray
    kept: np.ndarray
    rows: np.ndarray

    @property
    def deciding(self) -> np.ndarray:
        """Which neighbours are of a streamline's bundle, and make its distance: (streamline, neighbour), bool."""
        labels = np.where(self.rows == NO_NEIGHBOUR, NO_BUNDLE, self.reference.labels[self.rows])
        return (labels == self.found.labels[:, None]) & (self.rows != NO_NEIGHBOUR)

    @property
    def sizes(self) -> np.ndarray:
        """Norm of each streamline's code plus the mean one of those that decide, (streamline,); 0 where it has none."""
        deciding, others = self.deciding, norms(self.reference.codes)[self.rows]
        means = np.where(deciding, others, 0).sum(axis=1) / np.maximum(deciding.sum(axis=1), 1)
        return np.where(deciding.any(axis=1), norms(self.codes) + means, 0.0)

    def outcome(self, row: int) -> str:
        """A streamline's decision in words."""
        label = int(self.found.labels[row])
        if label == NO_BUNDLE:
            return "not encoded"
        return f"{self.reference.bundles[label]}, {'kept' if self.kept[row] else 'removed'}"


def decide(
    reference: ReferenceCodes, codes: np.ndarray, labels: np.ndarray, neighbours: int = 1, point: str = POINTS[0]
) -> Decided:
    """Derive thresholds and filter.

    Parameters
    ----------
    reference : ReferenceCodes
    codes : ndarray, (streamline, latent)
    labels : ndarray, (known,), int
        The true bundles of the first streamlines, or `NO_BUNDLE`.
    neighbours : int
        How many reference codes decide.
    point : str
        Where on the ROC the thresholds are: one of `POINTS`.

    Raises
    ------
    FilteringError
        If there are fewer reference codes than neighbours.
    """
    assigner, known = Assigner(reference, neighbours), len(labels)
    found = assigner.assign(codes)
    rocs = derive_rocs(Assignment(found.labels[:known], found.distances[:known]), labels, reference.bundles)
    thresholds = np.array([rocs[name].point(point) for name in reference.bundles])
    rows, usable = np.full((len(codes), neighbours), NO_NEIGHBOUR), found.labels != NO_BUNDLE
    if usable.any():
        _, rows[usable] = assigner.index.query(codes[usable], neighbours)
    return Decided(reference, codes, found, known, thresholds, found.kept(thresholds), rows)


def distance_rounding(relative: float, sizes: np.ndarray | float) -> np.ndarray | float:
    """How far apart rounding may bring the distances that two implementations compute.

    ``relative * (|query| + |reference code|)``: where either implementation's code of a streamline is at most
    ``relative`` times its norm from the other's, the triangle inequality gives
    ``| |q' - r'| - |q - r| | <= |q' - q| + |r' - r|``. It does not shrink with the distance: two codes that are
    near one another are subtracted after they were rounded.

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
