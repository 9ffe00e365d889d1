"""Products of matrices and sums of products."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import select, transpose, unsqueeze
from porting.writing.functions.pointwise import add, multiply
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.values.axes import Value, arranged, broadcast_shape, in_order, settled

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def einsum_of(k: Target, operands: Sequence[Value], inputs: Sequence[str], output: str) -> Value:
    """A sum of products, each operand in the order in which it is held; the result in the first one's order."""
    operands = [settled(value) for value in operands]
    sizes = {
        letter: size
        for value, letters in zip(operands, inputs, strict=True)
        for letter, size in zip(letters, value.shape, strict=True)
    }
    terms = ["".join(letters[axis] for axis in value.axes) for value, letters in zip(operands, inputs, strict=True)]
    held = [letter for letter in output if any(letter in term for term in terms)]
    order = _as_last(operands[-1], output, held) or _order(terms, held)
    equation = f"{','.join(terms)}->{''.join(order)}"
    data = k.ops.einsum(equation, *(value.data for value in operands))
    return Value(data, tuple(sizes[letter] for letter in output), tuple(output.index(letter) for letter in order))


def _as_last(value: Value, output: str, held: Sequence[str]) -> list[str]:
    """The order in which the last operand is held, where its last axis is the result's: of values in heads."""
    if value.axes == tuple(range(value.rank)) or value.rank != len(output) or value.axes[-1:] != (value.rank - 1,):
        return []
    return [output[axis] for axis in value.axes if output[axis] in held] if len(value.axes) == len(held) else []


def _order(terms: Sequence[str], held: Sequence[str]) -> list[str]:
    """The samples first, then torch's order."""
    first = next((letter for letter in terms[0] if letter in held), "")
    return sorted(held, key=lambda letter: letter != first) if first and terms[0][0] == first else list(held)


@row("matmul", "bmm", "mm", "mv", "dot")
def matmul(k: Target, x: Value, y: Value) -> Value:
    if y.form is not None and y.rank == 2:
        x = in_order(k.ops, x)
        y = arranged(k.ops, y, (0, 1))
    if _is_plain(x) and _is_plain(y) and x.rank > 1 and y.rank > 1:
        return combined_matrices(k, x, y)
    rank = max(x.rank, y.rank)
    batch = LETTERS[: max(rank - 2, 0)]
    left, row_, inner, column = batch, LETTERS[rank], LETTERS[rank + 1], LETTERS[rank + 2]
    first = _letters(x, left, row_ + inner) if x.rank > 1 else inner
    second = _letters(y, left, inner + column) if y.rank > 1 else inner
    return _broadcast_einsum(k, x, y, first, second, (left, row_ if x.rank > 1 else "", column if y.rank > 1 else ""))


def _letters(value: Value, batch: str, own: str) -> str:
    return batch[len(batch) - (value.rank - 2) :] + own


def _sizes_by(value: Value, letters: str) -> dict[str, int]:
    return dict(zip(letters, value.shape, strict=True))


def _broadcast_einsum(k: Target, x: Value, y: Value, first: str, second: str, parts: tuple[str, str, str]) -> Value:
    """Axes of length one that broadcast are left out of the term that has them."""
    batch, rows, columns = parts
    sizes = {**_sizes_by(y, second), **{c: s for c, s in _sizes_by(x, first).items() if s != 1 or c not in second}}
    x, first = _without_broadcast(k, x, first, sizes)
    y, second = _without_broadcast(k, y, second, sizes)
    output = batch + rows + columns
    return einsum_of(k, [x, y], [first, second], "".join(c for c in output if c in first + second))


def _without_broadcast(k: Target, value: Value, letters: str, sizes: dict[str, int]) -> tuple[Value, str]:
    for letter in letters:
        at = letters.index(letter)
        if value.shape[at] == 1 and sizes[letter] != 1:
            value, letters = select(k, value, at, 0), letters.replace(letter, "")
    return value, letters


def _is_plain(value: Value) -> bool:
    return value.axes == tuple(range(value.rank)) and value.form is None


def combined_matrices(k: Target, x: Value, y: Value) -> Value:
    """A product of matrices that stand as torch has them."""
    batch = combined_shape(x.shape[:-2], y.shape[:-2])
    shape = (*batch, x.shape[-2], y.shape[-1])
    return Value(k.ops.matmul(x.data, y.data), shape, tuple(range(len(shape))))


