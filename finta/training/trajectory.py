"""What `porting verify-training` trains the pair of FINTA autoencoders by, and on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from finta.recipe import ORIGINAL, SIMPLE, Recipe
from finta.training.feeding import sampling_of
from porting.errors import ProbeError
from tractography.batches.feeds import BatchFeed
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError

RECIPES = {"original": ORIGINAL, "simple": SIMPLE}


def fit_recipe(name: str, steps: int, batch_size: int | None) -> Recipe:
    """A recipe whose schedule spans so many steps, on batches drawn class by class."""
    chosen = replace(RECIPES[name], epochs=1, steps_per_epoch=steps)
    try:
        return chosen if batch_size is None else replace(chosen, batch_size=batch_size)
    except ValueError as error:
        raise ProbeError(f"The recipe {name} cannot be trained in such batches: {error}.") from error


def read_training_batches(file: Path, recipe: Recipe) -> Iterator[np.ndarray]:
    """Batches of a file's ``train`` split, (streamline, point, coordinate) in RAS+ mm.

    Raises
    ------
    ProbeError
        If the file cannot be used.
    """
    try:
        source = BatchSource(file)
        feed = BatchFeed(source, "train", sampling_of(recipe), seed=recipe.seed, steps_per_epoch=recipe.steps_per_epoch)
    except BatchError as error:
        raise ProbeError(str(error)) from error
    return _batches(feed)


def _batches(feed: BatchFeed) -> Iterator[np.ndarray]:
    try:
        yield from (batch.streamlines for batch in feed.batches(0, len(feed)))
    except BatchError as error:
        raise ProbeError(str(error)) from error
