"""Normalisations with weights or statistics."""

from collections.abc import Sequence

from porting.writing.functions.row import NoRowError, Target
from porting.writing.graph.marks import RMS_NORMALISATIONS
from porting.writing.layers.row import changed, layer_row, with_last
from porting.writing.values.axes import Value, arranged, one_or_all, settled, whole
from porting.writing.values.expressions import name_of


@layer_row("batch_norm", "_BatchNorm FrozenBatchNorm2d")
def batch_normalisation(
    k: Target,
    name: str,
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
    if running_mean is None or training:
        raise NoRowError("batch_norm by the statistics of the batch, also in evaluation")
    x = with_last(k.ops, x, 1)
    settings = changed(center=(bias is not None, True), scale=(weight is not None, True))
    layer = k.layers.BatchNormalization(momentum=_rest(momentum), epsilon=eps, **settings, name=name_of(name))
    return Value(layer(x.data), x.shape, x.axes)


def _rest(momentum: float) -> float:
    """Keras says how much is kept, torch how much is new."""
    return round(1 - momentum, 12)


@layer_row("layer_norm", "LayerNorm")
def layer_normalisation(
    k: Target,
    name: str,
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    count = len(normalized_shape)
    last = tuple(range(x.rank - count, x.rank))
    x = arranged(k.ops, x, (*(axis for axis in whole(settled(x)) if axis not in last), *last))
    axis = one_or_all(tuple(range(-count, 0)))
    settings = changed(axis=(axis, -1), center=(bias is not None, True), scale=(weight is not None, True))
    return Value(k.layers.LayerNormalization(epsilon=eps, **settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("rms_norm", " ".join(["RMSNorm", *sorted(RMS_NORMALISATIONS)]))
def rms_normalisation(
    k: Target,
    name: str,
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    eps: float | None = None,
) -> Value:
    if len(normalized_shape) != 1:
        raise NoRowError("rms_norm over several axes")
    x = with_last(k.ops, x, -1)
    settings = {"epsilon": 1.1920928955078125e-07 if eps is None else eps}
    return Value(k.layers.RMSNormalization(**settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("group_norm", "GroupNorm")
def group_normalisation(
    k: Target,
    name: str,
    x: Value,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    x = with_last(k.ops, x, 1)
    settings = changed(groups=(num_groups, 32), center=(bias is not None, True), scale=(weight is not None, True))
    return Value(k.layers.GroupNormalization(epsilon=eps, **settings, name=name_of(name))(x.data), x.shape, x.axes)


@layer_row("instance_norm", "InstanceNorm1d InstanceNorm2d InstanceNorm3d")
def instance_normalisation(
    k: Target,
    name: str,
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
    if running_mean is not None or not use_input_stats:
        raise NoRowError("instance_norm by running statistics, which Keras does not have")
    return group_normalisation(k, name, x, -1, weight, bias, eps)


@layer_row("_native_batch_norm_legit_no_training", "_BatchNorm FrozenBatchNorm2d")
def batch_normalisation_undone(
    k: Target,
    name: str,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    momentum: float,
    eps: float,
) -> list[Value]:
    """What torch makes of it where changes in place were undone."""
    return [batch_normalisation(k, name, x, weight, bias, running_mean, running_var, False, momentum, eps)]
