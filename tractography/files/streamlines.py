"""Streamlines of any lengths, end to end in one array, with what was measured along and of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tractography.errors import TractogramError


@dataclass(frozen=True, slots=True, eq=False)
class Streamlines:
    """Streamlines of any lengths, end to end.

    Attributes
    ----------
    points : ndarray, (point, coordinate), float32, RAS+ mm
    lengths : ndarray, (streamline,), int64
        The points of each.
    per_point : mapping of str to ndarray, (point, value)
        float32, but for what a TRX file holds in another type.
    per_streamline : mapping of str to ndarray, (streamline, value)
    """

    points: np.ndarray
    lengths: np.ndarray
    per_point: Mapping[str, np.ndarray] = field(default_factory=dict)
    per_streamline: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def alike(cls, points: np.ndarray, per_streamline: Mapping[str, np.ndarray] | None = None) -> "Streamlines":
        """Take streamlines of as many points each: (streamline, point, coordinate), RAS+ mm."""
        count, point_count = points.shape[:2]
        return cls(points.reshape(-1, 3), np.full(count, point_count, np.int64), {}, per_streamline or {})

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def offsets(self) -> np.ndarray:
        """The point at which each starts: (streamline,), int64."""
        return np.cumsum(self.lengths) - self.lengths

    def split(self) -> list[np.ndarray]:
        """Give each streamline, (point, coordinate), as a view."""
        starts, stops = self.offsets, np.cumsum(self.lengths)
        return [self.points[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]

    def select(self, rows: np.ndarray) -> "Streamlines":
        """Take the streamlines at `rows`, which are indices, in their order, or a mask."""
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64, copy=False)
        lengths = self.lengths[rows]
        places = np.arange(lengths.sum()) + np.repeat(self.offsets[rows] - (np.cumsum(lengths) - lengths), lengths)
        return Streamlines(
            self.points[places],
            lengths,
            {name: values[places] for name, values in self.per_point.items()},
            {name: values[rows] for name, values in self.per_streamline.items()},
        )

    def with_data(self, **per_streamline: np.ndarray) -> "Streamlines":
        """Add values of each streamline, (streamline,) or (streamline, value), or replace those of the same name."""
        rows = max(len(self), 1)  # of none, each has no value
        added = {name: values.reshape(len(self), values.size // rows) for name, values in per_streamline.items()}
        return replace(self, per_streamline={**self.per_streamline, **added})

    def usable(self) -> np.ndarray:
        """Say which can be resampled, (streamline,), bool: of two points or more, all finite, and longer than 0 mm."""
        usable = self.lengths >= 2
        starts = self.offsets
        finite = np.isfinite(self.points)
        if not finite.all():
            bad = np.concatenate([[0], np.cumsum(~finite.all(axis=1))])
            usable &= bad[starts + self.lengths] == bad[starts]
        resting = np.flatnonzero(usable)
        first = starts[resting]
        resting = resting[(self.points[first] == self.points[first + 1]).all(axis=1)]
        for row in resting.tolist():  # only those that start with a point twice
            line = self.points[starts[row] : starts[row] + self.lengths[row]]
            usable[row] = (line != line[0]).any()
        return usable

    def resampled(self, point_count: int) -> np.ndarray:
        """Bring them to one number of points, equally spaced along each (DIPY's ``set_number_of_points``).

        Parameters
        ----------
        point_count : int

        Returns
        -------
        ndarray, (streamline, point, coordinate), float32, RAS+ mm
            As `tractography.files.tractograms.resample` has them. Only `usable` streamlines can be resampled.
        """
        from dipy.tracking.streamline import set_number_of_points
        from nibabel.streamlines.array_sequence import ArraySequence

        if not len(self):
            return np.empty((0, point_count, 3), np.float32)
        sequence = ArraySequence()
        sequence._data = np.ascontiguousarray(self.points, np.float32)
        sequence._offsets, sequence._lengths = self.offsets, self.lengths
        resampled = set_number_of_points(sequence, point_count).get_data()
        return np.asarray(resampled, np.float32).reshape(len(self), point_count, 3)


def concatenate(parts: Sequence[Streamlines]) -> Streamlines:
    """Put streamlines one after the other.

    Raises
    ------
    TractogramError
        If there are no parts, or they hold data of different names.
    """
    if not parts:
        raise TractogramError("No streamlines to put together.")
    per_point, per_streamline = set(parts[0].per_point), set(parts[0].per_streamline)
    for part in parts:
        if set(part.per_point) != per_point or set(part.per_streamline) != per_streamline:
            raise TractogramError(
                f"Streamlines with {_names(parts[0])} and with {_names(part)} cannot be put together. "
                "Keep the data that all have."
            )
    return Streamlines(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        {name: np.concatenate([part.per_point[name] for part in parts]) for name in parts[0].per_point},
        {name: np.concatenate([part.per_streamline[name] for part in parts]) for name in parts[0].per_streamline},
    )


def _names(streamlines: Streamlines) -> str:
    return ", ".join([*streamlines.per_point, *streamlines.per_streamline]) or "no data"
