"""Axes and operands in another order, and operands left out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import Any

from torch import Tensor

from porting.causes.catalogue.variants import FunctionCall, Replacements, first_argument, on_first


def permuted(tensor: Tensor) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """All orders of the axes behind the samples but the present one."""
    axes = range(1, tensor.ndim)
    for order in permutations(axes):
        if order != tuple(axes) and tensor.ndim <= 5:
            yield order, tensor.permute(0, *order)


def reshaped(call: FunctionCall) -> Replacements:
    """Axes in another order before, or behind."""
    shape = list(call.result.shape)
    if call.result.ndim < 2 or first_argument(call.arguments, call.keywords).ndim < 2:
        return
    for order, _ in permuted(first_argument(call.arguments, call.keywords)):
        yield (
            f"axes in the order {order} before {call.name}, channels not first",
            on_first(lambda tensor, order=order: tensor.permute(0, *order).reshape(shape)),
        )
    for order in permutations(range(1, len(shape))) if len(shape) <= 5 else ():
        if order != tuple(range(1, len(shape))):
            other, back = [shape[axis] for axis in order], [order.index(axis) + 1 for axis in range(1, len(shape))]
            yield (
                f"{call.name} to {tuple(other)} where the reference has {tuple(shape[1:])}",
                on_first(lambda tensor, other=other, back=back: tensor.reshape(shape[0], *other).permute(0, *back)),
            )


def not_transposed(call: FunctionCall) -> Replacements:
    """Reshaped, or moved into another order, where the result has the same shape."""
    shape = tuple(call.result.shape)
    yield "reshaped where the reference moves axes", on_first(lambda tensor: tensor.reshape(shape))
    for order in permutations(range(call.result.ndim)) if call.result.ndim <= 4 else ():
        source = first_argument(call.arguments, call.keywords)
        if source.ndim == len(order) and tuple(source.shape[axis] for axis in order) == shape:
            yield f"axes in the order {order}", on_first(lambda tensor, order=order: tensor.permute(order))


def _operands(call: FunctionCall) -> list[Any]:
    return list(call.arguments[:2])


def unscaled(call: FunctionCall) -> Replacements:
    """The operand that a number changes, as it was."""
    for number, operand in enumerate(_operands(call)):
        if isinstance(operand, Tensor) and operand.shape == call.result.shape:
            other = _operands(call)[1 - number] if len(call.arguments) > 1 else None
            if not isinstance(other, Tensor) or other.ndim == 0:
                yield (
                    f"{call.name} by {float(other) if other is not None else 0:.4g} is left out",
                    partial(_operand, number),
                )


def _operand(number: int, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return arguments[number]


def one_operand(call: FunctionCall) -> Replacements:
    """One of two branches alone."""
    for number, operand in enumerate(_operands(call)):
        if isinstance(operand, Tensor) and operand.shape == call.result.shape:
            yield (
                f"only the {('first', 'second')[number]} of the two that the reference adds",
                partial(_operand, number),
            )


def swapped_operands(call: FunctionCall) -> Replacements:
    """The same operands, exchanged."""
    if call.name in {"cat", "stack", "concat", "concatenate"}:
        yield from ((f"in the order {order}", partial(_joined, order)) for order in _orders(len(_pieces(call))))
    elif call.name in {"matmul", "bmm"}:
        yield "exchanged, each transposed", lambda function, arguments, keywords: arguments[1].mT @ arguments[0].mT
    elif len(call.arguments) > 1:
        yield (
            "exchanged",
            lambda function, arguments, keywords: function(arguments[1], arguments[0], *arguments[2:], **keywords),
        )


def transposed_product(call: FunctionCall) -> Replacements:
    """The product's last two axes exchanged."""
    yield "the product transposed", lambda function, arguments, keywords: function(*arguments, **keywords).mT


def _pieces(call: FunctionCall) -> Sequence[Tensor]:
    return call.arguments[0] if call.arguments else call.keywords["tensors"]


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """All orders of a few operands; of many only those in which two are exchanged."""
    if count <= 4:
        yield from permutations(range(count))
        return
    for first, second in combinations(range(count), 2):
        order = list(range(count))
        order[first], order[second] = second, first
        yield tuple(order)


def _joined(order: Sequence[int], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    if not arguments:
        return function(**{**keywords, "tensors": [keywords["tensors"][at] for at in order]})
    return function([arguments[0][at] for at in order], *arguments[1:], **keywords)
