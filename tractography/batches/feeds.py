"""Batches of a source by their step, whatever framework trains on them."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from tractography.batches.layouts import refuse
from tractography.batches.sampling import Sampling
from tractography.batches.sources import BatchSource

PAIR_REMEDY = "Leave these classes out or merge them, and build the file again; or train without pairs."


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on.

    Attributes
    ----------
    step : int
        Counted from 0 over all epochs.
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm
        In the order that the sampling says.
    rows : ndarray, (streamline,), int64
        Where each is from; ``BatchSource.labels`` tells classes.
    flips : ndarray, (streamline,), bool
        Whether its points are in reversed order.
    """

    step: int
    streamlines: np.ndarray
    rows: np.ndarray
    flips: np.ndarray


class BatchFeed:
    """The batches of a split by their step.

    Batch k is a pure function of the file's streamlines, the sampling, the seed and k: it does not matter who reads it,
    after which other batch, or whether the file is packed.

    Parameters
    ----------
    source : BatchSource
    split : str
    sampling : Sampling
        Ordered, Shuffled, Balanced, Contrastive or Triplet.
    seed : int
        At least 0.
    steps_per_epoch : int, optional
        Needed where drawing has no end; else it is what it takes to have every streamline once.

    Raises
    ------
    BatchError
        If the split is missing, or cannot be sampled so: a class of one streamline where a pair is drawn.
    ValueError
        If the seed is negative, or steps per epoch are missing or given where they follow.
    """

    def __init__(
        self, source: BatchSource, split: str, sampling: Sampling, *, seed: int = 0, steps_per_epoch: int | None = None
    ) -> None:
        self.source, self.split, self.sampling, self.seed = source, split, sampling, seed
        self._index = source.split(split)
        refuse(source.path, f"cannot be sampled in split {split}", sampling.problems(self._index), PAIR_REMEDY)
        steps = sampling.steps(self._index)
        if seed < 0:
            raise ValueError(f"seed is {seed}, must be at least 0")
        if (steps is None) == (steps_per_epoch is None) or (steps_per_epoch or 1) < 1:
            raise ValueError(f"steps_per_epoch is {steps_per_epoch}: {type(sampling).__name__} sampling has {steps}")
        self.steps_per_epoch: int = steps or steps_per_epoch or 0

    def __len__(self) -> int:
        return self.steps_per_epoch

    def batch(self, step: int) -> Batch:
        """Read the batch of a step, counted from 0 over all epochs.

        Raises
        ------
        BatchError
            If the file has shrunk or changed, or a streamline holds NaN.
        """
        draw = self.sampling.draw(self._index, self.seed, step)
        streamlines = self.source.read(self.split, draw.rows)
        if draw.flips.any():
            points = streamlines.view("V12")[..., 0]  # moved as a whole, three times as fast as by coordinate
            points[draw.flips] = points[draw.flips][:, ::-1]
        return Batch(step, streamlines, draw.rows, draw.flips)

    def batches(self, first: int = 0, stop: int | None = None, *, workers: int = 1, ahead: int = 4) -> Iterator[Batch]:
        """Read batches in the order of their steps, some ahead of need.

        Parameters
        ----------
        first, stop : int
            Steps from `first` to less than `stop`; without end if it is None.
        workers : int
            Threads that read; 0 reads when asked. The batches are the same.
        ahead : int
            Batches that are read before they are asked for.
        """
        steps = iter(range(first, stop)) if stop is not None else count(first)
        if not workers:
            yield from map(self.batch, steps)
            return
        waiting: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(workers, "batches") as pool:
            try:
                waiting.extend(pool.submit(self.batch, step) for step in islice(steps, max(1, ahead)))
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self.batch, step) for step in islice(steps, 1))
                    yield batch
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
