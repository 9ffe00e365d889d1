# pyright: reportOptionalSubscript=false, reportOptionalOperand=false, reportOptionalMemberAccess=false, reportOperatorIssue=false, reportArgumentType=false
"""Functions that Keras does not have."""

from keras import layers, ops


def grid_sum(sizes, steps, start=0):
    """The sum of the places on a grid of these sizes, each times its step, behind a start."""
    total = start
    for axis, (size, step) in enumerate(zip(sizes, steps, strict=True)):
        places = ops.reshape(ops.arange(size, dtype="int32"), [-1 if at == axis else 1 for at in range(len(sizes))])
        total = total + step * places
    return total


def distances(queries, keys, steps, strides=(1, 1)):
    """Distances along rows and columns between the places of two grids, times the steps, added."""
    query = ops.arange(queries[0] * queries[1], dtype="int32")[:, None]
    key = ops.arange(keys[0] * keys[1], dtype="int32")
    rows = ops.abs(strides[0] * (query // queries[1]) - key // keys[1])
    columns = ops.abs(strides[1] * (query % queries[1]) - key % keys[1])
    return steps[0] * rows + steps[1] * columns


def bordered(table, corner, row, column):
    """A table with a row and a column more in front, of one number each."""
    table = ops.pad(table, ((1, 0), (0, 0)), constant_values=row)
    table = ops.pad(table, ((0, 0), (1, 0)), constant_values=column)
    is_corner = ops.pad(ops.ones((1, 1), dtype="bool"), [(0, size - 1) for size in table.shape])
    return ops.where(is_corner, corner, table)


def accumulated(function, x, axis):
    """What an associative function makes of each element and all before it, along an axis."""
    step, length = 1, x.shape[axis]
    while step < length:
        parts = ops.split(x, [step], axis=axis)
        before = ops.split(x, [length - step], axis=axis)[0]
        x = ops.concatenate([parts[0], function(parts[1], before)], axis=axis)
        step *= 2
    return x


def average_inside(x, size, strides, widths, counted=None):
    """Average over windows, of which the elements count that lie inside, and on so much of the padding."""
    edges = [(0, 0), *widths, (0, 0)]
    ones = ops.ones_like(x[:1, ..., :1])
    if counted:
        ones = ops.pad(ones, [(0, 0), *counted, (0, 0)], constant_values=1)
        edges_left = [(b - c, a - d) for (b, a), (c, d) in zip(widths, counted, strict=True)]
    else:
        edges_left = widths
    ones = ops.pad(ones, [(0, 0), *edges_left, (0, 0)])
    share = ops.average_pool(ones, size, strides, data_format="channels_last")
    return ops.average_pool(ops.pad(x, edges), size, strides, data_format="channels_last") / share


def resize_nearest(x, size, axis, exact=False, scale=None):
    """Take the nearest of the old points for each new one, by torch's float32, as its ``interpolate`` does."""
    length = x.shape[axis]
    points = ops.arange(size, dtype="float32") + (0.5 if exact else 0.0)
    places = ops.cast(points * (scale or length / size), "int32")
    return ops.take(x, ops.minimum(places, length - 1), axis=axis)


def resize_linear(x, size, axis, align_corners=False, scale=None):
    """Interpolate linearly between neighbours, as ``torch.nn.functional.interpolate`` does."""
    length = x.shape[axis]
    points = ops.add(ops.arange(size, dtype=x.dtype), ops.zeros_like(x[(0,) * len(x.shape)]))
    if align_corners:
        places = points * ((length - 1) / max(size - 1, 1))
    else:
        places = ops.maximum((points + 0.5) * (scale or length / size) - 0.5, 0.0)
    lower = ops.floor(places)
    weight = ops.reshape(places - lower, [-1 if at == axis else 1 for at in range(len(x.shape))])
    lower = ops.cast(lower, "int32")
    upper = ops.minimum(lower + 1, length - 1)
    below, above = ops.take(x, lower, axis=axis), ops.take(x, upper, axis=axis)
    return below * (1 - weight) + above * weight


def resize_cubic(x, size, axis, align_corners=False, scale=None):
    """Interpolate by cubic convolution with a = -0.75, as ``torch.nn.functional.interpolate`` does."""
    length = x.shape[axis]
    points = ops.add(ops.arange(size, dtype=x.dtype), ops.zeros_like(x[(0,) * len(x.shape)]))
    if align_corners:
        places = points * ((length - 1) / max(size - 1, 1))
    else:
        places = (points + 0.5) * (scale or length / size) - 0.5
    lower = ops.floor(places)
    part = ops.reshape(places - lower, [-1 if at == axis else 1 for at in range(len(x.shape))])
    lower = ops.cast(lower, "int32")
    result = 0.0
    for offset in (-1, 0, 1, 2):
        distance = ops.abs(part - offset)
        near = (1.25 * distance - 2.25) * distance * distance + 1.0
        far = ((-0.75 * distance + 3.75) * distance - 6.0) * distance + 3.0
        neighbour = ops.take(x, ops.clip(lower + offset, 0, length - 1), axis=axis)
        result = result + neighbour * ops.where(distance <= 1.0, near, far)
    return result


def resize_antialiased(x, size, axis, cubic=False, scale=None):
    """Interpolate with a filter as wide as the new points lie apart, as torch does with ``antialias=True``."""
    length = x.shape[axis]
    scale = scale or length / size
    old, new = ops.arange(length, dtype=x.dtype) + 0.5, (ops.arange(size, dtype=x.dtype) + 0.5) * scale
    apart = ops.abs(old - new[:, None]) / max(scale, 1.0)
    shares = ops.maximum(1.0 - apart, 0.0)
    if cubic:
        near, far = (1.5 * apart - 2.5) * apart * apart + 1.0, ((-0.5 * apart + 2.5) * apart - 4.0) * apart + 2.0
        shares = ops.where(apart < 1.0, near, ops.where(apart < 2.0, far, 0.0))
    shares = shares / ops.sum(shares, axis=1, keepdims=True)
    return ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), ops.transpose(shares)), -1, axis)


