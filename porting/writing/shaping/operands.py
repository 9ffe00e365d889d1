"""Have Keras combine constants with tensors: what a backend computes as the model is built is no symbolic tensor.

``ops.arange(12) + x`` asks jax to add a symbolic tensor to its own array, which it refuses; ``ops.add`` asks Keras.
"""

import ast
from collections.abc import Iterator

from porting.writing.values.blocks import Block, BlockCall, Statement
from porting.writing.values.expressions import LayerName, clone, walk

_FUNCTIONS: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "mod",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.BitXor: "logical_xor",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}


def settle_operands(model: Block) -> None:
    """Write operators whose left side is a constant array, and whose right side is a symbolic tensor, as functions."""
    _settle(model, set())


def _settle(block: Block, constants: set[str]) -> None:
    """Settle a block; the constant values that it makes, and those of blocks that are called in it, are added."""
    for statement in block.statements:
        if isinstance(statement.tree, BlockCall):
            _settle_call(statement, statement.tree, constants)
            continue
        statement.tree = _Functions(constants).visit(clone(statement.tree))
        if _is_constant(statement.tree, constants):
            constants.update(statement.targets)


def _settle_call(statement: Statement, call: BlockCall, constants: set[str]) -> None:
    given = zip(call.block.parameters, call.arguments, strict=True)
    constants.update(name for name, argument in given if _is_constant(argument, constants))
    _settle(call.block, constants)
    made = zip(statement.targets, call.block.results, strict=True)
    constants.update(target for target, result in made if result in constants)


def _is_constant(tree: ast.expr, constants: set[str]) -> bool:
    """Whether the numbers that an expression makes are known as the model is built."""
    names = _names_in(tree)
    return all(name in constants for name in names if name.startswith("%")) and not _has_layer(tree)


def _is_array(tree: ast.expr) -> bool:
    """Whether an expression that is constant is an array, and not a number of Python's."""
    return any(name == "ops" or name.startswith("%") for name in _names_in(tree))


def _names_in(tree: ast.AST) -> Iterator[str]:
    """The names in an expression but those that are read for their shape alone."""
    if isinstance(tree, ast.Name):
        yield tree.id
    if not (isinstance(tree, ast.Attribute) and tree.attr == "shape"):
        for child in ast.iter_child_nodes(tree):
            yield from _names_in(child)


def _has_layer(tree: ast.expr) -> bool:
    return any(isinstance(node, LayerName) for node in walk(tree))


class _Functions(ast.NodeTransformer):
    """Replaces operators between a constant array and a symbolic tensor."""

    def __init__(self, constants: set[str]) -> None:
        self._constants = constants

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._settled(node, node.left, node.op, node.right)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        return self._settled(node, node.left, node.ops[0], node.comparators[0])

    def _settled(self, node: ast.expr, left: ast.expr, operator: ast.AST, right: ast.expr) -> ast.expr:
        is_mixed = _is_constant(left, self._constants) and not _is_constant(right, self._constants)
        if not is_mixed or not _is_array(left) or type(operator) not in _FUNCTIONS:
            return node
        function = ast.Attribute(ast.Name("ops", ast.Load()), _FUNCTIONS[type(operator)], ast.Load())
        return ast.Call(function, [left, right], [])
