"""Functions of each element by itself, of one tensor or of several that broadcast."""

import math
from typing import Any

from porting.writing.axes import Value, aligned, settled
from porting.writing.functions.row import NoRowError, Target, row

SAME_NAME = [
    "abs",
    "acos",
    "acosh",
    "arccos",
    "arctan",
    "arctan2",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "bitwise_not",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "exp",
    "expm1",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "relu",
    "relu6",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softsign",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
]
RENAMED = {
    "neg": "negative",
    "hardswish": "hard_silu",
    "hardsigmoid": "hard_sigmoid",
    "log_sigmoid": "log_sigmoid",
    "special_erf": "erf",
    "reciprocal": "reciprocal",
    "hardtanh_": "hard_tanh",
}
_TO_BOOL = {"isfinite", "isinf", "isnan", "logical_not"}
_NOT_NEGATIVE = {"relu", "relu6", "sigmoid", "hardsigmoid", "abs", "square", "exp"}


def _unary(name: str, said: str) -> None:
    @row(name)
    def one(k: Target, x: Value) -> Value:
        x = settled(x)
        dtype = "bool" if name in _TO_BOOL else x.dtype
        return Value(getattr(k.ops, said)(x.data), x.shape, x.axes, dtype, nonnegative=name in _NOT_NEGATIVE)


for _name in SAME_NAME:
    _unary(_name, _name)
for _name, _said in RENAMED.items():
    _unary(_name, _said)


def combined(k: Target, function: Any, values: list[Any], dtype: str = "") -> Value:
    """Apply a function to tensors that broadcast, and to numbers."""
    tensors = [value for value in values if isinstance(value, Value)]
    data, shape, axes = aligned(k.ops, tensors)
    held = iter(data)
    result = function(*(next(held) if isinstance(value, Value) else value for value in values))
    return Value(result, shape, axes, dtype or promoted(values))


def promoted(values: list[Any]) -> str:
    """The type that numbers and tensors give together."""
    kinds = {value.dtype if isinstance(value, Value) else type(value).__name__ for value in values}
    return next((kind for kind in ("float", "int") if kind in kinds), "bool")


@row("neg")
def negative(k: Target, x: Value) -> Value:
    x = settled(x)
    return x.with_data(-x.data)


@row("add")
def add(k: Target, x: Any, y: Any, *, alpha: float = 1) -> Value:
    if alpha != 1:
        y = multiply(k, y, alpha) if isinstance(y, Value) else y * alpha
    return combined(k, lambda a, b: a + b, [x, y])


@row("sub", "subtract")
def subtract(k: Target, x: Any, y: Any, *, alpha: float = 1) -> Value:
    if alpha != 1:
        y = multiply(k, y, alpha) if isinstance(y, Value) else y * alpha
    return combined(k, lambda a, b: a - b, [x, y])


@row("rsub")
def reverse_subtract(k: Target, x: Value, y: Any, alpha: float = 1) -> Value:
    return subtract(k, y, x, alpha=alpha)


@row("mul", "multiply")
def multiply(k: Target, x: Any, y: Any) -> Value:
    return combined(k, lambda a, b: a * b, [x, y])


