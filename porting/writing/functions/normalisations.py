"""Normalisations that are called as functions."""

from collections.abc import Sequence

from porting.writing.functions.arranging.shapes import held, reshape
from porting.writing.functions.pointwise import add, divide, maximum, multiply, subtract
from porting.writing.functions.reductions import reduced, vector_norm
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, settled

EPSILON = 1.1920928955078125e-07
"""What torch adds where nothing is given, in float32."""


def standardised(k: Target, x: Value, over: Sequence[int], eps: float) -> Value:
    """Without its mean, divided by its standard deviation."""
    x = held(k, x, over[0])
    x = x.with_data(k.kept(x.data))
    mean = reduced(k, k.ops.mean, x, over, True)
    variance = reduced(k, k.ops.var, x, over, True)
    root = variance.with_data(k.ops.sqrt(variance.data + eps))
    return divide(k, subtract(k, x, mean), root)


def _affine(k: Target, x: Value, weight: Value | None, bias: Value | None) -> Value:
    if weight is not None:
        x = multiply(k, x, weight)
    return add(k, x, bias) if bias is not None else x


@row("layer_norm")
def layer_norm(
    k: Target,
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    over = list(range(x.rank - len(normalized_shape), x.rank))
    return _affine(k, standardised(k, x, over, eps), weight, bias)


@row("rms_norm")
def rms_norm(
    k: Target, x: Value, normalized_shape: Sequence[int], weight: Value | None = None, eps: float | None = None
) -> Value:
    over = list(range(x.rank - len(normalized_shape), x.rank))
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    squares = x.with_data(k.ops.square(x.data))
    mean = reduced(k, k.ops.mean, squares, over, True)
    scale = mean.with_data(k.ops.rsqrt(mean.data + (EPSILON if eps is None else eps)))
    return _affine(k, multiply(k, x, scale), weight, None)


@row("group_norm")
def group_norm(
    k: Target,
    x: Value,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    parted = reshape(k, x, (x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:]))
    made = reshape(k, standardised(k, parted, list(range(2, parted.rank)), eps), x.shape)
    return _affine(k, made, _per_channel(k, weight, x), _per_channel(k, bias, x))


@row("batch_norm")
def batch_norm(
    k: Target,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    if training and running_mean is not None:
        raise NoRowError("batch_norm by the statistics of the batch, also in evaluation")
    if training:
        made = standardised(k, x, [0, *range(2, x.rank)], eps)
        return _affine(k, made, _per_channel(k, weight, x), _per_channel(k, bias, x))
    return _by_statistics(k, x, weight, bias, running_mean, running_var, eps)


def _by_statistics(
    k: Target,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    mean: Value | None,
    variance: Value | None,
    eps: float,
) -> Value:
    """By statistics that no layer holds."""
    if mean is None or variance is None:
        raise NoRowError("a normalisation by statistics that it does not have")
    centred = subtract(k, x, _per_channel(k, mean, x))
    spread = settled(_per_channel(k, variance, x) or variance)
    made = multiply(k, centred, spread.with_data(k.ops.rsqrt(spread.data + eps)))
    return _affine(k, made, _per_channel(k, weight, x), _per_channel(k, bias, x))


@row("instance_norm")
def instance_norm(
    k: Target,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Value:
    if not use_input_stats:
        return _by_statistics(k, x, weight, bias, running_mean, running_var, eps)
    made = standardised(k, x, list(range(2, x.rank)), eps)
    return _affine(k, made, _per_channel(k, weight, x), _per_channel(k, bias, x))


def _per_channel(k: Target, value: Value | None, x: Value) -> Value | None:
    return None if value is None else reshape(k, value, (x.shape[1], *(1,) * (x.rank - 2)))


@row("_weight_norm")
def weight_norm(k: Target, direction: Value, length: Value, dim: int = 0) -> Value:
    """A weight by its direction, and its length along all axes but one."""
    over = [axis for axis in range(direction.rank) if dim == -1 or axis != dim % direction.rank]
    direction = settled(direction)
    return multiply(k, direction, divide(k, length, vector_norm(k, direction, 2, over, True)))


@row("cosine_similarity")
def cosine_similarity(k: Target, x: Value, y: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    first, second = (_unit_length(k, value, dim, eps) for value in (x, y))
    product = multiply(k, first, second)
    return reduced(k, k.ops.sum, product, dim, False)


def _unit_length(k: Target, x: Value, dim: int, eps: float) -> Value:
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    return divide(k, x, maximum(k, vector_norm(k, x, 2, dim, True), eps))


@row("pairwise_distance")
def pairwise_distance(k: Target, x: Value, y: Value, p: float = 2, eps: float = 1e-6, keepdim: bool = False) -> Value:
    return vector_norm(k, add(k, subtract(k, x, y), eps), p, -1, keepdim)
