# pyright: reportOptionalSubscript=false, reportOptionalOperand=false, reportOptionalMemberAccess=false, reportOperatorIssue=false, reportArgumentType=false
"""What is copied into a port of any size: sizes are read off tensors where the model runs, not where it is built.

Each is whole by itself, but for what it calls of the others.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("porting")
class ReshapedLike(layers.Layer):
    """Reshape to sizes, of which (axis, times, parts) is so many times a part of another tensor's axis."""

    def __init__(self, sizes, **settings):
        super().__init__(**settings)
        self.sizes = [tuple(size) if isinstance(size, (list, tuple)) else size for size in sizes]

    def call(self, x, like):
        return ops.reshape(x, self.read(ops.shape(like)))

    def compute_output_spec(self, x, like):
        sizes = [None if size == -1 else size for size in self.read(like.shape)]
        return keras.KerasTensor(sizes, x.dtype)

    def read(self, shape):
        def part(axis, times=1, parts=1):
            return None if shape[axis] is None else shape[axis] * times // parts

        return [part(*size) if isinstance(size, tuple) else size for size in self.sizes]

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes}


@keras.saving.register_keras_serializable("porting")
class FirstOf(layers.Layer):
    """The first elements along an axis, as many as another tensor has along one of its own."""

    def __init__(self, axis, other, **settings):
        super().__init__(**settings)
        self.axis, self.other = axis, other

    def call(self, x, like):
        first = slice(0, ops.shape(like)[self.other])
        return x[(slice(None),) * self.axis + (first, ...)]

    def compute_output_spec(self, x, like):
        shape = [*x.shape]
        shape[self.axis] = like.shape[self.other]
        return keras.KerasTensor(shape, x.dtype)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "other": self.other}


def places_along(x, axis, times=1, parts=1):
    """Whole numbers from 0, as many as an axis has elements, or so many times a part of it, rounded down."""
    line = ops.ones_like(x[(0,) * axis + (slice(None),) + (0,) * (len(x.shape) - axis - 1)], dtype="int32")
    line = ops.repeat(line, times, axis=0) if times > 1 else line
    return ops.cumsum(line[(slice(parts - 1, None, parts), ...)] if parts > 1 else line, axis=0) - 1


def count_along(x, axis):
    """How many elements an axis has."""
    return places_along(x, axis)[-1] + 1


def points_on(x, places, axis, align_corners, scale):
    """Where places of a longer or shorter axis lie on this one, and its last place."""
    length = ops.cast(count_along(x, axis), x.dtype)
    size, points = ops.cast(places[-1] + 1, x.dtype), ops.cast(places, x.dtype)
    if align_corners:
        points = points * ((length - 1) / ops.maximum(size - 1, 1))
    else:
        points = (points + 0.5) * (scale or length / size) - 0.5
    return points, count_along(x, axis) - 1


def resize_nearest_to(x, places, axis, exact=False, scale=None):
    """Take the nearest of the old points for each new one, by torch's float32, as its ``interpolate`` does."""
    length = count_along(x, axis)
    points = ops.cast(places, "float32") + (0.5 if exact else 0.0)
    apart = scale or ops.cast(length, "float32") / ops.cast(places[-1] + 1, "float32")
    return ops.take(x, ops.minimum(ops.cast(points * apart, "int32"), length - 1), axis=axis)


def resize_linear_to(x, places, axis, align_corners=False, scale=None):
    """Interpolate linearly between neighbours, as ``torch.nn.functional.interpolate`` does."""
    points, last = points_on(x, places, axis, align_corners, scale)
    points = ops.maximum(points, 0.0)
    lower = ops.floor(points)
    weight = ops.reshape(points - lower, [-1 if at == axis else 1 for at in range(len(x.shape))])
    lower = ops.cast(lower, "int32")
    below, above = ops.take(x, lower, axis=axis), ops.take(x, ops.minimum(lower + 1, last), axis=axis)
    return below * (1 - weight) + above * weight


def resize_cubic_to(x, places, axis, align_corners=False, scale=None):
    """Interpolate by cubic convolution with a = -0.75, as ``torch.nn.functional.interpolate`` does."""
    points, last = points_on(x, places, axis, align_corners, scale)
    lower = ops.floor(points)
    part = ops.reshape(points - lower, [-1 if at == axis else 1 for at in range(len(x.shape))])
    lower = ops.cast(lower, "int32")
    result = 0.0
    for offset in (-1, 0, 1, 2):
        distance = ops.abs(part - offset)
        near = (1.25 * distance - 2.25) * distance * distance + 1.0
        far = ((-0.75 * distance + 3.75) * distance - 6.0) * distance + 3.0
        neighbour = ops.take(x, ops.maximum(ops.minimum(lower + offset, last), 0), axis=axis)
        result = result + neighbour * ops.where(distance <= 1.0, near, far)
    return result


def resize_antialiased_to(x, places, axis, cubic=False, scale=None):
    """Interpolate with a filter as wide as the new points lie apart, as torch does with ``antialias=True``."""
    between = scale or ops.cast(count_along(x, axis), x.dtype) / ops.cast(places[-1] + 1, x.dtype)
    new = (ops.cast(places, x.dtype) + 0.5) * between
    reach = max(scale, 1.0) if scale else ops.maximum(between, 1.0)
    apart = ops.abs(new[:, None] - ops.cast(places_along(x, axis), x.dtype) - 0.5) / reach
    shares = ops.maximum(1.0 - apart, 0.0)
    if cubic:
        near, far = (1.5 * apart - 2.5) * apart * apart + 1.0, ((-0.5 * apart + 2.5) * apart - 4.0) * apart + 2.0
        shares = ops.where(apart < 1.0, near, ops.where(apart < 2.0, far, 0.0))
    shares = shares / ops.sum(shares, axis=1, keepdims=True)
    return ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), ops.transpose(shares)), -1, axis)


def adaptive_pool_to(x, size, axis, kind="mean"):
    """Pool so many windows, which may overlap, along an axis of any length, as torch's adaptive pooling does."""
    places = places_along(x, axis)
    length, windows = count_along(x, axis), ops.arange(size, dtype="int32")
    starts, ends = length * windows // size, (length * (windows + 1) + size - 1) // size
    inside = (starts[:, None] <= places) & (ends[:, None] > places)
    x = ops.moveaxis(x, axis, -1)
    if kind == "mean":
        shares = ops.cast(inside, x.dtype) / ops.cast(ends - starts, x.dtype)[:, None]
        pooled = ops.matmul(x, ops.transpose(shares))
    else:
        pooled = ops.max(ops.where(inside, x[..., None, :], float("-inf")), axis=-1)
    return ops.moveaxis(pooled, -1, axis)