@row("div", "divide", "true_divide")
def divide(k: Target, x: Any, y: Any, *, rounding_mode: str | None = None) -> Value:
    if rounding_mode == "floor":
        return combined(k, lambda a, b: a // b, [x, y])
    if rounding_mode:
        raise NoRowError(f"div with rounding_mode={rounding_mode!r}")
    return combined(k, lambda a, b: a / b, [x, y], "float")


@row("floor_divide")
def floor_divide(k: Target, x: Any, y: Any) -> Value:
    return combined(k, lambda a, b: a // b, [x, y])


@row("remainder")
def remainder(k: Target, x: Any, y: Any) -> Value:
    return combined(k, lambda a, b: a % b, [x, y])


@row("pow")
def power(k: Target, x: Any, exponent: Any) -> Value:
    return combined(k, lambda a, b: a**b, [x, exponent])


@row("maximum", "clamp_min")
def maximum(k: Target, x: Value, y: Any) -> Value:
    return combined(k, k.ops.maximum, [x, y])


@row("minimum", "clamp_max")
def minimum(k: Target, x: Value, y: Any) -> Value:
    return combined(k, k.ops.minimum, [x, y])


@row("clamp", "clip", "hardtanh")
def clamp(k: Target, x: Value, min: float | None = -math.inf, max: float | None = math.inf) -> Value:  # noqa: A002
    x = settled(x)
    if max is None or max == math.inf:
        return maximum(k, x, min)
    if min is None or min == -math.inf:
        return minimum(k, x, max)
    return x.with_data(k.ops.clip(x.data, min, max))


def _comparison(name: str, said: str) -> None:
    @row(name)
    def compare(k: Target, x: Value, y: Any) -> Value:
        return combined(k, getattr(k.ops, said), [x, y], "bool")


for _name, _said in {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
}.items():  # fmt: skip
    _comparison(_name, _said)


def _bitwise(names: tuple[str, ...], said: str) -> None:
    @row(*names)
    def combine(k: Target, x: Value, y: Any) -> Value:
        logical = promoted([x, y]) == "bool"
        return combined(k, getattr(k.ops, f"{'logical' if logical else 'bitwise'}_{said}"), [x, y])


for _said in ("and", "or", "xor"):
    _bitwise((f"bitwise_{_said}", f"__{_said}__"), _said)


@row("bitwise_not")
def bitwise_not(k: Target, x: Value) -> Value:
    x = settled(x)
    return x.with_data(k.ops.logical_not(x.data) if x.dtype == "bool" else k.ops.bitwise_not(x.data))


@row("where")
def where(k: Target, condition: Value, x: Any, y: Any) -> Value:
    return combined(k, k.ops.where, [condition, x, y], promoted([x, y]))


@row("masked_fill")
def masked_fill(k: Target, x: Value, mask: Value, value: Any) -> Value:
    return combined(k, k.ops.where, [mask, value, x], x.dtype)


@row("addcmul")
def addcmul(k: Target, x: Value, y: Value, z: Value, *, value: float = 1) -> Value:
    return add(k, x, multiply(k, y, z), alpha=value)


@row("lerp")
def lerp(k: Target, start: Value, end: Value, weight: Any) -> Value:
    return add(k, start, multiply(k, subtract(k, end, start), weight))


@row("gelu")
def gelu(k: Target, x: Value, *, approximate: str = "none") -> Value:
    return x.with_data(k.ops.gelu(settled(x).data, approximate=approximate == "tanh"))


@row("leaky_relu")
def leaky_relu(k: Target, x: Value, negative_slope: float = 0.01) -> Value:
    return x.with_data(k.ops.leaky_relu(x.data, negative_slope=negative_slope))


@row("elu")
def elu(k: Target, x: Value, alpha: float = 1.0, scale: float = 1, input_scale: float = 1) -> Value:
    if scale != 1 or input_scale != 1:
        raise NoRowError("elu with scale")
    return x.with_data(k.ops.elu(x.data, alpha=alpha))


@row("selu")
def selu(k: Target, x: Value) -> Value:
    return x.with_data(k.ops.selu(x.data))


@row("celu")
def celu(k: Target, x: Value, alpha: float = 1.0) -> Value:
    return x.with_data(k.ops.celu(x.data, alpha=alpha))


@row("mish")
def mish(k: Target, x: Value) -> Value:
    return x.with_data(x.data * k.ops.tanh(k.ops.softplus(x.data)))


@row("softplus")
def softplus(k: Target, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    if beta == 1:
        return x.with_data(k.ops.softplus(x.data))
    return x.with_data(k.ops.softplus(x.data * beta) / beta)


@row("softmax", "_softmax")
def softmax(k: Target, x: Value, dim: int, dtype: Any = None) -> Value:
    x = settled(x)
    return x.with_data(k.ops.softmax(x.data, axis=last_or(x, dim)), "float")


@row("log_softmax", "_log_softmax")
def log_softmax(k: Target, x: Value, dim: int, dtype: Any = None) -> Value:
    x = settled(x)
    return x.with_data(k.ops.log_softmax(x.data, axis=last_or(x, dim)), "float")


def last_or(x: Value, dim: int) -> int:
    """Where an axis is held, the last one as -1."""
    at = x.at(dim)
    return -1 if at == len(x.axes) - 1 else at


@row("dropout", "native_dropout", "feature_dropout", "alpha_dropout")
def dropout(k: Target, x: Value, p: float, train: bool = False) -> Value:
    x = settled(x)
    return x.with_data(k.layers.Dropout(p)(x.data)) if p else x


@row("drop_path")
def drop_path(k: Target, x: Value, rate: float, each: bool) -> Value:
    """Leaves a whole branch out while training, for each sample by itself or for all."""
    x = settled(x)
    shape = (None if each else 1, *(1 for _ in x.axes[1:]))
    return x.with_data(k.layers.Dropout(rate, noise_shape=shape)(x.data))


@row("contiguous", "alias", "clone", "detach", "lift_fresh_copy", "alias_copy", "view_as_real_copy", "positive")
def nothing(k: Target, x: Value, *args: Any, **keywords: Any) -> Value:
    return x


@row("to", "_to_copy", "type_as", "float", "bool", "int", "long")
def cast(k: Target, x: Value, *args: Any, dtype: str, **keywords: Any) -> Value:
    """Only from one kind of number to another: the precision is the port's own."""
    x = settled(x)
    if dtype == x.dtype:
        return x
    named = {"float": k.floatx, "int": "int32", "bool": "bool"}[dtype]
    return x.with_data(k.ops.cast(x.data, named), dtype)
