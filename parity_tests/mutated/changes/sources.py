"""A port's source as a tree whose nodes know their statement, and how a part of it is exchanged for another."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """The text of a port.

    Attributes
    ----------
    text : str
    """

    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node's parent."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> list[ast.FunctionDef]:
        """The functions that make layers and call operations; not the methods of layers of the port's own."""
        return [node for node in self.tree.body if isinstance(node, ast.FunctionDef)]

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of those functions' bodies, in the order of the text."""
        for function in self.functions:
            for statement in function.body:
                yield from ast.walk(statement)

    def calls(self, *holders: str) -> Iterator[ast.Call]:
        """Calls of ``layers.X`` or ``ops.X``."""
        for node in self.nodes():
            if isinstance(node, ast.Call) and holder_of(node) in holders:
                yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that a node is part of."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def function_of(self, node: ast.AST) -> ast.FunctionDef:
        """The function that a node is in."""
        while not isinstance(node, ast.FunctionDef):
            node = self.parents[node]
        return node

    def segment(self, node: ast.AST) -> str:
        """A node's own text."""
        return ast.get_source_segment(self.text, node) or ast.unparse(node)

    def known_before(self, node: ast.AST) -> list[str]:
        """Names of tensors that are assigned in the same function before a node's statement."""
        statement, function = self.statement(node), self.function_of(node)
        named = [argument.arg for argument in function.args.args[:1]]
        for other in ast.walk(function):
            if isinstance(other, ast.Assign) and other.lineno < statement.lineno:
                named += [target.id for target in other.targets if isinstance(target, ast.Name)]
        return list(dict.fromkeys(named))

    def _offset(self, line: int, column: int) -> int:
        lines = self.text.splitlines(keepends=True)
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node's text begins and ends."""
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def with_texts(self, *exchanged: tuple[ast.AST, str]) -> str:
        """The text with other texts in the place of some nodes'."""
        text = self.text
        for (begin, end), other in sorted(((self.span(node), other) for node, other in exchanged), reverse=True):
            text = text[:begin] + other + text[end:]
        return text

    def head(self, statement: ast.stmt) -> str:
        """A statement's text; of one with a body, its first line."""
        text = self.segment(statement)
        return text.splitlines()[0] if isinstance(statement, (ast.For, ast.If, ast.FunctionDef)) else text


def holder_of(call: ast.Call) -> str:
    """``layers`` of ``layers.Dense(4)``; empty where a call has no such holder."""
    function = call.func
    return function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""


def name_of(call: ast.Call) -> str:
    """``Dense`` of ``layers.Dense(4)``, ``conv2d`` of ``conv2d(x)``."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def keyword_of(call: ast.Call, name: str) -> ast.keyword | None:
    """An argument that is given by its name."""
    return next((held for held in call.keywords if held.arg == name), None)


def number_of(node: ast.AST | None) -> float | None:
    """The number that a node is, if it is one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_of(node.operand)
        return None if inner is None else -inner
    is_number = isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
    return node.value if is_number and not isinstance(node.value, bool) else None