def grid_sample(x, grid, nearest=False, border=False, align_corners=False):
    """Sample images at places from -1 to 1, as ``torch.nn.functional.grid_sample`` does.

    (sample, row, column, channel) at (sample, new row, new column, column and row)
    """
    rows, columns, channels = x.shape[1:]
    pixels = ops.reshape(x, (-1, rows * columns, channels))

    def on_axis(place, size):
        place = (place + 1) * ((size - 1) / 2) if align_corners else (place + 1) * (size / 2) - 0.5
        return ops.clip(place, 0, size - 1) if border else place

    def taken(row, column):
        places = ops.clip(row, 0, rows - 1) * columns + ops.clip(column, 0, columns - 1)
        places = ops.reshape(ops.cast(places, "int32"), (-1, grid.shape[1] * grid.shape[2], 1))
        values = ops.take_along_axis(pixels, ops.repeat(places, channels, axis=2), axis=1)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return ops.reshape(values, (-1, *grid.shape[1:3], channels)) * ops.cast(inside, x.dtype)[..., None]

    column, row = on_axis(grid[..., 0], columns), on_axis(grid[..., 1], rows)
    if nearest:
        return taken(ops.round(row), ops.round(column))
    top, left = ops.floor(row), ops.floor(column)
    corners = [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)]
    return sum(taken(r, c) * ((1 - ops.abs(row - r)) * (1 - ops.abs(column - c)))[..., None] for r, c in corners)


def overlap_add(x, axis, strides):
    """Put windows, whose elements are the last axis, so far behind each other along an axis, and add them."""
    count, taps, total = x.shape[axis], x.shape[-1], 0.0
    shape = (-1, *x.shape[1:axis], count * strides, *x.shape[axis + 1 : -1])
    widths = [(0, 0)] * len(shape)
    for tap in range(taps):
        part = ops.expand_dims(x[..., tap], axis + 1)
        part = ops.reshape(ops.pad(part, [*widths[: axis + 1], (0, strides - 1), *widths[axis + 1 :]]), shape)
        part = ops.take(part, ops.arange((count - 1) * strides + 1), axis=axis)
        total = total + ops.pad(part, [*widths[:axis], (tap, taps - 1 - tap), *widths[axis + 1 :]])
    return total


def adaptive_pool(x, size, axis, kind="mean"):
    """Pool so many windows, which may overlap, along an axis, as torch's adaptive pooling does."""
    length = x.shape[axis]
    windows = [(at * length // size, -(-(at + 1) * length // size)) for at in range(size)]
    reduce = ops.mean if kind == "mean" else ops.max
    slices = [ops.take(x, ops.arange(start, stop), axis=axis) for start, stop in windows]
    return ops.concatenate([reduce(window, axis=axis, keepdims=True) for window in slices], axis=axis)


def pad_edge(x, widths):
    """Repeat the values at the ends."""
    for axis, (before, after) in enumerate(widths):
        if before or after:
            first, last = (x[(slice(None),) * axis + (end, ...)] for end in (slice(0, 1), slice(-1, None)))
            x = ops.concatenate([*[first] * before, x, *[last] * after], axis=axis)
    return x


def pad_wrap(x, widths):
    """Go on at the other end."""
    for axis, (before, after) in enumerate(widths):
        if before or after:
            ends = [slice(-before, None)] * (before > 0), [slice(0, after)] * (after > 0)
            left, right = ([x[(slice(None),) * axis + (end, ...)] for end in part] for part in ends)
            x = ops.concatenate([*left, x, *right], axis=axis)
    return x


def not_written(function, *inputs):
    """Stand where porting write had no row for a function of torch."""
    raise NotImplementedError(f"torch.ops.aten.{function}: write in Keras what it does, in the place of this call.")


def attention(query, key, value, rate, mask=None, bias=None, scale=None, is_causal=False):
    """Attend by the softmax of products, some of which are dropped in training.

    (sample, position, head, feature) each.
    """
    scores = ops.einsum("bqhd,bkhd->bhqk", query * (scale or query.shape[-1] ** -0.5), key)
    if bias is not None:
        scores = scores + bias
    if is_causal:
        ones = ops.ones_like(scores[:1, :1], dtype="int32")
        mask = ops.cumsum(ones, axis=-2) >= ops.cumsum(ones, axis=-1)
    if mask is not None:
        scores = ops.where(mask, scores, float("-inf"))
    weights = layers.Dropout(rate)(ops.softmax(scores))
    return ops.einsum("bhqk,bkhd->bqhd", weights, value)
