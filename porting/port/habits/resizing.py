"""Resizing of images, which TensorFlow returns in float32 whatever it is given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from porting import calls


@contextmanager
def wide_resizing() -> Iterator[None]:
    """Let images of float64 be resized by straight lines between the centres of their pixels as TensorFlow defines it.

    Its other ways but the nearest are tables of float32, and stay what they are.
    """
    import tensorflow as tf

    original: Callable[..., Any] = tf.image.resize

    def resize(
        images: Any,
        size: Any,
        method: Any = "bilinear",
        preserve_aspect_ratio: bool = False,
        antialias: bool = False,
        name: str | None = None,
    ) -> Any:
        given = tf.convert_to_tensor(images)
        if given.dtype != tf.float64 or method != "bilinear" or preserve_aspect_ratio or antialias:
            return original(given, size, method, preserve_aspect_ratio, antialias, name)
        rows, columns = size if isinstance(size, (tuple, list)) else tf.unstack(size, 2)
        return _between(_between(given, -3, rows), -2, columns)

    with calls.with_attributes(tf.image, {"resize": resize}):
        yield


def _between(images: Any, axis: int, size: Any) -> Any:
    """Images resized along one axis."""
    import tensorflow as tf

    known = images.shape[axis]
    length = tf.shape(images)[axis] if known is None else known
    steps, last = tf.cast(length, tf.float64) / tf.cast(size, tf.float64), tf.cast(length, tf.float64) - 1
    places = (tf.range(tf.cast(size, tf.float64), dtype=tf.float64) + 0.5) * steps - 0.5
    places = tf.clip_by_value(places, 0.0, last)
    before = tf.floor(places)
    share = tf.reshape(places - before, (-1, *[1] * (-axis - 1)))
    low, high = (tf.cast(at, tf.int32) for at in (before, tf.minimum(before + 1, last)))
    found = (1 - share) * tf.gather(images, low, axis=axis) + share * tf.gather(images, high, axis=axis)
    shape = images.shape.as_list()
    shape[axis] = size if isinstance(size, int) else None
    found.set_shape(shape)
    return found
