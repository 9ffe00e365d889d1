"""Products of matrices, and attention."""

import math
from collections.abc import Sequence
from typing import Any

from porting.writing.axes import Value, arranged, in_order, permuted, settled
from porting.writing.functions.pointwise import add, combined, dropout, softmax
from porting.writing.functions.row import NoRowError, Target, row
from porting.writing.functions.shapes import select, unsqueeze

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def einsum_of(k: Target, operands: Sequence[Value], inputs: Sequence[str], output: str) -> Value:
    """A sum of products, each operand in the order in which it is held; the result in the first one's order."""
    operands = [_with_open_form(value, letters, output) for value, letters in zip(operands, inputs, strict=True)]
    sizes = {
        letter: size
        for value, letters in zip(operands, inputs, strict=True)
        for letter, size in zip(letters, value.shape, strict=True)
    }
    terms = ["".join(letters[axis] for axis in value.axes) for value, letters in zip(operands, inputs, strict=True)]
    held = [letter for letter in output if any(letter in term for term in terms)]
    order = _order(terms, held)
    equation = f"{','.join(terms)}->{''.join(order)}"
    data = k.ops.einsum(equation, *(value.data for value in operands))
    return Value(data, tuple(sizes[letter] for letter in output), tuple(output.index(letter) for letter in order))


def _with_open_form(value: Value, letters: str, output: str) -> Value:
    return settled(value)


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
    batch = LETTERS[: rank - 2]
    left, row_, inner, column = batch, LETTERS[rank], LETTERS[rank + 1], LETTERS[rank + 2]
    first = _letters(x, left, row_ + inner) if x.rank > 1 else inner
    second = _letters(y, left, inner + column) if y.rank > 1 else inner
    if any(a != b for a, b in zip(_sizes_by(x, first).items(), (), strict=False)):
        raise NoRowError("matmul")
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
    made = einsum_of(k, [x, y], [first, second], "".join(c for c in output if c in first + second))
    return made


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
    from porting.writing.axes import broadcast_shape

    return broadcast_shape([left, right]) if left or right else ()


@row("einsum")
def einsum(k: Target, equation: str, operands: Sequence[Value], **_: Any) -> Value:
    inputs, _, output = equation.replace(" ", "").partition("->")
    if "." in equation or not output or any(len(set(term)) != len(term) for term in inputs.split(",")):
        raise NoRowError(f"einsum of {equation!r}")
    return einsum_of(k, operands, inputs.split(","), output)


@row("linear")
def linear(k: Target, x: Value, weight: Value, bias: Value | None = None) -> Value:
    x = in_order(k.ops, x)
    weight = arranged(k.ops, weight, (1, 0))
    shape = (*x.shape[:-1], weight.shape[0])
    product = Value(k.ops.matmul(x.data, weight.data), shape, tuple(range(len(shape))))
    return product if bias is None else add(k, product, bias)


@row("addmm")
def addmm(k: Target, bias: Value, x: Value, y: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    if beta != 1 or alpha != 1:
        raise NoRowError("addmm with beta or alpha")
    return add(k, matmul(k, x, y), bias)


@row("baddbmm")
def baddbmm(k: Target, bias: Value, x: Value, y: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    product = matmul(k, x, y)
    if alpha != 1:
        product = product.with_data(product.data * alpha)
    return add(k, product, bias, alpha=beta) if beta else product


@row("scaled_dot_product_attention")
def attention(
    k: Target,
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """Keras casts a scale to float32, so that the query is scaled before."""
    if query.rank != 4:
        return _attention_in_steps(k, query, key, value, attn_mask, is_causal, scale, dropout_p)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    held = [arranged(k.ops, tensor, (0, 2, 1, 3)) for tensor in (query, key, value)]
    settings: dict[str, Any] = {"is_causal": True} if is_causal else {}
    if attn_mask is not None:
        settings["mask" if attn_mask.dtype == "bool" else "bias"] = _four_axes(k, attn_mask).data
    scaled = held[0].data * _power_of(query.shape[-1], factor) if factor != 1 else held[0].data
    if dropout_p:
        data = k.own("attention")(scaled, held[1].data, held[2].data, rate=dropout_p, **settings)
    else:
        data = k.ops.dot_product_attention(scaled, held[1].data, held[2].data, scale=1.0, **settings)
    return Value(data, (*query.shape[:-1], value.shape[-1]), (0, 2, 1, 3))


def _power_of(width: int, factor: float) -> Any:
    return factor


def _four_axes(k: Target, mask: Value) -> Value:
    """Sample, head, query, key: all of them, as Keras' attention asks for."""
    for _ in range(4 - mask.rank):
        mask = unsqueeze(k, mask, 0)
    return in_order(k.ops, mask)


def _attention_in_steps(
    k: Target,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None,
    is_causal: bool,
    scale: float | None,
    rate: float,
) -> Value:
    if is_causal:
        raise NoRowError("causal attention of tensors that have not four axes")
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    order = (*range(key.rank - 2), key.rank - 1, key.rank - 2)
    scaled = settled(query).with_data(settled(query).data * factor)
    scores = matmul(k, scaled, permuted(key, order))
    if mask is not None and mask.dtype == "bool":
        scores = combined(k, k.ops.where, [mask, scores, float("-inf")], "float")
    elif mask is not None:
        scores = add(k, scores, mask)
    return matmul(k, dropout(k, softmax(k, scores, -1), rate), value)
