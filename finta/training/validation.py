"""How well a model does on a split: its losses, distances, and some of its latent codes and reconstructions."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tractography.batches.feeds import BatchFeed

if TYPE_CHECKING:
    from finta.training.trainers import Trainer

KEPT = 2000
"""Latent codes that are kept at most, for pictures."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of all batches of a feed.

    Attributes
    ----------
    losses : Mapping
        ``total`` and its parts: per streamline where the recipe sums, mean over the batches where it averages.
    distances : ndarray, (streamline,)
        Mean distance between a streamline's points and their reconstructions, mm.
    latent_codes : ndarray, (streamline, latent)
        Of the first streamlines.
    classes : tuple of str
        Theirs.
    streamlines, reconstructions : ndarray, (streamline, point, coordinate), RAS+ mm
        The first batch.
    """

    losses: Mapping[str, float]
    distances: np.ndarray
    latent_codes: np.ndarray
    classes: tuple[str, ...]
    streamlines: np.ndarray
    reconstructions: np.ndarray


def validate(
    trainer: "Trainer", feed: BatchFeed, *, is_summed: bool, is_stopped: Callable[[int], bool] = lambda number: False
) -> Validation | None:
    """Evaluate all batches of a feed once, in memory that does not grow with them but by a distance a streamline.

    None if it was stopped: it asks before each batch, and tells how many are done.
    """
    losses: Counter[str] = Counter()
    distances, codes, rows, first = [], [], [], None
    for batch in feed.batches(0, len(feed)):
        if is_stopped(batch.step):
            return None
        evaluation = trainer.evaluate(batch.streamlines)
        losses.update(evaluation.losses)
        distances.append(evaluation.distances)
        if sum(map(len, codes)) < KEPT:
            codes.append(evaluation.latent_codes)
            rows.append(batch.rows)
        first = first or (batch.streamlines, evaluation.reconstructions)
    assert first
    count = sum(map(len, distances)) if is_summed else len(distances)
    classes = tuple(name for name, _ in feed.source.labels(feed.split, np.concatenate(rows)[:KEPT]))
    return Validation(
        {name: value / count for name, value in losses.items()},
        np.concatenate(distances),
        np.concatenate(codes)[:KEPT],
        classes,
        *first,
    )
