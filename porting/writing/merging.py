"""One function for all calls of modules of one class that are written alike, up to constants, which become arguments."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.writing.blocks import Block, BlockCall, Statement
from porting.writing.expressions import LayerName, clone, walk


class Hole(ast.expr):
    """A constant that may differ between calls."""

    _fields = ("index",)
    index: int


@dataclass(slots=True)
class Skeleton:
    """A block with its constants taken out and its values numbered.

    Attributes
    ----------
    statements : list of Statement
    parameters, results : tuple of str
    constants : list
        What stood in each hole, as syntax trees.
    hints : list of str
        What each is called where it stood.
    """

    statements: list[Statement]
    parameters: tuple[str, ...]
    results: tuple[str, ...]
    constants: list[ast.expr] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def key(self) -> str:
        """Equal for blocks that are written alike."""
        lines = [f"{statement.targets} {ast.dump(statement.tree)}" for statement in self.statements]
        return "\n".join([str(self.parameters), *lines, str(self.results)])


@dataclass(slots=True)
class Function:
    """A function that is written for blocks of one class.

    Attributes
    ----------
    name : str
    kind : type
        The torch class.
    parameters : list of str
        Its values.
    parameter_names : list of str
    options : dict
        Name of an argument -> its default, or None where it has none.
    statements : list of Statement
    results : list of str
    has_layers : bool
        Whether it needs a name for them.
    """

    name: str
    kind: type
    parameters: list[str]
    parameter_names: list[str]
    options: dict[str, ast.expr | None]
    statements: list[Statement]
    results: list[str]
    has_layers: bool


@dataclass(slots=True)
class Functions:
    """All functions of a file; the model itself is the last."""

    taken: set[str]
    functions: list[Function] = field(default_factory=list)
    calls: dict[int, tuple[Function, dict[str, ast.expr]]] = field(default_factory=dict)

    def merge(self, model: Block) -> Function:
        """Make functions of all blocks, those inside before those around them."""
        by_height: dict[int, list[Block]] = {}
        for block, height in _heights(model):
            by_height.setdefault(height, []).append(block)
        for height in sorted(by_height):
            by_kind: dict[type, list[Block]] = {}
            for block in by_height[height]:
                by_kind.setdefault(block.kind, []).append(block)
            for blocks in by_kind.values():
                self._merge_class(blocks)
        return self.calls[id(model)][0]

    def _merge_class(self, blocks: Sequence[Block]) -> None:
        groups: dict[str, list[tuple[Block, Skeleton]]] = {}
        for block in blocks:
            skeleton = skeleton_of(block, self._written_call)
            groups.setdefault(skeleton.key(), []).append((block, skeleton))
        for group in groups.values():
            self._merge(group)

    def _merge(self, group: Sequence[tuple[Block, Skeleton]]) -> None:
        first_block, first = group[0]
        columns = list(zip(*(skeleton.constants for _, skeleton in group), strict=True))
        options, spelled = _options(columns, first.hints, {*first_block.parameter_names, "name"})
        statements = [Statement(s.targets, _filled(s.tree, spelled), s.names) for s in first.statements]
        has_layers = any(isinstance(node, LayerName) for s in statements for node in walk(s.tree))
        function = Function(
            self._name(first_block.kind),
            first_block.kind,
            list(first.parameters),
            list(first_block.parameter_names),
            dict.fromkeys(options),
            statements,
            list(first.results),
            has_layers,
        )
        self.functions.append(function)
        for at, (block, _) in enumerate(group):
            self.calls[id(block)] = function, {name: columns[index][at] for name, index in options.items()}

    def _name(self, kind: type) -> str:
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__).strip("_").lower()
        name, count = plain, 1
        while name in self.taken:
            count += 1
            name = f"{plain}_{count}"
        self.taken.add(name)
        return name

    def _written_call(self, call: BlockCall) -> ast.expr:
        function, options = self.calls[id(call.block)]
        keywords = [ast.keyword(name, value) for name, value in options.items()]
        if function.has_layers:
            keywords.append(ast.keyword("name", LayerName(path=call.block.path)))
        return ast.Call(ast.Name(function.name, ast.Load()), list(call.arguments), keywords)


def _heights(block: Block) -> Iterator[tuple[Block, int]]:
    """Every block, with how deep the blocks inside it go."""
    height = 0
    for statement in block.statements:
        if isinstance(statement.tree, BlockCall):
            for inner, depth in _heights(statement.tree.block):
                yield inner, depth
                height = max(height, depth + 1)
    yield block, height


def skeleton_of(block: Block, written_call: Any) -> Skeleton:
    """Take the constants of a block out and number its values."""
    numbered: dict[str, str] = {}
    for name in [*block.parameters, *(target for s in block.statements for target in s.targets)]:
        numbered[name] = f"%{len(numbered)}"
    skeleton = Skeleton([], tuple(numbered[n] for n in block.parameters), tuple(numbered[n] for n in block.results))
    take = _TakeOut(skeleton, block.path, numbered)
    for statement in block.statements:
        tree = statement.tree
        tree = written_call(tree) if isinstance(tree, BlockCall) else clone(tree)
        skeleton.statements.append(
            Statement([numbered[t] for t in statement.targets], take.visit(tree), statement.names)
        )
    return skeleton


class _TakeOut(ast.NodeTransformer):
    """Replaces constants by holes, values by their numbers, and paths of layers by what is behind the block's."""

    def __init__(self, skeleton: Skeleton, path: str, numbered: Mapping[str, str]) -> None:
        self.skeleton = skeleton
        self.path = path
        self.numbered = numbered
        self.hint = ""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.numbered.get(node.id, node.id), ast.Load())

    def visit_LayerName(self, node: LayerName) -> ast.expr:
        inside = node.path == self.path or node.path.startswith(f"{self.path}.")
        return LayerName(path=node.path[len(self.path) :].lstrip(".") if inside and self.path else node.path)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return node if node.value is None else self._hole(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        return self._hole(node) if node.elts and _is_constant(node) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.func = self.visit(node.func) if not isinstance(node.func, ast.Name) else node.func
        names = _positional_names(node.func)
        for at, arg in enumerate(node.args):
            self.hint = names[at] if at < len(names) else ""
            node.args[at] = self.visit(arg)
        for keyword in node.keywords:
            self.hint = keyword.arg or ""
            keyword.value = self.visit(keyword.value)
        self.hint = ""
        return node

    def _hole(self, node: ast.expr) -> Hole:
        self.skeleton.constants.append(node)
        self.skeleton.hints.append(self.hint)
        return Hole(index=len(self.skeleton.constants) - 1)


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)


