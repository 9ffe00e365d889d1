"""Streamline batches as Keras takes them: a ``keras.utils.PyDataset``, and a ``tf.data.Dataset`` over the same feed."""

import threading
from typing import Any

import keras
import numpy as np

from tractography.batches.feeds import BatchFeed


class StreamlineBatches(keras.utils.PyDataset):
    """The batches of a feed, epoch by epoch: item i of epoch e is the batch of step e x steps per epoch + i.

    Items are (streamlines, streamlines), input and target of an autoencoder, (streamline, point, coordinate) in
    RAS+ mm. ``fit`` must be told to leave their order alone, and tells the epoch by a callback; without it, as for
    validation, every epoch is epoch 0::

        batches = StreamlineBatches(feed)
        model.fit(batches, shuffle=False, callbacks=[batches.follow_epochs()], initial_epoch=4, epochs=10)

    Parameters
    ----------
    feed : BatchFeed
    targets : bool
        Whether items hold the target; else they are the streamlines alone.
    workers : int
        Threads that read ahead; the batches are the same with any number.
    ahead : int
        Batches that are read before they are asked for.
    """

    def __init__(self, feed: BatchFeed, *, targets: bool = True, workers: int = 1, ahead: int = 4) -> None:
        super().__init__(workers=1)  # Keras' own lose the first batch where they have to build the model
        self.feed, self.epoch, self.targets = feed, 0, targets
        self._settings, self._lock = {"workers": workers, "ahead": ahead}, threading.Lock()
        self._reading, self._next = iter(()), -1

    def __len__(self) -> int:
        return len(self.feed)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...] | np.ndarray:
        streamlines = self._read(self.epoch * len(self.feed) + index)
        return (streamlines, streamlines) if self.targets else streamlines

    def _read(self, step: int) -> np.ndarray:
        with self._lock:
            if step != self._next:
                self._reading = self.feed.batches(step, **self._settings)
            self._next = -1  # where reading fails, it starts anew
            streamlines = next(self._reading).streamlines
            self._next = step + 1
            return streamlines

    def follow_epochs(self) -> keras.callbacks.Callback:
        """Give the callback by which ``fit`` tells the epoch.

        The hooks of a ``PyDataset`` do not tell it: ``fit`` calls ``on_epoch_end`` before the first epoch, too.
        """

        def begin(epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(on_epoch_begin=begin)


def as_tensorflow(feed: BatchFeed, first: int = 0, stop: int | None = None, *, workers: int = 2, ahead: int = 4) -> Any:
    """Give the batches of a feed as a ``tf.data.Dataset``, in the order of their steps, read ahead of need.

    Parameters
    ----------
    feed : BatchFeed
    first, stop : int
        Steps from `first` to less than `stop`; without end if it is None.
    workers : int
        Batches that are read at the same time.
    ahead : int
        Batches that are held ready.

    Returns
    -------
    tf.data.Dataset
        Of (streamline, point, coordinate), float32, RAS+ mm.
    """
    import tensorflow as tf

    def read(step: np.ndarray) -> np.ndarray:
        return feed.batch(int(step)).streamlines

    def as_tensor(step: Any) -> Any:
        streamlines = tf.numpy_function(read, [step], tf.float32, stateful=False)
        return tf.ensure_shape(streamlines, (None, feed.source.point_count, 3))

    steps = tf.data.Dataset.range(first, 2**62 if stop is None else stop)
    return steps.map(as_tensor, num_parallel_calls=workers, deterministic=True).prefetch(ahead)
