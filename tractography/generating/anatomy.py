"""Which generated streamlines are anatomically plausible: the published filters, in the published order.

Cut to the white matter, nearly all in white matter, along the peaks of the fibre orientations, of a plausible length.
All on arrays (streamline, point, coordinate) in RAS+ mm.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tractography.errors import GenerationError
from tractography.files.streamlines import Streamlines
from tractography.generating.volumes import Mask, Peaks, check_same_space

FILTERS: tuple[str, ...] = ("finite", "cut", "inside", "orientation", "length")
"""In the order in which they are applied; each sees only what those before have kept."""

KEPT = len(FILTERS)
"""Verdict on a streamline that no filter has removed."""

FEWEST_POINTS = 3
FRACTION = 0.95
ANGLE_PERCENTILE = 75.0
MAX_ANGLE = 20.0
LENGTHS = (20.0, 220.0)
_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """What streamlines are checked against.

    Attributes
    ----------
    mask : Mask, optional
        White matter; without it nothing is cut, and no fraction checked.
    peaks : Peaks, optional
        Of the fibre orientations; without them no angle is checked.
    max_angle : float
        In degrees.
    lengths : tuple of two float, mm
        Shortest and longest that are kept.

    Raises
    ------
    GenerationError
        If a limit contradicts itself, or mask and peaks have other voxels.
    """

    mask: Mask | None = None
    peaks: Peaks | None = None
    max_angle: float = MAX_ANGLE
    lengths: tuple[float, float] = LENGTHS

    def __post_init__(self) -> None:
        if not 0 <= self.max_angle <= 90:
            raise GenerationError(f"The greatest angle is {self.max_angle:g} degrees, it must be from 0 to 90.")
        if not 0 <= self.lengths[0] <= self.lengths[1]:
            raise GenerationError("Lengths from {:g} to {:g} mm: there is none.".format(*self.lengths))
        if self.mask and self.peaks:
            check_same_space(self.mask.space, self.peaks.space)


@dataclass(frozen=True, slots=True, eq=False)
class Plausible:
    """What the filters have kept.

    Attributes
    ----------
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm
        Cut to the white matter and resampled.
    rows : ndarray, (streamline,), int64
        Which of those given they were.
    verdicts : ndarray, (given,), int8
        On each of those given: the filter that removed it, an index into `FILTERS`, or `KEPT`.
    """

    streamlines: np.ndarray
    rows: np.ndarray
    verdicts: np.ndarray

    @property
    def removed(self) -> dict[str, int]:
        """Filter -> streamlines that it removed, for each of `FILTERS`."""
        return {name: int((self.verdicts == number).sum()) for number, name in enumerate(FILTERS)}


def keep_plausible(streamlines: np.ndarray, anatomy: Anatomy) -> Plausible:
    """Apply the filters.

    Parameters
    ----------
    streamlines : ndarray, (streamline, point, coordinate), RAS+ mm
    anatomy : Anatomy

    Returns
    -------
    Plausible
        In the order given.
    """
    held = np.asarray(streamlines, np.float32)
    rows, verdicts = np.arange(len(held)), np.full(len(held), KEPT, np.int8)

    def keep(name: str, kept: np.ndarray) -> None:
        nonlocal held, rows
        verdicts[rows[~kept]] = FILTERS.index(name)
        held, rows = held[kept], rows[kept]

    keep("finite", np.all(np.isfinite(held), axis=(1, 2)))
    if anatomy.mask:
        cut, kept = cut_to_mask(held, anatomy.mask)
        keep("cut", kept)
        held = cut
        keep("inside", fraction_inside(held, anatomy.mask) > FRACTION)
    if anatomy.peaks:
        keep("orientation", orientation_angles(held, anatomy.peaks) <= anatomy.max_angle)
    shortest, longest = anatomy.lengths
    lengths = streamline_lengths(held)
    keep("length", np.logical_and(lengths >= shortest, lengths <= longest))
    return Plausible(held, rows, verdicts)


def cut_to_mask(
    streamlines: np.ndarray, mask: Mask, fewest_points: int = FEWEST_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Cut each streamline to its first and last point inside a mask, and resample it to as many points as it had.

    Parameters
    ----------
    streamlines : ndarray, (streamline, point, coordinate), RAS+ mm
    mask : Mask
    fewest_points : int
        What is left must have so many points, and a length.

    Returns
    -------
    cut : ndarray, (kept streamline, point, coordinate), float32
    kept : ndarray, (streamline,), bool
    """
    point_count = streamlines.shape[1]
    inside = np.concatenate([np.zeros((0, point_count), bool), *map(mask.contains, _blocks(streamlines))])
    first, lengths = spans(inside)
    places = np.arange(point_count)
    within = (places >= first[:, None]) & (places < (first + lengths)[:, None])
    parts = Streamlines(np.asarray(streamlines, np.float32)[within], lengths)
    kept = lengths >= fewest_points
    kept[kept] = parts.select(kept).usable()
    return parts.select(kept).resampled(point_count), kept