def combined_shape(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """The shape of the axes in front."""
    return broadcast_shape([left, right]) if left or right else ()


@row("einsum")
def einsum(k: Target, equation: str, operands: Sequence[Value], *, path: Any = None) -> Value:
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        letters = "".join(terms).replace(".", "")
        output = ("..." if "..." in inputs else "") + "".join(sorted(c for c in letters if letters.count(c) == 1))
    free = [c for c in LETTERS + LETTERS.upper() if c not in equation]
    counts = [value.rank - len(term.replace("...", "")) for term, value in zip(terms, operands, strict=True)]
    rest = "".join(free[: max((n for n, term in zip(counts, terms, strict=True) if "..." in term), default=0)])
    spelled = [term.replace("...", rest[len(rest) - n :]) for n, term in zip(counts, terms, strict=True)]
    output = output.replace("...", rest)
    small = str.maketrans(dict(zip(dict.fromkeys("".join(spelled)), LETTERS, strict=False)))
    spelled, output = [term.translate(small) for term in spelled], output.translate(small)
    if any(len(set(term)) != len(term) for term in spelled):
        raise NoRowError(f"einsum along a diagonal: {equation!r}")
    held = [
        _without_broadcast(k, v, t, _sizes_of_all(operands, spelled)) for v, t in zip(operands, spelled, strict=True)
    ]
    return einsum_of(k, [value for value, _ in held], [term for _, term in held], output)


def _sizes_of_all(operands: Sequence[Value], terms: Sequence[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for value, term in zip(operands, terms, strict=True):
        for letter, size in zip(term, value.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return sizes


@row("bilinear")
def bilinear(k: Target, x: Value, y: Value, weight: Value, bias: Value | None = None) -> Value:
    rest = LETTERS[: x.rank - 1]
    product = einsum_of(k, [x, weight, y], [f"{rest}y", "xyz", f"{rest}z"], f"{rest}x")
    return product if bias is None else add(k, product, bias)


@row("inner")
def inner(k: Target, x: Value, y: Value) -> Value:
    if not x.rank or not y.rank:
        return multiply(k, x, y)
    left, right = LETTERS[: x.rank - 1], LETTERS[x.rank - 1 : x.rank + y.rank - 2]
    return einsum_of(k, [x, y], [f"{left}z", f"{right}z"], left + right)


@row("outer", "ger")
def outer(k: Target, x: Value, y: Value) -> Value:
    return multiply(k, unsqueeze(k, x, 1), unsqueeze(k, y, 0))


@row("linear")
def linear(k: Target, x: Value, weight: Value, bias: Value | None = None) -> Value:
    if weight.rank != 2:
        made = matmul(k, x, weight)
        return made if bias is None else add(k, made, bias)
    x = in_order(k.ops, x)
    weight = arranged(k.ops, weight, (1, 0))
    shape = (*x.shape[:-1], weight.shape[0])
    product = Value(k.ops.matmul(x.data, weight.data), shape, tuple(range(len(shape))))
    return product if bias is None else add(k, product, bias)


@row("addmm", "baddbmm", "addmv")
def addmm(k: Target, bias: Value, x: Value, y: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    product = matmul(k, x, y)
    if alpha != 1:
        product = product.with_data(product.data * alpha)
    return add(k, product, bias, alpha=beta) if beta else product


def _of_matrices(name: str, said: str, drops: int) -> None:
    @row(name)
    def function(k: Target, x: Value, *, upper: bool = False) -> Value:
        x = in_order(k.ops, x)
        shape = x.shape[: x.rank - drops]
        made = Value(getattr(k.ops, said)(x.data), shape, tuple(range(len(shape))))
        return transpose(k, made, -1, -2) if upper else made


for _name, _said, _drops in (
    ("linalg_inv", "inv", 0),
    ("inverse", "inv", 0),
    ("linalg_cholesky", "cholesky", 0),
    ("linalg_det", "det", 2),
):
    _of_matrices(_name, _said, _drops)


@row("linalg_solve")
def solve(k: Target, x: Value, y: Value, *, left: bool = True) -> Value:
    if not left or y.shape[:-1] != x.shape[:-1]:
        raise NoRowError("solve from the right, or of one vector, or of others for each sample")
    x, y = in_order(k.ops, x), in_order(k.ops, y)
    return Value(k.ops.solve(x.data, y.data), y.shape, y.axes)
