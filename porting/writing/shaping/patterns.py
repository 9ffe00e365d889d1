"""What is alike in two steps: their form, without the constants and the values that stand in it."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from porting.writing.shaping.labels import Label
from porting.writing.shaping.steps import Rows, Step, Turns, made, reads, rebuilt, trees
from porting.writing.values.expressions import clone

ACTIVATIONS = {
    "relu", "relu6", "silu", "sigmoid", "tanh", "hard_silu", "hard_swish", "hard_sigmoid", "softplus", "mish",
}  # fmt: skip


class Hole(ast.expr):
    """A constant that may differ between steps of one form."""

    _fields = ("index",)

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


@dataclass(frozen=True, slots=True)
class Hint:
    """Where a constant stood: the argument's name, and the label of the layer or of the block that is called."""

    argument: str
    owner: str = ""
    in_label: bool = False


@dataclass(slots=True)
class Pattern:
    """A step with its constants taken out and its values numbered.

    Attributes
    ----------
    step : Step
        With holes, and values called ``%0``, ``%1``.
    values : list of str
        What they are.
    reads, made : list of int
        Which come from before, which are given to those behind.
    constants : list of ast.expr
        What stood in each hole.
    hints : list of Hint
    key : str
        Equal for steps of one form.
    """

    step: Step
    values: list[str]
    reads: list[int]
    made: list[int]
    constants: list[ast.expr]
    hints: list[Hint]
    key: str


def pattern_of(step: Step) -> Pattern:
    """Take the constants of a step out and number its values."""
    numbers: dict[str, int] = {}
    take = _TakeOut(numbers)

    def name(value: str) -> str:
        return f"%{numbers.setdefault(value, len(numbers))}"

    form = rebuilt(step, lambda tree: take.visit(clone(tree)), name)
    texts = [ast.dump(tree) for tree in trees([form])]
    key = f"{type(form).__name__} {made(form)} {reads(form)} {texts} {_structure(form)}"
    return Pattern(
        form,
        list(numbers),
        [numbers[value] for value in reads(step)],
        [numbers[value] for value in made(step)],
        take.constants,
        take.hints,
        key,
    )


def _structure(step: Step) -> str:
    body = getattr(step, "body", [])
    return f"({type(step).__name__}{made(step)}{''.join(map(_structure, body))})"


def filled(form: Step, values: Sequence[str], spelled: Sequence[ast.expr]) -> Step:
    """The step of a form with these values and these trees in its holes."""

    def name(value: str) -> str:
        return values[int(value[1:])]

    return rebuilt(form, lambda tree: _Fill(values, spelled).visit(clone(tree)), name)


class _Fill(ast.NodeTransformer):
    def __init__(self, values: Sequence[str], spelled: Sequence[ast.expr]) -> None:
        self.values = values
        self.spelled = spelled

    def visit_Hole(self, node: Hole) -> ast.expr:
        return clone(self.spelled[node.index])

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.values[int(node.id[1:])], ast.Load()) if node.id.startswith("%") else node


def with_holes(step: Step, spelled: Mapping[int, ast.expr]) -> Step:
    """A copy of a step with these trees in its holes."""

    class Filling(ast.NodeTransformer):
        def visit_Hole(self, node: Hole) -> ast.expr:
            return clone(spelled[node.index])

    return rebuilt(step, lambda tree: Filling().visit(clone(tree)), lambda value: value)


@dataclass(slots=True)
class _TakeOut(ast.NodeTransformer):
    """Replaces constants by holes and values by their numbers."""

    numbers: dict[str, int]
    constants: list[ast.expr] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    argument: str = ""
    owner: str = ""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not node.id.startswith("%"):
            return node
        return ast.Name(f"%{self.numbers.setdefault(node.id, len(self.numbers))}", ast.Load())

    def visit_Label(self, node: Label) -> ast.expr:
        pieces: list[ast.expr] = []
        for at, piece in enumerate(node.pieces):
            number = isinstance(piece, ast.Constant) and isinstance(piece.value, int)
            said = "module" if _is_alone(node.pieces, at) else "n"
            if number:
                pieces.append(self._hole(piece, Hint(said, node.path(), in_label=True)))
            else:
                pieces.append(piece if isinstance(piece, ast.Constant) else self.visit(piece))
        return Label(pieces=pieces)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return node if node.value is None else self._hole(node)

    def visit_Turns(self, node: Turns) -> ast.expr:
        return self._hole(node, Hint("count"))

    def visit_Rows(self, node: Rows) -> ast.AST:
        return self._hole(node, Hint("sizes")) if is_constant(node) else self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return self._hole(node) if node.elts and is_constant(node) else self.generic_visit(node)

    def visit_List(self, node: ast.List) -> ast.AST:
        return self._hole(node) if node.elts and is_constant(node) else self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return self._hole(node) if is_constant(node) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        owner, self.owner = self.owner, _owner(node) or self.owner
        argument = self.argument
        if is_activation(node.func) and len(node.args) == 1 and not node.keywords:
            node.args = [self.visit(node.args[0])]
            node.func = self._hole(node.func, Hint("activation", self.owner))
        else:
            names = positional_names(node.func)
            node.func = self.visit(node.func)
            for at, arg in enumerate(node.args):
                self.argument = names[at] if at < len(names) else ""
                node.args[at] = self.visit(arg)
            for keyword in node.keywords:
                self.argument = keyword.arg or ""
                absent = isinstance(node.func, ast.Name) and ast.unparse(keyword.value) == "None"
                keyword.value = self._hole(keyword.value) if absent else self.visit(keyword.value)
        self.argument, self.owner = argument, owner
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if is_activation(node) and self.argument:
            return self._hole(node)
        return self.generic_visit(node)

    def _hole(self, node: ast.expr, hint: Hint | None = None) -> Hole:
        self.constants.append(node)
        self.hints.append(hint or Hint(self.argument, self.owner))
        return Hole(index=len(self.constants) - 1)


def _is_alone(pieces: Sequence[ast.expr], at: int) -> bool:
    """Whether a number is all of the name of a module."""
    before, after = (
        getattr(piece, "value", None) for piece in (pieces[at - 1] if at else None, [*pieces, None][at + 1])
    )
    return (at == 0 or not str(before)[-1:].isalnum()) and (after is None or str(after).startswith("."))


def is_activation(node: ast.expr) -> bool:
    """Whether a tree is the name of a function of Keras that acts on each element."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return node.value.id == "ops" and node.attr in ACTIVATIONS


def is_constant(node: ast.expr) -> bool:
    """Whether a tree is a Python value."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and is_constant(node.operand)
    return isinstance(node, ast.Constant)


def _owner(call: ast.Call) -> str:
    labels = [word.value for word in call.keywords if word.arg == "name" and isinstance(word.value, Label)]
    return labels[0].path() if labels else ""


def positional_names(function: ast.expr) -> list[str]:
    """What a function of Keras calls its arguments."""
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return ["x", "filters", "kernel_size"] if _is_convolution(function) else []
    return list(_signature(function.value.id, function.attr))


def _is_convolution(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in {"conv1d", "conv2d", "conv3d"}


@cache
def _signature(module: str, function: str) -> tuple[str, ...]:
    import keras

    called = getattr(getattr(keras, module, None), function, None)
    if called is None:
        return ()
    called = called.__init__ if inspect.isclass(called) else called
    return tuple(name for name in inspect.signature(called).parameters if name != "self")
