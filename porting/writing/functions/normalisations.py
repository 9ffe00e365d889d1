"""Normalisations that are called as functions."""

from collections.abc import Sequence
from typing import Any

from porting.writing.axes import Value
from porting.writing.functions.pointwise import add, divide, multiply, subtract
from porting.writing.functions.reductions import reduced
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.shapes import reshape


def standardised(k: Target, x: Value, over: Sequence[int], eps: float) -> Value:
    """Without its mean, divided by its standard deviation."""
    x = x.with_data(k.kept(x.data)) if x.form is None else x
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
    squares = x.with_data(k.ops.square(x.data))
    mean = reduced(k, k.ops.mean, squares, over, True)
    scale = mean.with_data(k.ops.rsqrt(mean.data + (2.220446049250313e-16 if eps is None else eps)))
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
    if training or running_mean is None or running_var is None:
        raise NoRowError("batch_norm by the statistics of the batch")
    raise NoRowError("batch_norm as a function, with statistics that no layer holds")


@row("instance_norm")
def instance_norm(
    k: Target, x: Value, weight: Value | None, bias: Value | None, running_mean: Any, running_var: Any, *settings: Any
) -> Value:
    eps = settings[2]
    made = standardised(k, x, list(range(2, x.rank)), eps)
    return _affine(k, made, _per_channel(k, weight, x), _per_channel(k, bias, x))


def _per_channel(k: Target, value: Value | None, x: Value) -> Value | None:
    return None if value is None else reshape(k, value, (x.shape[1], *(1,) * (x.rank - 2)))
