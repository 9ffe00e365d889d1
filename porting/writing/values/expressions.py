"""Expressions: what is written, built by the same operators and calls that compute on tensors."""

import ast
import math
from typing import Any

from porting.writing.values.sizes import SizeError, is_free


class Expression:
    """A piece of Python source that operators, calls, indices and attributes extend, as they would act on a tensor.

    >>> ops = Expression(ast.Name("ops"))
    >>> x = Expression(ast.Name("x"))
    >>> (ops.relu(x[:, 1:]) + 0.5).text
    'ops.relu(x[:, 1:]) + 0.5'
    """

    __slots__ = ("tree",)

    def __init__(self, tree: ast.expr) -> None:
        self.tree = tree

    @property
    def text(self) -> str:
        """The source."""
        return ast.unparse(self.tree)

    def __getattr__(self, name: str) -> "Expression":
        if name.startswith("__"):
            raise AttributeError(name)
        return Expression(ast.Attribute(self.tree, name, ast.Load()))

    def __call__(self, *args: Any, **keywords: Any) -> "Expression":
        """A call of it."""
        named = [ast.keyword(name, tree_of(value)) for name, value in keywords.items()]
        return Expression(ast.Call(self.tree, [tree_of(value) for value in args], named))

    def __getitem__(self, index: Any) -> "Expression":
        return Expression(ast.Subscript(self.tree, tree_of(index), ast.Load()))

    def __neg__(self) -> "Expression":
        return Expression(ast.UnaryOp(ast.USub(), self.tree))

    def __invert__(self) -> "Expression":
        return Expression(ast.UnaryOp(ast.Invert(), self.tree))


def _binary(operator: type[ast.operator]):
    def apply(self: Expression, other: Any) -> Expression:
        return Expression(ast.BinOp(self.tree, operator(), tree_of(other)))

    def reflected(self: Expression, other: Any) -> Expression:
        return Expression(ast.BinOp(tree_of(other), operator(), self.tree))

    return apply, reflected


def _comparison(operator: type[ast.cmpop]):
    def apply(self: Expression, other: Any) -> Expression:
        return Expression(ast.Compare(self.tree, [operator()], [tree_of(other)]))

    return apply


for _name, _operator in {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "truediv": ast.Div,
    "floordiv": ast.FloorDiv,
    "mod": ast.Mod,
    "pow": ast.Pow,
    "matmul": ast.MatMult,
    "and": ast.BitAnd,
    "or": ast.BitOr,
    "xor": ast.BitXor,
}.items():
    for _method, _apply in zip((f"__{_name}__", f"__r{_name}__"), _binary(_operator), strict=True):
        setattr(Expression, _method, _apply)
for _name, _compared in {"lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE}.items():
    setattr(Expression, f"__{_name}__", _comparison(_compared))


class LayerName(ast.expr):
    """The name of a layer, by its path in the torch model; laid out when the function that it stands in is known."""

    _fields = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path


def name_of(path: str) -> Expression:
    """The layer's name, from its path in the torch model."""
    return Expression(LayerName(path=path))


def variable(number: int) -> Expression:
    """A value before it has a name."""
    return Expression(ast.Name(f"%{number}", ast.Load()))


def variables_in(tree: ast.AST) -> list[str]:
    """The values that an expression reads, in the order in which they are written."""
    return [node.id for node in walk(tree) if isinstance(node, ast.Name) and node.id.startswith("%")]


def walk(tree: ast.AST):
    """Every node, depth first, in the order in which they are written."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from walk(child)


def tree_of(value: Any) -> ast.expr:
    """The syntax tree of an argument: an expression's, or a Python value's."""
    if isinstance(value, Expression):
        return value.tree
    if isinstance(value, (tuple, list)):
        kind = ast.Tuple if isinstance(value, tuple) else ast.List
        return kind([tree_of(item) for item in value], ast.Load())
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return ast.Slice(*(None if part is None else tree_of(part) for part in parts))
    if is_free(value):
        raise SizeError(f"computes with {int(value)}, which follows the size of an input")
    if isinstance(value, float) and not math.isfinite(value):
        return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(str(value))], [])
    return ast.Constant(value)


def clone(tree: Any) -> Any:
    """A copy in which nothing is shared, so that each place can be rewritten by itself."""
    if isinstance(tree, list):
        return [clone(item) for item in tree]
    if not isinstance(tree, ast.AST):
        return tree
    return type(tree)(**{name: clone(value) for name, value in ast.iter_fields(tree)})
