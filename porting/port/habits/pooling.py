"""Pooling of volumes, which TensorFlow has in float32 alone on a processor."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from porting import calls


@contextmanager
def wide_pooling() -> Iterator[None]:
    """Let volumes of float64 be pooled as images: along rows and columns, then along their depth.

    A greatest value of greatest values is the same; so is a mean of means, as how many values of a volume lie in a
    window is a product of how many do along its axes. Of equal greatest values the gradient goes to the first, as
    torch's does; TensorFlow's own of volumes, in float32, goes to all.
    """
    import tensorflow as tf

    def by_images(pool: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
        def pooled(
            input: Any,  # noqa: A002 - as TensorFlow calls it
            ksize: Any,
            strides: Any,
            padding: Any,
            data_format: str | None = None,
            name: str | None = None,
        ) -> Any:
            given = tf.convert_to_tensor(input)
            is_volume = given.shape.rank == 5 and given.dtype == tf.float64 and isinstance(padding, str)
            if not is_volume:
                return original(given, ksize, strides, padding, *([data_format] if data_format else ()), name=name)
            last = data_format in (None, "NDHWC")
            volumes = given if last else tf.transpose(given, (0, 2, 3, 4, 1))
            found = _pooled(pool, volumes, _along(ksize, last), _along(strides, last), padding)
            return found if last else tf.transpose(found, (0, 4, 1, 2, 3))

        return pooled

    pools = {"max_pool": tf.nn.max_pool2d, "avg_pool": tf.nn.avg_pool2d}
    mended = {
        name + end: by_images(pool, getattr(tf.nn, name + end)) for name, pool in pools.items() for end in ("", "3d")
    }
    with calls.with_attributes(tf.nn, {**mended, "pool": _of_any_rank(mended)}):
        yield


def _of_any_rank(mended: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """``tf.nn.pool``, which pools volumes as they are pooled by name."""
    import tensorflow as tf

    general: Callable[..., Any] = tf.nn.pool

    def pool(
        input: Any,  # noqa: A002
        window_shape: Any,
        pooling_type: str,
        strides: Any = None,
        padding: str = "VALID",
        data_format: str | None = None,
        dilations: Any = None,
        name: str | None = None,
    ) -> Any:
        if tf.convert_to_tensor(input).shape.rank == 5 and not dilations:
            of_volumes = mended[f"{pooling_type.lower()}_pool3d"]
            return of_volumes(input, window_shape, strides or 1, padding, data_format, name)
        return general(input, window_shape, pooling_type, strides, padding, data_format, dilations, name)

    return pool


def _along(sizes: Any, last: bool) -> Sequence[int]:
    """Sizes along depth, rows and columns, however many of a volume's five were given."""
    given = [int(size) for size in (sizes if isinstance(sizes, (tuple, list)) else [sizes])]
    if len(given) == 5:
        return given[1:4] if last else given[2:]
    return given * 3 if len(given) == 1 else given


def _pooled(pool: Callable[..., Any], volumes: Any, window: Sequence[int], strides: Sequence[int], padding: str) -> Any:
    """Volumes (samples, depth, rows, columns, channels), pooled."""
    import tensorflow as tf

    samples, depth, rows, columns, channels = _sizes(volumes)
    slices = tf.reshape(volumes, (-1, rows, columns, channels))
    flat = pool(slices, window[1:], strides[1:], padding)
    _, *kept, _ = _sizes(flat)
    deep = tf.reshape(flat, (samples, depth, kept[0] * kept[1], channels))
    found = pool(deep, (window[0], 1), (strides[0], 1), padding)
    return tf.reshape(found, (samples, _sizes(found)[1], *kept, channels))


def _sizes(tensor: Any) -> list[Any]:
    """The length of each axis: a number where it is known, else what TensorFlow finds it to be."""
    import tensorflow as tf

    return [tf.shape(tensor)[axis] if size is None else size for axis, size in enumerate(tensor.shape)]
