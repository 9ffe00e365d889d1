"""How far the quantities that the anatomical filters decide by can move when a streamline's points do.

All of one streamline, (point, coordinate) in RAS+ mm, whose points move by their reach, (point,) in mm, at most:
whatever each does within it, the quantity stays between the bounds.
"""

import numpy as np

from tractography.anatomy import ANGLE_PERCENTILE, Anatomy, spans, streamline_lengths
from tractography.volumes import Mask, Peaks, Space

SLACK = 1e-6
"""What float64 itself may round, far below float32's rounding of a coordinate: in mm, degrees or voxels."""


def surroundings(space: Space, points: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Give a place in every voxel that each point may come to lie in.

    A ball's extent along a voxel axis is its radius times the norm of that axis' row in the inverse affine. The box of
    these extents is met at its corners, and between them often enough to leave out no voxel.

    Returns
    -------
    ndarray, (point, place, coordinate), RAS+ mm
    """
    axes = space.affine[:3, :3]
    extents = reach[:, None] * np.linalg.norm(np.linalg.inv(axes), axis=1) + SLACK
    steps = np.linspace(-1, 1, int(np.ceil(2 * extents.max())) + 1)
    offsets = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return points[:, None] + (extents[:, None] * offsets) @ axes.T


def membership(points: np.ndarray, reach: np.ndarray, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Say which points are inside wherever they move, and which may be; both (point,), bool."""
    inside = mask.contains(surroundings(mask.space, points, reach))
    return np.all(inside, axis=1), np.any(inside, axis=1)


def span_bounds(points: np.ndarray, reach: np.ndarray, mask: Mask) -> tuple[float, float]:
    """Fewest and most points from the first to the last one inside."""
    _, lengths = spans(np.stack(membership(points, reach, mask)))
    return float(lengths[0]), float(lengths[1])


def may_span(points: np.ndarray, reach: np.ndarray, mask: Mask, first: int, length: int) -> bool:
    """Whether the first and the last point inside may be these."""
    sure, possible = membership(points, reach, mask)
    stop = first + length
    return bool(possible[first] and possible[stop - 1] and not sure[:first].any() and not sure[stop:].any())


def fraction_bounds(points: np.ndarray, reach: np.ndarray, mask: Mask) -> tuple[float, float]:
    """Least and greatest fraction of points that are inside."""
    sure, possible = membership(points, reach, mask)
    return float(sure.mean()), float(possible.mean())


def length_bounds(points: np.ndarray, reach: np.ndarray) -> tuple[float, float]:
    """Least and greatest length, mm: no segment changes by more than both its ends move."""
    length, moves = float(streamline_lengths(points[None])[0]), float((reach[:-1] + reach[1:]).sum()) + SLACK
    return max(length - moves, 0.0), length + moves


def angle_bounds(points: np.ndarray, reach: np.ndarray, peaks: Peaks) -> tuple[float, float]:
    """Least and greatest percentile of the angles to the peaks, as `tractography.anatomy.orientation_angles` has it.

    A segment of length s whose ends move by m in all turns by arcsin(m / s) at most, its middle moves by m / 2. A
    percentile grows with each angle, so that it lies between those of all least and of all greatest angles.

    Returns
    -------
    least, greatest : float, degrees
        0 and 90 where a segment is no longer than its ends move: it may turn anywhere, or be left out.
    """
    segments, moves = np.diff(points.astype(np.float64), axis=0), reach[:-1] + reach[1:]
    lengths = np.linalg.norm(segments, axis=1)
    if not (lengths > moves).all():
        return 0.0, 90.0
    middles = points[:-1] + segments / 2
    directions = peaks.around(surroundings(peaks.space, middles, moves / 2)).astype(np.float64)
    sizes = np.linalg.norm(directions, axis=-1)
    cosines = np.abs(np.einsum("sc,svpc->svp", segments / lengths[:, None], directions))
    angles = np.arccos(np.minimum(np.divide(cosines, sizes, out=np.zeros_like(sizes), where=sizes > 0), 1))
    turns = np.arcsin(moves / lengths)[:, None, None]
    least, greatest = (_to_nearest(np.clip(held, 0, np.pi / 2), sizes) for held in (angles - turns, angles + turns))
    low, high = (float(np.percentile(held, ANGLE_PERCENTILE)) for held in (least.min(axis=1), greatest.max(axis=1)))
    return max(low - SLACK, 0.0), min(high + SLACK, 90.0)


def _to_nearest(angles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Angle to the nearest peak, (segment, voxel) in degrees; peaks of float32 are not exactly of size 1, or are 0."""
    return np.degrees(np.arccos(np.minimum((sizes * np.cos(angles)).max(axis=2), 1)))


def bounds_of(filter_: str, points: np.ndarray, reach: np.ndarray, anatomy: Anatomy) -> tuple[float, float]:
    """Bounds of the quantity that a filter decides by: of what it sees, cut or uncut."""
    match filter_:
        case "cut" if anatomy.mask:
            return span_bounds(points, reach, anatomy.mask)
        case "inside" if anatomy.mask:
            return fraction_bounds(points, reach, anatomy.mask)
        case "orientation" if anatomy.peaks:
            return angle_bounds(points, reach, anatomy.peaks)
    return length_bounds(points, reach)
