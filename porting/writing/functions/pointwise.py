"""Functions of each element by itself, of one tensor or of several that broadcast."""

import math
from collections.abc import Sequence
from typing import Any

from porting.writing.functions.kinds import as_kind, promoted
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, aligned, settled
from porting.writing.values.sizes import is_free

SAME = {
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "deg2rad", "erf",
    "erfinv", "exp", "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2",
    "logical_not", "reciprocal", "rsqrt", "sign", "signbit", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh",
    "trunc",
}  # fmt: skip
OTHER_NAME = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh",
    "special_erf": "erf", "special_erfinv": "erfinv", "special_expm1": "expm1", "special_exp2": "exp2",
    "special_log1p": "log1p", "special_sinc": "sinc", "sgn": "sign", "fix": "trunc", "absolute": "abs",
}  # fmt: skip
_TO_BOOL = {"isfinite", "isinf", "isnan", "logical_not", "signbit"}
_KEEP_INTEGERS = {"abs", "sign", "square", "ceil", "floor", "trunc"}
_NOT_NEGATIVE = {"abs", "square", "exp"}


def _unary(name: str, said: str) -> None:
    @row(name)
    def one(k: Target, x: Value) -> Value:
        x = settled(x)
        kept = name in _TO_BOOL or x.dtype == "float" or (name in _KEEP_INTEGERS and x.dtype == "int")
        x = x if kept else as_kind(k, x, "float")
        dtype = "bool" if name in _TO_BOOL else x.dtype
        return Value(getattr(k.ops, said)(x.data), x.shape, x.axes, dtype, nonnegative=name in _NOT_NEGATIVE)


for _name in SAME:
    _unary(_name, _name)
for _name, _said in OTHER_NAME.items():
    _unary(_name, _said)


@row("round")
def rounded(k: Target, x: Value, *, decimals: int = 0) -> Value:
    x = settled(x)
    return x.with_data(k.ops.round(x.data, **({"decimals": decimals} if decimals else {})))


@row("frac")
def fraction(k: Target, x: Value) -> Value:
    x = settled(x)
    x = x.with_data(k.kept(x.data))
    return x.with_data(x.data - k.ops.trunc(x.data))


def combined(k: Target, function: Any, values: list[Any], dtype: str = "") -> Value:
    """Apply a function to tensors that broadcast, and to numbers."""
    if not any(isinstance(value, Value) for value in values):
        raise NoRowError("a function of numbers alone")
    tensors = [value for value in values if isinstance(value, Value)]
    data, shape, axes = aligned(k.ops, tensors)
    held = iter(data)
    result = function(*(next(held) if isinstance(value, Value) else value for value in values))
    return Value(result, shape, axes, dtype or promoted(values))


def arithmetic(k: Target, function: Any, x: Any, y: Any) -> Value:
    """Combine operands of one kind: constants, which are no symbolic tensors, are promoted by no backend alike."""
    kind = promoted([x, y])
    return combined(k, function, [as_kind(k, held, kind) if isinstance(held, Value) else held for held in (x, y)])


@row("neg", "negative")
def negative(k: Target, x: Value) -> Value:
    x = settled(x)
    return x.with_data(-x.data)


@row("add")
def add(k: Target, x: Any, y: Any, *, alpha: float = 1) -> Value:
    if alpha != 1:
        y = multiply(k, y, alpha) if isinstance(y, Value) else y * alpha
    if _looks_like_bias(k, x, y):
        if _looks_like_bias(k, y, x):  # either way round: a column and a row of one length
            return arithmetic(k, lambda a, b: a - (-b), x, y)
        x, y = y, x
    if promoted([x, y]) == "bool":
        return combined(k, k.ops.logical_or, [x, y])
    return arithmetic(k, lambda a, b: a + b, x, y)


def _looks_like_bias(k: Target, x: Any, y: Any) -> bool:
    """Whether Keras' tensorflow backend could take the second operand for a bias, along another axis than its own.

    It does so where one axis alone is longer than 1, and as long as the last or the second axis of the first operand.
    The number of samples may be any, 1 as well, and what follows the inputs' sizes as much as any other.
    """
    if not isinstance(x, Value) or not isinstance(y, Value):
        return False
    _, shape, axes = aligned(k.ops, [x, y])
    first, second = (_held_sizes(value, len(shape), axes) for value in (x, y))
    wide = [at for at, size in enumerate(second, len(first) - len(second)) if size != 1]
    own = [at for at in wide if not k.is_batch(second[at - len(first)])]
    if len(first) < 2 or len(own) > 1 or len(wide) > 2 or len(second) > len(first):
        return False
    if not own:
        return bool(wide) and first != second
    length = second[own[0] - len(first)]
    alike = [at for at in (1, len(first) - 1) if first[at] == length or is_free(first[at]) or is_free(length)]
    return bool(alike) and max(alike) != own[0]


def _held_sizes(value: Value, rank: int, axes: Sequence[int]) -> list[int]:
    """The lengths of a value's axes in the order of a sum, from the first that is longer than 1."""
    raised = rank - value.rank
    sizes = [value.shape[axis - raised] if axis >= raised else 1 for axis in axes]
    return sizes[next((at for at, size in enumerate(sizes) if size != 1), len(sizes)) :]


