"""Functions of complex numbers, each of which is a pair of tensors: its real and its imaginary part."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from porting.writing.functions.arranging.shapes import select, stack, transpose
from porting.writing.functions.pointwise import add, combined, multiply, negative, subtract
from porting.writing.functions.products import einsum, matmul
from porting.writing.functions.row import NoRowError, Rows, Target
from porting.writing.values.axes import Value, in_order, settled

Complex = list[Value]

complex_row = Rows()

PART_BY_PART = {
    "reshape", "view", "_unsafe_view", "flatten", "unflatten", "permute", "transpose", "movedim", "t", "mT", "slice",
    "select", "narrow", "cat", "stack", "unsqueeze", "squeeze", "expand", "clone", "contiguous", "detach", "alias",
    "flip", "roll", "split", "split_with_sizes", "chunk", "unbind", "repeat", "tile", "index", "index_select", "neg",
    "sum", "mean", "slice_scatter", "select_scatter", "copy", "lift_fresh_copy", "constant_pad_nd", "pad", "zeros",
    "zeros_like", "new_zeros", "empty", "repeat_interleave", "gather", "zero",
}  # fmt: skip
"""Functions that do the same to either part."""


def _kept(k: Target, x: Value) -> Value:
    """A tensor that is read several times."""
    x = settled(x)
    return x.with_data(k.kept(x.data))


def _parts(k: Target, x: Any) -> tuple[Any, Any]:
    """Both parts, to be read several times; the imaginary one of what is real is None."""
    if isinstance(x, list):
        return _kept(k, x[0]), _kept(k, x[1])
    if isinstance(x, complex):
        return x.real, x.imag
    return (_kept(k, x) if isinstance(x, Value) else x), None


@complex_row("view_as_complex")
def view_as_complex(k: Target, x: Value) -> Complex:
    return [select(k, x, -1, 0), select(k, x, -1, 1)]


@complex_row("view_as_real", "view_as_real_copy")
def view_as_real(k: Target, x: Complex) -> Value:
    return stack(k, x, -1)


@complex_row("complex")
def complex_of(k: Target, real: Value, imaginary: Value) -> Complex:
    return [real, imaginary]


@complex_row("polar")
def polar(k: Target, size: Value, angle: Value) -> Complex:
    (size, _), (angle, _) = _parts(k, size), _parts(k, angle)
    turned = [angle.with_data(function(angle.data)) for function in (k.ops.cos, k.ops.sin)]
    return [multiply(k, size, part) for part in turned]


@complex_row("real")
def real(k: Target, x: Any) -> Value:
    return x[0] if isinstance(x, list) else x


@complex_row("imag")
def imaginary(k: Target, x: Complex) -> Value:
    return x[1]


@complex_row("abs")
def absolute(k: Target, x: Complex) -> Value:
    squares = [part.with_data(k.ops.square(part.data)) for part in map(settled, x)]
    total = add(k, *squares)
    held = k.kept(total.data)
    is_zero = k.kept(k.ops.equal(held, 0))  # there a root has no gradient, and torch's is 0
    root = k.ops.sqrt(k.ops.where(is_zero, k.ops.ones_like(held), held))
    return total.with_data(k.ops.where(is_zero, k.ops.zeros_like(held), root))


@complex_row("angle")
def angle(k: Target, x: Complex) -> Value:
    return combined(k, k.ops.arctan2, [x[1], x[0]])


@complex_row("conj", "_conj", "conj_physical", "resolve_conj", "_conj_physical")
def conjugate(k: Target, x: Complex) -> Complex:
    return [x[0], negative(k, x[1])]


@complex_row("resolve_neg", "to", "_to_copy", "type_as")
def as_it_is(k: Target, x: Any, *_: Any, **__: Any) -> Any:
    """Also what makes real numbers complex."""
    if isinstance(x, list):
        return x
    x = settled(x)
    return [x, x.with_data(k.ops.zeros_like(x.data))]


@complex_row("exp")
def exponential(k: Target, x: Complex) -> Complex:
    size = settled(x[0])
    return polar(k, size.with_data(k.ops.exp(size.data)), x[1])


def _sum_or_difference(name: str, function: Callable[..., Value]) -> None:
    @complex_row(name)
    def combine(k: Target, x: Any, y: Any, *, alpha: float = 1) -> Complex:
        (a, b), (c, d) = _parts(k, x), _parts(k, y)
        second: Any = b if d is None else function(k, 0 if b is None else b, d, alpha=alpha)
        return [function(k, a, c, alpha=alpha), second]


_sum_or_difference("add", add)
_sum_or_difference("sub", subtract)


def _product(k: Target, x: Any, y: Any, times: Callable[[Any, Any], Value]) -> Complex:
    """By a product of real numbers."""
    (a, b), (c, d) = _parts(k, x), _parts(k, y)
    if d is None:
        return [times(a, c), times(b, c)]
    if b is None:
        return [times(a, c), times(a, d)]
    return [subtract(k, times(a, c), times(b, d)), add(k, times(a, d), times(b, c))]


@complex_row("mul")
def times(k: Target, x: Any, y: Any) -> Complex:
    return _product(k, x, y, lambda a, b: multiply(k, a, b))


@complex_row("matmul", "bmm", "mm")
def matrix_times(k: Target, x: Any, y: Any) -> Complex:
    return _product(k, x, y, lambda a, b: matmul(k, a, b))


@complex_row("einsum")
def einsum_of_complex(k: Target, equation: str, operands: Sequence[Any], *, path: Any = None) -> Complex:
    if len(operands) != 2:
        raise NoRowError("einsum of other than two tensors of complex numbers")
    return _product(k, operands[0], operands[1], lambda a, b: einsum(k, equation, [a, b]))


@complex_row("div")
def quotient(k: Target, x: Any, y: Any) -> Complex:
    if isinstance(y, list):
        raise NoRowError("division by complex numbers")
    return [combined(k, lambda a, b: a / b, [part, y]) for part in x]


@complex_row("_fft_r2c")
def real_to_complex(k: Target, x: Value, dim: Sequence[int], normalization: int, onesided: bool) -> Complex:
    count = prod(x.shape[axis] for axis in dim)
    *others, last = dim
    held = in_order(k.ops, transpose(k, x, last, -1))
    if onesided:
        parts = k.unpacked(k.ops.rfft(held.data), 2)
        shape = (*held.shape[:-1], held.shape[-1] // 2 + 1)
    else:
        data = k.kept(held.data)
        parts, shape = k.unpacked(k.ops.fft((data, k.ops.zeros_like(data))), 2), held.shape
    made = [transpose(k, Value(part, shape, held.axes), last, -1) for part in parts]
    for axis in others:
        made = _along(k, made, axis, forward=True)
    return _scaled(made, _scale(count, normalization))


@complex_row("_fft_c2c")
def complex_to_complex(k: Target, x: Complex, dim: Sequence[int], normalization: int, forward: bool) -> Complex:
    made = x
    for axis in dim:
        made = _along(k, made, axis, forward=forward)
    return _scaled(made, _scale(prod(x[0].shape[axis] for axis in dim), normalization))


@complex_row("_fft_c2r")
def complex_to_real(k: Target, x: Complex, dim: Sequence[int], normalization: int, last_dim_size: int) -> Value:
    *others, last = dim
    made = x
    for axis in others:
        made = _along(k, made, axis, forward=False)
    held = [in_order(k.ops, transpose(k, part, last, -1)) for part in made]
    data = k.ops.irfft(tuple(part.data for part in held), fft_length=last_dim_size)
    value = Value(data, (*held[0].shape[:-1], last_dim_size), held[0].axes)
    count = last_dim_size * prod(x[0].shape[axis] for axis in others)
    return _scaled([transpose(k, value, last, -1)], last_dim_size * _scale(count, normalization))[0]


def _along(k: Target, x: Complex, axis: int, *, forward: bool) -> Complex:
    """The transform along one axis; backwards it is the one forwards with both parts in each other's place."""
    held = [in_order(k.ops, transpose(k, part, axis, -1)) for part in (x if forward else reversed(x))]
    parts = k.unpacked(k.ops.fft(tuple(part.data for part in held)), 2)
    made = [transpose(k, like.with_data(part), axis, -1) for part, like in zip(parts, held, strict=True)]
    return made if forward else made[::-1]


def _scale(count: int, normalization: int) -> float:
    """What torch's three ways to normalise multiply by."""
    return (1.0, count**-0.5, 1 / count)[normalization]


def _scaled(x: Complex, factor: float) -> Complex:
    if abs(factor - 1) < 1e-12:
        return x
    return [part.with_data(part.data * factor) for part in map(settled, x)]
