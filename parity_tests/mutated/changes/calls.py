"""Changes of calls between layers: left out, doubled, another one, in another order."""

import ast
from collections.abc import Callable

from parity_tests.mutated.changes.places import (
    ACTIVATIONS,
    WEIGHTED,
    Changes,
    assignments,
    called_layers,
    is_tensor_call,
    reads,
)
from parity_tests.mutated.changes.sources import Source, keyword_of, name_of, number_of


def pads(source: Source) -> Changes:
    """Other widths of ``ops.pad``, and other values there."""
    for call in (call for call in source.calls("ops") if name_of(call) == "pad"):
        if held := keyword_of(call, "mode"):
            yield from (
                ((held.value, f'"{mode}"'),)
                for mode in ("symmetric", "reflect", "constant")
                if mode != held.value.value
            )
        widths = call.args[1] if len(call.args) > 1 else None
        for pair in widths.elts if isinstance(widths, ast.Tuple) else ():
            numbers = [number_of(end) for end in pair.elts] if isinstance(pair, ast.Tuple) else []
            if len(numbers) == 2 and None not in numbers and sum(numbers):
                yield ((pair, f"({numbers[0] + numbers[1]}, 0)"),)


def activations(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) in ACTIVATIONS:
            given = source.segment(call.args[0])
            yield from (((call, f"ops.{other}({given})"),) for other in ACTIVATIONS if other != name_of(call))


def activation_settings(source: Source) -> Changes:
    for call in source.calls("ops"):
        for held in call.keywords if name_of(call) in ACTIVATIONS else ():
            if isinstance(held.value, ast.Constant) and isinstance(held.value.value, bool):
                yield ((held.value, str(not held.value.value)),)
            elif (value := number_of(held.value)) is not None:
                yield from (((held.value, repr(other)),) for other in (2 * value, value * 1.001))


def missing(names: Callable[[str], bool]):
    """What a call is given in the place of what it gives."""

    def find(source: Source) -> Changes:
        for call in source.calls("ops"):
            if names(name_of(call)) and is_tensor_call(call):
                yield ((call, source.segment(call.args[0])),)
        for call in called_layers(source):
            if names(name_of(call.func)) and not WEIGHTED.match(name_of(call.func)):
                yield ((call, source.segment(call.args[0])),)

    return find


def doubled(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) not in ("arange", "ones", "zeros", "convert_to_tensor", "einsum", "shape") and is_tensor_call(
            call
        ):
            text = source.segment(call)
            begin, end = source.span(call.args[0])
            start = source.span(call)[0]
            yield ((call, text[: begin - start] + text + text[end - start :]),)
    for call in called_layers(source):
        if not WEIGHTED.match(name_of(call.func)):
            yield ((call, f"{source.segment(call.func)}({source.segment(call)})"),)


def is_drop(name: str) -> bool:
    return "Dropout" in name or name in ("StochasticDepth", "GaussianNoise", "GaussianDropout")


def is_activation(name: str) -> bool:
    return name in ACTIVATIONS or name in ("softmax", "log_softmax")


def is_other(name: str) -> bool:
    return not is_drop(name) and not is_activation(name)


def drops_added(source: Source) -> Changes:
    for statement in assignments(source):
        if isinstance(statement.value, ast.Call):
            yield ((statement.value, f"layers.Dropout(0.3)({source.segment(statement.value)})"),)


def casts(source: Source) -> Changes:
    """A tensor that goes through a shorter type."""
    for statement in assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            name, text = statement.targets[0].id, source.segment(statement)
            for dtype in ("float16", "bfloat16", "float32"):
                cast = f'{name} = ops.cast(ops.cast({name}, "{dtype}"), {name}.dtype)'
                yield ((statement, f"{text}; {cast}"),)


def reductions(source: Source) -> Changes:
    kinds = ("mean", "sum", "max")
    for call in source.calls("ops"):
        if name_of(call) in kinds:
            yield from (((call.func, f"ops.{other}"),) for other in kinds if other != name_of(call))


def stopped(source: Source) -> Changes:
    """A gradient that ends."""
    for statement in assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            yield ((statement.value, f"ops.stop_gradient({source.segment(statement.value)})"),)


def neighbours(source: Source) -> Changes:
    """Two statements in a row, each of which makes the same tensor anew, in the other order."""
    for function in source.functions:
        for first, second in zip(function.body, function.body[1:], strict=False):
            both = [each for each in (first, second) if each in set(assignments(source))]
            if len(both) == 2 and first.targets[0].id == second.targets[0].id and reads(second, first.targets[0].id):
                yield ((first, source.segment(second)), (second, source.segment(first)))


def masks(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) in ("triu", "tril"):
            yield ((call.func, f"ops.{'tril' if name_of(call) == 'triu' else 'triu'}"),)
        if name_of(call) == "where" and len(call.args) == 3:
            yield from (((call, source.segment(kept)),) for kept in call.args[1:] if isinstance(kept, ast.Name))
    for node in source.nodes():
        if isinstance(node, ast.Call) and name_of(node) == "float" and node.args:
            yield from (((node, text),) for text in ("0.0", "-1.0"))
