"""Inputs that are only concatenated are one list, and a list that grows is appended to."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from porting.writing.values.blocks import Block, BlockCall, Statement
from porting.writing.values.expressions import clone, variables_in

SHORTEST = 3


def calls_in(blocks: Iterable[Block]) -> dict[int, BlockCall]:
    """The call of each block that is called."""
    trees = [statement.tree for block in blocks for statement in block.statements]
    return {id(tree.block): tree for tree in trees if isinstance(tree, BlockCall)}


def with_lists(blocks: Sequence[Block], calls: dict[int, BlockCall], fresh: Iterator[str]) -> None:
    """Give blocks of a class a list, where they concatenate so many of their inputs, more in some than in others."""
    found = {id(block): _concatenated(block) for block in blocks}
    lengths = {len(names) for names in found.values()}
    if len(lengths) < 2 or max(lengths) < SHORTEST:
        return
    others = {len(block.parameters) - max(len(found[id(block)]), 1) for block in blocks}
    places = {block.parameters.index(found[id(block)][0]) for block in blocks if found[id(block)]}
    if len(others) != 1 or len(places) != 1 or any(id(block) not in calls for block in blocks):
        return
    place = places.pop()
    axis = next(
        word for block in blocks if found[id(block)] for word in _concatenation(block, found[id(block)]).keywords
    )
    for block in blocks:
        _take_list(block, calls[id(block)], found[id(block)], place, axis, fresh)


def _take_list(
    block: Block, call: BlockCall, names: list[str], place: int, axis: ast.keyword, fresh: Iterator[str]
) -> None:
    values, count = next(fresh), max(len(names), 1)
    if names:
        _concatenation(block, names).args[0] = ast.Name(values, ast.Load())
    else:
        joined = ast.Call(_CONCATENATE, [ast.Name(values, ast.Load())], [clone(axis)])
        block.statements.insert(0, Statement([block.parameters[place]], joined, list(block.statements[0].names)))
    given = call.arguments[place : place + count]
    call.arguments[place : place + count] = [ast.List(given, ast.Load())]
    block.parameters[place : place + count] = [values]
    said = block.parameter_names[place] if place < len(block.parameter_names) else "inputs"
    block.parameter_names[place : place + count] = ["inputs" if said in {"input", "x"} else said]


_CONCATENATE = ast.Attribute(ast.Name("ops", ast.Load()), "concatenate", ast.Load())


def _concatenation(block: Block, names: Sequence[str]) -> ast.Call:
    return next(call for call in _concatenations(block) if variables_in(call.args[0]) == list(names))


def _concatenations(block: Block) -> Iterator[ast.Call]:
    for statement in block.statements:
        if not isinstance(statement.tree, BlockCall):
            for node in ast.walk(statement.tree):
                if isinstance(node, ast.Call) and ast.dump(node.func) == ast.dump(_CONCATENATE):
                    yield node


def _concatenated(block: Block) -> list[str]:
    """The inputs of a block that stand side by side and are read in one concatenation of them alone."""
    read = [name for statement in block.statements for name in _read(statement)]
    for call in _concatenations(block):
        items = call.args[0].elts if isinstance(call.args[0], ast.List) else []
        names = [item.id for item in items if isinstance(item, ast.Name)]
        together = any(block.parameters[at : at + len(names)] == names for at in range(len(block.parameters)))
        if len(names) == len(items) > 1 and together and all(read.count(name) == 1 for name in names):
            return names
    return []


def _read(statement: Statement) -> list[str]:
    return variables_in(statement.tree)


def grown(statements: Sequence[Statement], results: Sequence[str], fresh: Iterator[str]) -> list[Statement]:
    """Statements in which a list is appended to, where each is given one item more than the one before."""
    steps = list(statements)
    chain = _chain(steps)
    if len(chain) <= SHORTEST:
        return steps
    values = next(fresh)
    name = ast.Name(values, ast.Load())
    first, start = chain[0]
    opening = Statement([values], clone(start), ["features"])
    appended = {steps[at].targets[0] for at, _ in chain[:-1]}
    made: list[Statement] = []
    places = dict(chain)
    for at, step in enumerate(steps):
        made += [opening] if at == first else []
        if at not in places:
            made.append(step)
            continue
        tree = _Naming(places[at], name).visit(clone(step.tree))
        target = step.targets[0]
        if target not in appended:
            made.append(Statement(step.targets, tree, step.names, step.place))
            continue
        add = ast.Attribute(name, "append", ast.Load())
        outside = target in results or any(target in _read(other) for i, other in enumerate(steps) if i not in places)
        if outside:
            made.append(Statement(step.targets, tree, step.names, step.place))
            tree = ast.Name(target, ast.Load())
        made.append(Statement([], ast.Call(add, [tree], [])))
    return made


def _chain(steps: Sequence[Statement]) -> list[tuple[int, ast.List]]:
    """The longest row of statements that each read the list of the one before, and what that makes."""
    best: list[tuple[int, ast.List]] = []
    open_chains: dict[tuple[str, ...], list[tuple[int, ast.List]]] = {}
    for at, step in enumerate(steps):
        lists = [node for node in ast.walk(step.tree) if isinstance(node, ast.List) and _names(node)]
        if len(lists) != 1 or len(step.targets) != 1:
            continue
        chain = [*open_chains.pop(_names(lists[0]), []), (at, lists[0])]
        open_chains[(*_names(lists[0]), step.targets[0])] = chain
        best = max(best, chain, key=len)
    return best


def _names(items: ast.List) -> tuple[str, ...]:
    names = tuple(item.id for item in items.elts if isinstance(item, ast.Name) and item.id[0] == "%")
    return names if len(names) == len(items.elts) else ()


class _Naming(ast.NodeTransformer):
    def __init__(self, items: ast.List, name: ast.Name) -> None:
        self.items = ast.dump(items)
        self.name = name

    def visit_List(self, node: ast.List) -> ast.AST:
        return clone(self.name) if ast.dump(node) == self.items else self.generic_visit(node)
