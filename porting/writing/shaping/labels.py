"""Names of layers in pieces, so that the numbers in them can vary while the words stay."""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from porting.writing.values.expressions import LayerName, clone

PREFIX = "name"
"""The argument of a function that says what the names of its layers begin with."""


class Label(ast.expr):
    """The name of a layer: texts as torch spells them, numbers, and values.

    The first piece is the name of the function's argument where the layer stands inside the function's module.
    """

    _fields = ("pieces",)

    def __init__(self, pieces: list[ast.expr]) -> None:
        super().__init__()
        self.pieces = pieces

    def path(self) -> str:
        """The path from the module on; an asterisk stands for a number that varies."""
        inside = bool(self.pieces) and isinstance(self.pieces[0], ast.Name) and self.pieces[0].id == PREFIX
        return "".join(str(getattr(piece, "value", "*")) for piece in self.pieces[inside:]).strip(".")


def label_of(path: str, prefix: str) -> Label:
    """The label of a path as it is said inside the module at another path."""
    inside = bool(prefix) and (path == prefix or path.startswith(f"{prefix}."))
    rest = path[len(prefix) :] if inside else path
    pieces: list[ast.expr] = [ast.Name(PREFIX, ast.Load())] if inside else []
    for piece in filter(None, re.split(r"([0-9]+)", rest)):
        number = piece.isdigit() and str(int(piece)) == piece
        pieces += [ast.Constant(int(piece) if number else piece)]
    return Label(pieces=pieces)


class _Labelling(ast.NodeTransformer):
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def visit_LayerName(self, node: LayerName) -> ast.expr:
        return label_of(node.path, self.prefix)


def labelled(tree: ast.expr, prefix: str) -> ast.expr:
    """A copy of a tree in which the names of layers are labels."""
    return _Labelling(prefix).visit(clone(tree))


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the names of layers are spelled in a file: no two paths alike."""

    separator: str = "_"
    exact: bool = False

    def __call__(self, path: str) -> str:
        """The name that every backend of Keras takes for a layer, from its path in the torch model."""
        spelled = path.replace(".", self.separator)
        return re.sub(r"[^A-Za-z0-9_]", lambda m: f"u{ord(m[0]):x}" if self.exact else "_", spelled) or "model"


def spelling_for(paths: Iterable[str]) -> Spelling:
    """The plainest spelling that keeps these paths apart."""
    wanted = set(paths)
    for spelling in (Spelling(), Spelling("__"), Spelling("_", True), Spelling("__", True)):
        if len({spelling(path) for path in wanted}) == len(wanted):
            return spelling
    return Spelling("_u2e_", True)


class _Spelled(ast.NodeTransformer):
    def __init__(self, spelling: Callable[[str], str]) -> None:
        self.spelling = spelling

    def visit_Label(self, node: Label) -> ast.expr:
        pieces = [self._piece(self.visit(piece)) for piece in node.pieces]
        if len(pieces) == 1 and isinstance(pieces[0], ast.Name) and isinstance(node.pieces[0], ast.Name):
            return pieces[0]
        if all(isinstance(piece, ast.Constant) for piece in pieces):
            spelled = "".join(str(piece.value) for piece in pieces if isinstance(piece, ast.Constant))
            return ast.Constant(spelled or Spelling()(""))
        parts: list[ast.expr] = [
            piece if isinstance(piece, ast.Constant) else ast.FormattedValue(piece, -1) for piece in pieces
        ]
        return ast.JoinedStr(parts)

    def _piece(self, piece: ast.expr) -> ast.expr:
        if not isinstance(piece, ast.Constant):
            return piece
        return ast.Constant(self.spelling(piece.value) if isinstance(piece.value, str) else str(piece.value))


def spelled(tree: ast.expr, spelling: Callable[[str], str]) -> ast.expr:
    """A copy of a tree with labels laid out as strings."""
    return _Spelled(spelling).visit(clone(tree))