def _positional_names(function: ast.expr) -> list[str]:
    """What a function of Keras calls its arguments."""
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return []
    if function.value.id not in {"layers", "ops"}:
        return []
    import keras

    called = getattr(getattr(keras, function.value.id), function.attr, None)
    called = called.__init__ if inspect.isclass(called) else called
    return [name for name in inspect.signature(called).parameters if name != "self"] if called else []


def _options(
    columns: Sequence[Sequence[ast.expr]], hints: Sequence[str], taken: set[str]
) -> tuple[dict[str, int], list[ast.expr]]:
    """The constants that differ between calls, each once, as arguments; and what is spelled in each hole."""
    options: dict[str, int] = {}
    spelled: list[ast.expr] = []
    by_values: dict[tuple[str, ...], str] = {}
    for index, (column, hint) in enumerate(zip(columns, hints, strict=True)):
        values = tuple(ast.dump(value) for value in column)
        if len(set(values)) == 1:
            spelled.append(column[0])
            continue
        if values not in by_values:
            plain = hint or "value"
            count = sum(re.fullmatch(rf"{plain}(_\d+)?", name) is not None for name in {*options, *taken})
            by_values[values] = f"{plain}_{count + 1}" if count else plain
            options[by_values[values]] = index
        spelled.append(ast.Name(by_values[values], ast.Load()))
    return options, spelled


class _Fill(ast.NodeTransformer):
    def __init__(self, spelled: Sequence[ast.expr]) -> None:
        self.spelled = spelled

    def visit_Hole(self, node: Hole) -> ast.expr:
        return self.spelled[node.index]


def _filled(tree: ast.expr, spelled: Sequence[ast.expr]) -> ast.expr:
    return _Fill(spelled).visit(clone(tree))