def spans(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the first point of each streamline that is inside, and how many there are from it to the last one inside.

    Parameters
    ----------
    inside : ndarray, (streamline, point), bool

    Returns
    -------
    first, lengths : ndarray, (streamline,), int64
        0 and 0 where none is inside.
    """
    first = inside.argmax(axis=1)
    last = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    return first, np.where(inside.any(axis=1), last - first + 1, 0)


def fraction_inside(streamlines: np.ndarray, mask: Mask) -> np.ndarray:
    """Tell which fraction of each streamline's points is in a mask; (streamline,), from 0 to 1."""
    fractions = [mask.contains(block).mean(axis=1) for block in _blocks(streamlines)]
    return np.concatenate([np.zeros(0), *fractions])


def orientation_angles(streamlines: np.ndarray, peaks: Peaks, percentile: float = ANGLE_PERCENTILE) -> np.ndarray:
    """Measure how far streamlines leave the peaks: a percentile of the angles of their segments.

    A segment's angle is the least to any peak of the voxel in which its middle lies, whichever way either points. Where
    there is no peak, or no voxel, it is 90 degrees: nothing there supports the segment. Segments of no length are left
    out.

    Parameters
    ----------
    streamlines : ndarray, (streamline, point, coordinate), RAS+ mm
    peaks : Peaks
    percentile : float
        Between two angles it is interpolated, as numpy's.

    Returns
    -------
    ndarray, (streamline,), degrees
        90 for a streamline without length.
    """
    angles = [_percentile_angle(block, peaks, percentile) for block in _blocks(streamlines)]
    return np.concatenate([np.zeros(0), *angles])


def _percentile_angle(streamlines: np.ndarray, peaks: Peaks, percentile: float) -> np.ndarray:
    segments = np.diff(streamlines.astype(np.float64), axis=1)
    middles = streamlines[:, :-1] + segments / 2
    lengths = np.linalg.norm(segments, axis=2)
    moving = lengths > 0
    directions = segments / np.where(moving, lengths, 1)[..., None]
    cosines = np.abs(np.einsum("nsc,nspc->nsp", directions, peaks.around(middles))).max(axis=2)
    angles = np.degrees(np.arccos(np.minimum(cosines, 1)))
    angles = np.sort(np.where(moving, angles, np.inf), axis=1)
    counts = moving.sum(axis=1)
    place = np.maximum(counts - 1, 0) * percentile / 100
    low, rows = np.floor(place).astype(np.int64), np.arange(len(angles))
    high = np.minimum(low + 1, np.maximum(counts - 1, 0))
    lower = np.where(counts > 0, angles[rows, low], 90.0)
    upper = np.where(counts > 0, angles[rows, high], 90.0)
    return lower + (place - low) * (upper - lower)


def streamline_lengths(streamlines: np.ndarray) -> np.ndarray:
    """Measure streamlines along their points; (streamline,), mm."""
    return np.linalg.norm(np.diff(streamlines.astype(np.float64), axis=1), axis=2).sum(axis=1)


def _blocks(streamlines: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(streamlines), _BLOCK):
        yield streamlines[first : first + _BLOCK]
