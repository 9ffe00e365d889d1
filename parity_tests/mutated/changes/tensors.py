"""Changes of what is computed with: axes, orders, operands, numbers."""

import ast
import re
from collections.abc import Callable
from itertools import combinations

from parity_tests.mutated.changes.places import Changes, assignments, with_keyword
from parity_tests.mutated.changes.sources import Source, holder_of, keyword_of, name_of, number_of

ORDERED = (ast.Sub, ast.Div, ast.MatMult)

OPERATIONS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}


def other_axes(names: re.Pattern[str]):
    def find(source: Source) -> Changes:
        for call in (*source.calls("ops"), *source.calls("layers")):
            if not names.match(name_of(call)):
                continue
            held = keyword_of(call, "axis")
            value = number_of(held.value) if held else None
            if held is None and name_of(call) in ("softmax", "log_softmax"):
                value = -1
            for other in (1, -2, 2, -1) if value is not None else ():
                if other != value:
                    yield (with_keyword(source, call, "axis", str(other)),)
            if held and isinstance(held.value, ast.Tuple):
                for at, each in enumerate(held.value.elts):
                    yield from (((each, str(other)),) for other in (1, 2, 3) if other != number_of(each) and at >= 0)

    return find


def orders(source: Source) -> Changes:
    """The order of a transposition with two axes exchanged; never the samples'."""
    for call in source.calls("ops"):
        if name_of(call) == "transpose" and len(call.args) > 1 and isinstance(call.args[1], ast.Tuple):
            order = [source.segment(each) for each in call.args[1].elts]
            for one, other in combinations(range(1, len(order)), 2):
                swapped = list(order)
                swapped[one], swapped[other] = order[other], order[one]
                yield ((call.args[1], f"({', '.join(swapped)})"),)


def shapes(source: Source) -> Changes:
    """A reshape to the same numbers in another order."""
    for call in source.calls("ops"):
        if name_of(call) == "reshape" and len(call.args) > 1 and isinstance(call.args[1], ast.Tuple):
            lengths = [source.segment(each) for each in call.args[1].elts]
            for one, other in combinations(range(1, len(lengths)), 2):
                if lengths[one] != lengths[other]:
                    swapped = list(lengths)
                    swapped[one], swapped[other] = lengths[other], lengths[one]
                    yield ((call.args[1], f"({', '.join(swapped)})"),)


def equations(source: Source) -> Changes:
    """Two letters exchanged in one part of an equation."""
    for call in source.calls("ops"):
        equation = call.args[0] if name_of(call) == "einsum" and call.args else None
        if not (isinstance(equation, ast.Constant) and isinstance(equation.value, str)):
            continue
        parts = re.split(r"(,|->)", equation.value)
        for at in range(0, len(parts), 2):
            for one, other in combinations(parts[at], 2):
                swapped = parts[at].translate(str.maketrans(one + other, other + one))
                yield ((equation, repr("".join([*parts[:at], swapped, *parts[at + 1 :]]))),)


def others_in_scope(source: Source) -> Changes:
    """Another tensor in the place of one."""
    for node in source.nodes():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            known = source.known_before(node)
            if node.id in known and not isinstance(source.parents[node], ast.Attribute):
                yield from (((node, other),) for other in known if other != node.id)


def operands(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED):
            yield ((node.left, source.segment(node.right)), (node.right, source.segment(node.left)))
        if isinstance(node, ast.Call) and name_of(node) in ("concatenate", "stack", "subtract", "matmul", "divide"):
            held = node.args[0].elts if isinstance(node.args[0], ast.List) else node.args[:2]
            for one, other in combinations(held, 2):
                yield ((one, source.segment(other)), (other, source.segment(one)))


def operations(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and (other := OPERATIONS.get(type(node.op))):
            yield ((node, f"({source.segment(node.left)} {other} {source.segment(node.right)})"),)


def one_operand(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield from (((node, source.segment(kept)),) for kept in (node.left, node.right) if number_of(kept) is None)


def other_constants(change: Callable[[float], float]):
    """Numbers with a point that stand between operators or are given to operations."""

    def find(source: Source) -> Changes:
        for node in source.nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value:
                parent = source.parents[node]
                is_setting = isinstance(parent, ast.keyword) or (
                    isinstance(parent, ast.Call) and holder_of(parent) == "layers"
                )
                if not is_setting:
                    yield ((node, repr(change(node.value))),)

    return find


def integers(source: Source) -> Changes:
    """Whole numbers that operations and slices are given, one more or less."""
    for node in source.nodes():
        if not (isinstance(node, ast.Constant) and type(node.value) is int):
            continue
        parent = source.parents[node]
        inner = isinstance(parent, (ast.Slice, ast.Subscript, ast.BinOp, ast.UnaryOp))
        if inner or (isinstance(parent, ast.Call) and holder_of(parent) == "ops"):
            yield from (((node, str(node.value + step)),) for step in (1, -1))


def transposed(source: Source) -> Changes:
    """The last two axes exchanged of what a statement makes."""
    for statement in assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            yield ((statement.value, f"ops.swapaxes({source.segment(statement.value)}, -1, -2)"),)


def reversed_(source: Source) -> Changes:
    for statement in assignments(source):
        if isinstance(statement.value, ast.Call):
            yield from (
                ((statement.value, f"ops.flip({source.segment(statement.value)}, {axis})"),) for axis in (1, -1)
            )
