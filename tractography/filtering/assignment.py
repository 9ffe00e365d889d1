"""Which bundle a streamline belongs to, and whether to keep it, by its latent code's nearest neighbours.

The rule of FINTA: Legarreta et al., 2021, doi 10.1016/j.media.2021.102126.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tractography.errors import FilteringError
from tractography.filtering.boxes import Box
from tractography.filtering.neighbours import ExactNeighbours, Neighbours
from tractography.generating.seeds import encode_both_orders

NO_BUNDLE = -1
"""Label of a streamline that belongs to none, or of which nothing is known."""


@dataclass(frozen=True, slots=True)
class ReferenceCodes:
    """Latent codes of labelled streamlines, each in both orders of its points.

    Attributes
    ----------
    bundles : tuple of str
    codes : ndarray, (row, latent), float32
    labels : ndarray, (row,), int32
        Index into `bundles`.
    box : Box, optional
        Where the streamlines lie.
    """

    bundles: tuple[str, ...]
    codes: np.ndarray
    labels: np.ndarray
    box: Box | None = None


def encode_reference(
    bundles: Mapping[str, Iterable[np.ndarray]], encode: Callable[[np.ndarray], np.ndarray]
) -> ReferenceCodes:
    """Encode bundles in both orders of their points.

    Parameters
    ----------
    bundles : Mapping
        Name -> arrays of its streamlines, (streamline, point, coordinate) in RAS+ mm, read one after the other.
    encode : callable
        (streamline, point, coordinate) -> (streamline, latent).

    Raises
    ------
    FilteringError
        If there is no streamline, or a latent code is not finite.
    """
    names = tuple(sorted(bundles))
    codes, labels, box = [], [], Box.around(np.empty((0, 3)))
    for number, name in enumerate(names):
        for streamlines in bundles[name]:
            codes.append(encode_both_orders(streamlines, encode))
            labels.append(np.full(2 * len(streamlines), number, np.int32))
            box = box.joined(Box.around(streamlines.reshape(-1, 3)))
    if not sum(map(len, codes)):
        raise FilteringError("The atlas holds no streamlines.")
    found = np.concatenate(codes)
    if not np.isfinite(found).all():
        raise FilteringError("Latent codes of the atlas are not finite. Check the model's weights and the atlas.")
    return ReferenceCodes(names, found, np.concatenate(labels), box)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The bundle of each streamline.

    Attributes
    ----------
    labels : ndarray, (streamline,), int32
        Index into the reference's bundles; `NO_BUNDLE` where it could not be assigned.
    distances : ndarray, (streamline,), float64
        Latent distance to the bundle; infinite where there is none.
    """

    labels: np.ndarray
    distances: np.ndarray

    def kept(self, thresholds: np.ndarray) -> np.ndarray:
        """Whether each is as near as its bundle's threshold, (bundle,), wants it."""
        known = self.labels != NO_BUNDLE
        kept = np.zeros(len(self.labels), bool)
        kept[known] = self.distances[known] <= thresholds[self.labels[known]]
        return kept


class Assigner:
    """Assigns streamlines to bundles by their nearest reference codes.

    Parameters
    ----------
    reference : ReferenceCodes
    neighbours : int
        How many decide: their most frequent bundle wins, among equals the one whose neighbour is nearest; the distance
        is the mean over its neighbours.
    index : callable
        Builds the index from the reference's codes.

    Raises
    ------
    FilteringError
        If there are fewer reference codes than neighbours.
    """

    def __init__(
        self,
        reference: ReferenceCodes,
        neighbours: int = 1,
        index: Callable[[np.ndarray], Neighbours] = ExactNeighbours,
    ) -> None:
        if not 1 <= neighbours <= len(reference.codes):
            raise FilteringError(
                f"{neighbours} neighbours are wanted of {len(reference.codes)} reference codes. Ask for fewer."
            )
        self.reference, self.neighbours = reference, neighbours
        self.index = index(reference.codes)

    def assign(self, codes: np.ndarray) -> Assignment:
        """Assign latent codes, (streamline, latent); those that are not finite to no bundle."""
        labels = np.full(len(codes), NO_BUNDLE, np.int32)
        distances = np.full(len(codes), np.inf)
        usable = np.isfinite(codes).all(axis=1)
        if usable.any():
            away, rows = self.index.query(codes[usable], self.neighbours)
            labels[usable], distances[usable] = _vote(self.reference.labels[rows], away)
        return Assignment(labels, distances)


def _vote(labels: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most frequent label of each row and its mean distance; both (streamline, neighbour), nearest first."""
    alike = labels[:, :, None] == labels[:, None, :]
    votes = alike.sum(axis=2)
    winner = votes.argmax(axis=1)  # the first of several: the nearest
    rows = np.arange(len(labels))
    mean = (distances * alike[rows, winner]).sum(axis=1) / votes[rows, winner]
    return labels[rows, winner], mean
