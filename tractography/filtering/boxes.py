"""Whether streamlines lie where those of an atlas do, as far as boxes around them can tell."""

from dataclasses import dataclass

import numpy as np

from tractography.errors import FilteringError
from tractography.files.pieces import TractogramFile

MARGIN = 20.0
"""By how much an atlas' box is grown before points are looked for in it, in mm."""

INSIDE = 0.5
"""The least share of a tractogram's points that must be in it."""

PLACES, AT_EACH = 20, 50
"""A sample is taken at so many places of a tractogram, so many streamlines at each."""


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A box along the axes.

    Attributes
    ----------
    low, high : ndarray, (coordinate,), RAS+ mm
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(cls, points: np.ndarray) -> "Box":
        """The least box around points, (point, coordinate); around none of them it holds nothing."""
        low, high = points.min(axis=0, initial=np.inf), points.max(axis=0, initial=-np.inf)
        return cls(low.astype(np.float64), high.astype(np.float64))

    def joined(self, other: "Box") -> "Box":
        """The least box around both."""
        return Box(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def share_inside(self, points: np.ndarray, margin: float = 0.0) -> float:
        """Share of points, (point, coordinate), that are in it, or as near as `margin` along each axis."""
        inside = (points >= self.low - margin) & (points <= self.high + margin)
        return float(inside.all(axis=1).mean())

    def __str__(self) -> str:
        sides = zip("xyz", self.low, self.high, strict=True)
        return ", ".join(f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in sides) + " mm"


def sample_points(tractogram: TractogramFile) -> np.ndarray:
    """Read the points of some streamlines from all over a tractogram, (point, coordinate) in RAS+ mm; finite ones."""
    firsts = np.unique(np.linspace(0, max(tractogram.count - AT_EACH, 0), PLACES).astype(int))
    points = np.concatenate([tractogram.read(first, first + AT_EACH).points for first in firsts.tolist()])
    return points[np.isfinite(points).all(axis=1)]


def check_space(tractogram: TractogramFile, atlas: Box) -> None:
    """Refuse a tractogram of which most lies elsewhere than the atlas.

    Raises
    ------
    FilteringError
        If less than half of a sample's points are in the atlas' box, grown by 20 mm.
    """
    points = sample_points(tractogram)
    if len(points) and (share := atlas.share_inside(points, MARGIN)) < INSIDE:
        raise FilteringError(
            f"{tractogram.path} and the atlas are not in one space: {share:.0%} of its points lie in the atlas' box, "
            f"grown by {MARGIN:.0f} mm.\n"
            f"  tractogram   {Box.around(points)}\n"
            f"  atlas        {atlas}\n"
            "Register the tractogram to the atlas, and check the affine in its header. "
            "Where an atlas holds a small part of what the tractogram does, filter with --any-space."
        )