@row("sub", "subtract")
def subtract(k: Target, x: Any, y: Any, *, alpha: float = 1) -> Value:
    if alpha != 1:
        y = multiply(k, y, alpha) if isinstance(y, Value) else y * alpha
    return arithmetic(k, lambda a, b: a - b, x, y)


@row("rsub")
def reverse_subtract(k: Target, x: Value, y: Any, alpha: float = 1) -> Value:
    return subtract(k, y, x, alpha=alpha)


@row("mul", "multiply")
def multiply(k: Target, x: Any, y: Any) -> Value:
    if promoted([x, y]) == "bool":
        return combined(k, k.ops.logical_and, [x, y])
    return arithmetic(k, lambda a, b: a * b, x, y)


@row("div", "divide", "true_divide")
def divide(k: Target, x: Any, y: Any, *, rounding_mode: str | None = None) -> Value:
    if rounding_mode == "floor":
        return arithmetic(k, lambda a, b: a // b, x, y)
    if rounding_mode:
        made = combined(k, lambda a, b: k.ops.trunc(a / b), [x, y], "float")
        return as_kind(k, made, promoted([x, y]))
    return combined(k, lambda a, b: a / b, [as_kind(k, v, "float") if isinstance(v, Value) else v for v in (x, y)])


@row("floor_divide")
def floor_divide(k: Target, x: Any, y: Any) -> Value:
    return arithmetic(k, lambda a, b: a // b, x, y)


@row("remainder")
def remainder(k: Target, x: Any, y: Any) -> Value:
    return arithmetic(k, lambda a, b: a % b, x, y)


@row("pow")
def power(k: Target, x: Any, exponent: Any) -> Value:
    if not isinstance(exponent, Value) and exponent == 0.5:
        return _root(k, as_kind(k, x, "float"))
    return arithmetic(k, lambda a, b: a**b, x, exponent)


def _root(k: Target, x: Value) -> Value:
    x = settled(x)
    return x.with_data(k.ops.sqrt(x.data))


@row("maximum", "clamp_min")
def maximum(k: Target, x: Value, y: Any) -> Value:
    return combined(k, k.ops.maximum, [x, y])


@row("minimum", "clamp_max")
def minimum(k: Target, x: Value, y: Any) -> Value:
    return combined(k, k.ops.minimum, [x, y])


@row("clamp", "clip")
def clamp(k: Target, x: Value, min: Any = None, max: Any = None) -> Value:  # noqa: A002
    if max is None or max == math.inf:
        return maximum(k, x, min)
    if min is None or min == -math.inf:
        return minimum(k, x, max)
    if isinstance(min, Value) or isinstance(max, Value):
        return minimum(k, maximum(k, x, min), max)
    x = settled(x)
    kind = promoted([x, min, max])
    x = as_kind(k, x, kind)
    return x.with_data(k.ops.clip(x.data, min, max))


@row("hardtanh")
def hard_tanh(k: Target, x: Value, min_val: float = -1, max_val: float = 1) -> Value:
    return clamp(k, x, min_val, max_val)


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
def where(k: Target, condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None:
        raise NoRowError("has a size that depends on the values: mask what is not wanted, and leave it in place")
    if isinstance(condition, bool):
        condition = int(condition)
    return combined(k, k.ops.where, [condition, x, y], promoted([x, y]))


@row("addcmul")
def addcmul(k: Target, x: Value, y: Value, z: Value, *, value: float = 1) -> Value:
    return add(k, x, multiply(k, y, z), alpha=value)


@row("addcdiv")
def addcdiv(k: Target, x: Value, y: Value, z: Value, *, value: float = 1) -> Value:
    return add(k, x, divide(k, y, z), alpha=value)


def _binary(names: tuple[str, ...], said: str, dtype: str = "") -> None:
    @row(*names)
    def binary(k: Target, x: Any, y: Any) -> Value:
        return combined(k, getattr(k.ops, said), [x, y], dtype)


for _names, _said in {
    ("atan2", "arctan2"): "arctan2", ("logaddexp",): "logaddexp", ("hypot",): "hypot", ("heaviside",): "heaviside",
}.items():  # fmt: skip
    _binary(_names, _said)


@row("fmod")
def truncated_remainder(k: Target, x: Any, y: Any) -> Value:
    return combined(k, lambda a, b: a - b * k.ops.trunc(a / b), [x, y])


@row("xlogy", "special_xlogy")
def x_log_y(k: Target, x: Any, y: Any) -> Value:
    def product(a: Any, b: Any) -> Any:
        return k.ops.where(k.ops.equal(a, 0), k.ops.zeros_like(a), a * k.ops.log(b))

    return combined(k, product, [x, y], "float")


@row("nan_to_num")
def nan_to_num(
    k: Target, x: Value, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Value:
    x = settled(x)
    given = {name: to for name, to in (("nan", nan), ("posinf", posinf), ("neginf", neginf)) if to is not None}
    return x.with_data(k.ops.nan_to_num(x.data, **given))


@row("lerp")
def lerp(k: Target, start: Value, end: Value, weight: Any) -> Value:
    return add(k, start, multiply(k, subtract(k, end, start), weight))


@row("contiguous", "alias", "clone", "lift_fresh", "lift_fresh_copy", "alias_copy", "positive")
def nothing(k: Target, x: Value) -> Value:
    return x


@row("detach")
def detach(k: Target, x: Value) -> Value:
    x = settled(x)
    return x.with_data(k.ops.stop_gradient(x.data))
