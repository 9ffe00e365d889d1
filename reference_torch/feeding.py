"""Streamline batches as the reference takes them, (streamline, coordinate, point), over the feed that Keras reads."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from tractography.batches.feeds import BatchFeed


class StreamlineBatches(Dataset[Tensor]):
    """The batches of a feed by their step: item k is the batch of step k, (streamline, coordinate, point), RAS+ mm.

    It may be handed to the worker processes of a ``DataLoader``.
    """

    def __init__(self, feed: "BatchFeed") -> None:
        self.feed = feed

    def __getitem__(self, step: int) -> Tensor:
        return as_tensor(self.feed.batch(step).streamlines)


def as_tensor(streamlines: Any) -> Tensor:
    """(streamline, point, coordinate), ndarray -> (streamline, coordinate, point), contiguous."""
    return torch.from_numpy(streamlines).transpose(1, 2).contiguous()


def read_batches(
    feed: "BatchFeed", first: int, stop: int, *, workers: int = 1, processes: bool = False, **settings: Any
) -> Iterator[Tensor]:
    """Read the batches of steps `first` to less than `stop`, in order, some ahead of need.

    Parameters
    ----------
    feed : BatchFeed
    first, stop : int
    workers : int
        Threads or processes that read; the batches are the same with any number.
    processes : bool
        Whether workers are processes of a ``DataLoader``, which is handed `settings`.

    Yields
    ------
    Tensor, (streamline, coordinate, point), float32, RAS+ mm
    """
    if not processes:
        yield from (as_tensor(batch.streamlines) for batch in feed.batches(first, stop, workers=workers))
        return
    steps: Any = range(first, stop)
    yield from DataLoader(StreamlineBatches(feed), batch_size=None, sampler=steps, num_workers=workers, **settings)
