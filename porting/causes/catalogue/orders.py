"""Axes and operands in another order, and operands left out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Size, Tensor

from porting.causes.catalogue.variants import (
    ACTIVATIONS,
    FunctionCall,
    Replacements,
    Step,
    first_argument,
    on_first,
)


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


def scalar_operand(call: FunctionCall) -> tuple[int, float] | None:
    """Which operand a number changes, and the number; None where both are tensors."""
    for number, operand in enumerate(_operands(call)):
        if isinstance(operand, Tensor) and operand.shape == call.result.shape and len(call.arguments) > 1:
            other = call.arguments[1 - number]
            if isinstance(other, (int, float)) or (isinstance(other, Tensor) and other.numel() == 1):
                return number, float(other)
    return None


def scale_of(call: FunctionCall) -> tuple[int, float] | None:
    """Which operand a number scales, and the number; None where none is scaled."""
    return scalar_operand(call) if call.name.strip("ir") in ("mul", "div", "truediv", "multiply") else None


def by_number(number: int, other: float, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    """Change an operand by another number."""
    exchanged = list(arguments)
    exchanged[1 - number] = other
    return function(*exchanged, **keywords)


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
        other = _other_operand(call, number)
        if isinstance(operand, Tensor) and operand.shape == call.result.shape and not _is_alike_in_all(other, operand):
            yield (
                f"only the {('first', 'second')[number]} of the two that the reference adds",
                partial(_operand, number),
            )


def term_left_out(call: FunctionCall) -> Replacements:
    """A sum without the number in it."""
    for number, operand in enumerate(_operands(call)):
        other = _other_operand(call, number)
        if isinstance(operand, Tensor) and isinstance(other, (int, float)):
            yield f"{call.name} of {other:g} is left out", partial(_operand, number)


def term_remedy(call: FunctionCall) -> str:
    """The number that the reference adds or subtracts."""
    number = next((operand for operand in _operands(call) if isinstance(operand, (int, float))), "the number")
    return f"{'subtract' if call.name == 'sub' else 'add'} {number!r} there"


def _other_operand(call: FunctionCall, number: int) -> Any:
    operands = _operands(call)
    return operands[1 - number] if len(operands) > 1 else None


def _is_alike_in_all(term: Any, operand: Tensor) -> bool:
    """Whether a term is the same in all samples of what it is added to."""
    if not isinstance(term, Tensor):
        return term is not None
    return term.ndim < operand.ndim or (term.ndim > 0 and len(term) == 1 < len(operand))


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


def gated_otherwise(call: FunctionCall) -> Replacements:
    """A gate of another function, or of none; what is gated and its gate exchanged."""
    axis = call.bound("input", "dim").get("dim", -1)
    for name, step in (*ACTIVATIONS.items(), ("nothing", torch.clone)):
        for words, order in (("second", (0, 1)), ("first", (1, 0))) if step is not torch.sigmoid else ():
            detail = f"{name} at the gate, the {words} part, where the reference has sigmoid at the second"
            yield detail, on_first(partial(_gated, axis, step, order))


def _gated(axis: int, step: Step, order: tuple[int, int], tensor: Tensor) -> Tensor:
    parts = tensor.chunk(2, axis)
    return parts[order[0]] * step(parts[order[1]])


def transposed_product(call: FunctionCall) -> Replacements:
    """The product's last two axes exchanged."""
    yield "the product transposed", lambda function, arguments, keywords: function(*arguments, **keywords).mT


_OPERATIONS = {"adds": torch.add, "subtracts": torch.sub, "multiplies": torch.mul, "takes the greater": torch.maximum}


def another_operation(call: FunctionCall) -> Replacements:
    """Two tensors put together otherwise; their mean."""
    if not all(isinstance(operand, Tensor) for operand in _operands(call)) or len(_operands(call)) < 2:
        return
    for words, operation in _OPERATIONS.items():
        yield f"{words} where the reference has {call.name}", partial(_by, operation)
    if call.result.is_floating_point():
        yield f"takes the mean where the reference has {call.name}", partial(_by, _mean_of_two)


def _mean_of_two(first: Tensor, second: Tensor) -> Tensor:
    return (first + second) / 2


def _by(operation: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return operation(arguments[0], arguments[1])


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


def reshape_remedy(call: FunctionCall) -> str:
    """The layers that reshape as torch does, with their sizes."""
    before = tuple(first_argument(call.arguments, call.keywords).shape[1:])
    after = tuple(call.result.shape[1:])
    if len(before) > 1 and len(after) == 1:
        return f"Permute({(len(before), *range(1, len(before)))}) to {before}, then Flatten to {after}"
    if len(before) == 1 and len(after) > 1:
        return f"Reshape({after}), then Permute({(*range(2, len(after) + 1), 1)})"
    return f"bring the axes into the reference's order, {before}, then Reshape({after}), then Permute where it goes on"


def transposition_remedy(call: FunctionCall) -> str:
    """The order of axes that the reference gives."""
    source = first_argument(call.arguments, call.keywords)
    before, after = tuple(source.shape[1:]), tuple(call.result.shape[1:])
    return f"move the axes of {before} to {after} as the reference does ({_moved(call)}), by Permute and not by Reshape"


def _moved(call: FunctionCall) -> str:
    numbers = [value for value in call.arguments[1:] if isinstance(value, (int, tuple, list, Size))]
    return f"{call.name} {', '.join(str(tuple(value) if not isinstance(value, int) else value) for value in numbers)}"


def order_remedy(call: FunctionCall) -> str:
    """Which operand comes first."""
    if call.name in {"cat", "stack", "concat", "concatenate"}:
        shapes = " then ".join(str(tuple(piece.shape[1:])) for piece in _pieces(call))
        return f"join in the reference's order: {shapes}"
    if call.name in {"matmul", "bmm"}:
        first, second = (tuple(operand.shape[1:]) for operand in _operands(call))
        return f"multiply {first} by {second}, in this order"
    return f"{call.name} the second operand to or from the first, as the reference does: exchange the port's two"
