"""Activations: functions of each element that layers of torch apply, and those along one axis."""

from typing import Any

from porting.writing.functions.arranging.shapes import held, last_or, split
from porting.writing.functions.kinds import as_kind
from porting.writing.functions.pointwise import combined, multiply
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, settled

SAME = {
    "relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "silu": "silu", "hardswish": "hard_silu",
    "hardsigmoid": "hard_sigmoid", "log_sigmoid": "log_sigmoid", "selu": "selu", "softsign": "soft_sign",
    "tanhshrink": "tanh_shrink",
}  # fmt: skip
NOT_NEGATIVE = {"relu", "relu6", "sigmoid", "hardsigmoid"}


def _unary(name: str, said: str) -> None:
    @row(name)
    def activation(k: Target, x: Value) -> Value:
        x = settled(x)
        return Value(getattr(k.ops, said)(x.data), x.shape, x.axes, x.dtype, nonnegative=name in NOT_NEGATIVE)


for _name, _said in SAME.items():
    _unary(_name, _said)


@row("gelu")
def gelu(k: Target, x: Value, *, approximate: str = "none") -> Value:
    x = settled(x)
    settings = {} if approximate == "tanh" else {"approximate": False}
    return x.with_data(k.ops.gelu(x.data, **settings))


@row("leaky_relu")
def leaky_relu(k: Target, x: Value, negative_slope: float = 0.01) -> Value:
    x = settled(x)
    return x.with_data(k.ops.leaky_relu(x.data, negative_slope=negative_slope))


@row("rrelu")
def randomised_relu(
    k: Target, x: Value, lower: float = 0.125, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Value:
    if training:
        raise NoRowError("rrelu that draws slopes in evaluation, too")
    return leaky_relu(k, x, (lower + upper) / 2)


@row("random_leaky_relu")
def random_leaky_relu(k: Target, x: Value, lower: float, upper: float) -> Value:
    x = settled(x)
    return x.with_data(k.own("RandomLeakyReLU")(lower, upper)(x.data))


@row("elu")
def elu(k: Target, x: Value, alpha: float = 1.0, scale: float = 1, input_scale: float = 1) -> Value:
    if scale != 1 or input_scale != 1:
        raise NoRowError("elu with scale")
    x = settled(x)
    return x.with_data(k.ops.elu(x.data, **({} if alpha == 1 else {"alpha": alpha})))


@row("celu")
def celu(k: Target, x: Value, alpha: float = 1.0) -> Value:
    x = settled(x)
    return x.with_data(k.ops.celu(x.data, **({} if alpha == 1 else {"alpha": alpha})))


@row("mish")
def mish(k: Target, x: Value) -> Value:
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    return x.with_data(x.data * k.ops.tanh(k.ops.softplus(x.data)))


@row("softplus")
def softplus(k: Target, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    """Where the threshold is torch's own, what lies above it differs by less than float32 shows."""
    x = settled(x)
    if threshold != 20:
        raise NoRowError(f"softplus with threshold={threshold}")
    if beta == 1:
        return x.with_data(k.ops.softplus(x.data))
    return x.with_data(k.ops.softplus(x.data * beta) / beta)


@row("hardshrink")
def hard_shrink(k: Target, x: Value, lambd: float = 0.5) -> Value:
    x = settled(x)
    return x.with_data(k.ops.hard_shrink(x.data, threshold=lambd))


@row("softshrink")
def soft_shrink(k: Target, x: Value, lambd: float = 0.5) -> Value:
    x = settled(x)
    return x.with_data(k.ops.soft_shrink(x.data, threshold=lambd))


@row("threshold")
def threshold(k: Target, x: Value, threshold: float, value: float) -> Value:
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    return x.with_data(k.ops.where(x.data > threshold, x.data, value))


@row("prelu", "_prelu_kernel")
def prelu(k: Target, x: Value, weight: Value) -> Value:
    """With a weight that no layer owns."""
    from porting.writing.functions.arranging.shapes import reshape

    if weight.rank == 1 and x.rank > 1:
        weight = reshape(k, weight, (1, weight.shape[0], *(1,) * (x.rank - 2)))
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    return combined(k, lambda a, b: k.ops.where(a >= 0, a, a * b), [x, weight])


@row("softmax", "_softmax")
def softmax(k: Target, x: Value, dim: int, dtype: Any = None) -> Value:
    x = held(k, as_kind(k, x, "float"), dim)
    return x.with_data(k.ops.softmax(x.data, **_unless_last(last_or(x, dim))), "float")


@row("log_softmax", "_log_softmax")
def log_softmax(k: Target, x: Value, dim: int, dtype: Any = None) -> Value:
    x = held(k, as_kind(k, x, "float"), dim)
    return x.with_data(k.ops.log_softmax(x.data, **_unless_last(last_or(x, dim))), "float")


def _unless_last(axis: int) -> dict[str, int]:
    return {} if axis == -1 else {"axis": axis}


@row("glu")
def glu(k: Target, x: Value, dim: int = -1) -> Value:
    first, second = split(k, x, x.shape[dim] // 2, dim)
    return multiply(k, first, second.with_data(k.ops.sigmoid(second.data)))


@row("logit")
def logit(k: Target, x: Value, eps: float | None = None) -> Value:
    x = settled(x)
    data = k.kept(x.data if eps is None else k.ops.clip(x.data, eps, 1 - eps))
    return x.with_data(k.ops.log(data / (1 - data)))


def _dropout(name: str, layer: str, by_feature: bool) -> None:
    @row(name)
    def dropout(k: Target, x: Value, p: float, train: bool = False) -> Value:
        x = settled(x)
        if train:
            raise NoRowError("dropout in evaluation, too: it gives other values at each call")
        shape = tuple({0: None, 1: x.shape[axis]}.get(axis, 1) for axis in x.axes)
        settings = {"noise_shape": shape} if by_feature and x.rank > 2 else {}
        return x.with_data(getattr(k.layers, layer)(p, **settings)(x.data)) if p else x


for _name, _layer, _by_feature in [
    ("dropout", "Dropout", False),
    ("feature_dropout", "Dropout", True),
    ("alpha_dropout", "AlphaDropout", False),
    ("feature_alpha_dropout", "AlphaDropout", True),
]:
    _dropout(_name, _layer, _by_feature)


@row("drop_path")
def drop_path(k: Target, x: Value, rate: float, each: bool) -> Value:
    """Leaves a whole branch out while training, for each sample by itself or for all."""
    x = settled(x)
    shape = (None if each else 1, *(1 for _ in x.axes[1:]))
    return x.with_data(k.layers.Dropout(rate, noise_shape=shape)(x.data))


@row("noise")
def noise(k: Target, x: Value, spread: float) -> Value:
    """Added while training."""
    x = settled(x)
    return x.with_data(k.layers.GaussianNoise(spread)(x.data))


@row("erfc", "special_erfc")
def rest_of_error_function(k: Target, x: Value) -> Value:
    return x.with_data(1 - k.ops.erf(x.data), "float")


@row("__lshift__", "bitwise_left_shift")
def shifted_left(k: Target, x: Any, y: Any) -> Value:
    return combined(k, k.ops.left_shift, [x, y])
