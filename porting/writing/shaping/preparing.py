"""Bring statements into one form: settings said in full, one layer a statement, nothing that nobody reads."""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from porting.writing.shaping.convolutions import DEFAULTS, Convolutions, Setting
from porting.writing.shaping.operands import settle_operands
from porting.writing.shaping.patterns import is_activation
from porting.writing.shaping.steps import Step, reads, with_names
from porting.writing.values.blocks import Block, BlockCall, Statement
from porting.writing.values.expressions import LayerName, clone, variables_in, walk

SHORTEST = 2
_CONVOLUTION: dict[str, Setting] = {**DEFAULTS, "padding": "valid"}
_DEPTHWISE = {name: value for name, value in _CONVOLUTION.items() if name != "groups"}
SETTINGS: dict[str, dict[str, Setting]] = {
    **{f"Conv{rank}D": _CONVOLUTION for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _DEPTHWISE for rank in (1, 2)},
    **{f"Conv{rank}DTranspose": _DEPTHWISE for rank in (1, 2, 3)},
    "Dense": {"use_bias": True},
    "BatchNormalization": {"center": True, "scale": True},
    "LayerNormalization": {"axis": -1, "center": True, "scale": True},
    **{f"Global{kind}Pooling{rank}D": {"keepdims": False} for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **{f"conv{rank}d": DEFAULTS for rank in (1, 2, 3)},
}
"""Settings that are said in full while steps are compared, and not written where they are Keras' own."""


def blocks_in(block: Block) -> Iterator[Block]:
    """A block and all that are called in it, those inside first."""
    for statement in block.statements:
        if isinstance(statement.tree, BlockCall):
            yield from blocks_in(statement.tree.block)
    yield block


def prepare(model: Block) -> None:
    """Bring all blocks of a model into one form."""
    blocks = list(blocks_in(model))
    fresh = (f"%p{at}" for at in count())
    if model.module is not None:
        convolutions = Convolutions(model.module)
        convolutions.look(blocks)
        for block in blocks:
            convolutions.rewrite(block)
    blocks = _with_short_ones_inside(blocks)
    settle_operands(model)
    for block in reversed(blocks):
        block.statements = _needed(block.statements, block.results)
    for block in blocks:
        block.statements = [made for s in block.statements for made in _taken_apart(s, fresh)]
        block.statements = _joined(block)
        for statement in block.statements:
            if not isinstance(statement.tree, BlockCall):
                statement.tree = _Completing().visit(clone(statement.tree))


def _with_short_ones_inside(blocks: Sequence[Block]) -> list[Block]:
    """Write a block of at most two statements, the only one of its class, where it is called."""
    kinds = Counter(block.kind for block in blocks)
    short = {id(b) for b in blocks if kinds[b.kind] == 1 and len(b.statements) <= SHORTEST and b.path}
    for block in blocks:
        statements: list[Statement] = []
        for statement in block.statements:
            call = statement.tree
            inside = isinstance(call, BlockCall) and id(call.block) in short
            statements += _inlined(statement, call) if inside and isinstance(call, BlockCall) else [statement]
        block.statements = statements
    return [block for block in blocks if id(block) not in short]


def _inlined(statement: Statement, call: BlockCall) -> list[Statement]:
    given = {
        name: arg.id
        for name, arg in zip(call.block.parameters, call.arguments, strict=True)
        if isinstance(arg, ast.Name)
    }
    names = {**given, **dict(zip(call.block.results, statement.targets, strict=True))}
    made: list[Statement] = []
    for inner in call.block.statements:
        targets = [names.get(target, target) for target in inner.targets]
        if isinstance(inner.tree, BlockCall):
            arguments: list[ast.expr] = [
                ast.Name(names.get(arg.id, arg.id), ast.Load())
                for arg in inner.tree.arguments
                if isinstance(arg, ast.Name)
            ]
            tree: ast.expr = BlockCall(inner.tree.block, arguments)
        else:
            tree = with_names(inner.tree, lambda name: names.get(name, name))
        made.append(Statement(targets, tree, list(statement.names) or inner.names, inner.place))
    return made


def _needed(statements: Sequence[Statement], results: Sequence[str]) -> list[Statement]:
    """The statements that make something that is read."""
    read = set(results)
    kept: list[Statement] = []
    for statement in reversed(statements):
        if read & set(statement.targets):
            kept.append(statement)
            read |= set(_read(statement))
    return kept[::-1]


def _read(statement: Statement) -> list[str]:
    return variables_in(statement.tree)


def _taken_apart(statement: Statement, fresh: Iterator[str]) -> Iterator[Statement]:
    """A layer that is called on what another layer makes becomes two statements."""
    inner: list[Statement] = []

    def hoist(call: ast.expr) -> None:
        if not isinstance(call, ast.Call):
            return
        for at, arg in enumerate(call.args):
            if is_layer_call(call) and (is_layer_call(arg) or _is_padding(arg)):
                hoist(arg)
                value = next(fresh)
                inner.append(Statement([value], arg, list(statement.names), statement.place))
                call.args[at] = ast.Name(value, ast.Load())

    if not isinstance(statement.tree, BlockCall):
        hoist(statement.tree)
    yield from inner
    yield statement


def _is_padding(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "pad"


def is_layer_call(tree: ast.AST) -> bool:
    """Whether a tree is a call of a layer, ``layers.NAME(...)(x)``, or of a function that stands for one."""
    if not isinstance(tree, ast.Call):
        return False
    made = tree.func
    if isinstance(made, ast.Call):
        return isinstance(made.func, (ast.Attribute, ast.Name))
    return any(word.arg == "name" and isinstance(word.value, LayerName) for word in tree.keywords)


def _joined(block: Block) -> list[Statement]:
    """Put what one line of torch says into one expression, where it is read once and stays short."""
    statements = list(block.statements)
    at = 1
    while at < len(statements):
        before, after = statements[at - 1], statements[at]
        if _is_joinable(before, after, statements[at + 1 :], block.results):
            tree = _Replacing(before.targets[0], before.tree).visit(clone(after.tree))
            if len(ast.unparse(_plain(tree))) <= 72:
                statements[at - 1 : at + 1] = [Statement(after.targets, tree, after.names, after.place)]
                at = max(at - 1, 1)
                continue
        at += 1
    return statements


def _is_joinable(before: Statement, after: Statement, rest: Sequence[Statement], results: Sequence[str]) -> bool:
    if len(before.targets) != 1 or any(isinstance(s.tree, BlockCall) for s in (before, after)):
        return False
    value = before.targets[0]
    once = _read(after).count(value) == 1 and not any(value in _read(s) for s in rest) and value not in results
    if not once or any(map(_has_layer, (before.tree, after.tree))) or _is_activation_call(before.tree):
        return False
    return bool(before.place) and before.place == after.place


def joined_sums(steps: Sequence[Step], results: Sequence[str]) -> list[Step]:
    """Put a sum into the activation that is all that reads it."""
    made: list[Step] = []
    for at, step in enumerate(steps):
        last = made[-1] if made else None
        if isinstance(step, Statement) and isinstance(last, Statement) and _is_sum_to_activation(last, step):
            value = last.targets[0]
            if value not in results and not any(value in reads(later) for later in steps[at + 1 :]):
                tree = _Replacing(value, last.tree).visit(clone(step.tree))
                made[-1] = Statement(step.targets, tree, step.names, step.place)
                continue
        made.append(step)
    return made


def _has_layer(tree: ast.AST) -> bool:
    return any(is_layer_call(node) for node in walk(tree))


def _is_activation_call(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Call) and is_activation(tree.func)


def _is_sum_to_activation(before: Statement, after: Statement) -> bool:
    """``out += identity`` and ``relu(out)`` are one thought."""
    summed = isinstance(before.tree, ast.BinOp) and all(
        isinstance(side, ast.Name) for side in (before.tree.left, before.tree.right)
    )
    call = after.tree
    if not summed or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
        return False
    return isinstance(call.args[0], ast.Name) and call.args[0].id == before.targets[0]


def _plain(tree: ast.expr) -> ast.expr:
    class Plain(ast.NodeTransformer):
        def visit_LayerName(self, node: LayerName) -> ast.expr:
            return ast.Constant(node.path)

    return Plain().visit(clone(tree))


class _Replacing(ast.NodeTransformer):
    def __init__(self, value: str, tree: ast.expr) -> None:
        self.value = value
        self.tree = tree

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return clone(self.tree) if node.id == self.value else node


def settings_of(call: ast.Call) -> dict[str, Setting]:
    """The settings of what is called that may be left out, and what they are then."""
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "layers":
        return SETTINGS.get(function.attr, {})
    return SETTINGS.get(function.id, {}) if isinstance(function, ast.Name) else {}


class _Completing(ast.NodeTransformer):
    """Says all settings."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        said = {word.arg: word for word in node.keywords}
        settings = settings_of(node)
        full = [said.pop(n, None) or ast.keyword(n, ast.Constant(value)) for n, value in settings.items()]
        node.keywords = [*full, *said.values()]
        return node


class Shortening(ast.NodeTransformer):
    """Leaves out the settings that are Keras' own."""

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: D102
        self.generic_visit(node)
        usual = {name: ast.dump(ast.Constant(value)) for name, value in settings_of(node).items()}
        node.keywords = [word for word in node.keywords if usual.get(word.arg or "") != ast.dump(word.value)]
        return node
