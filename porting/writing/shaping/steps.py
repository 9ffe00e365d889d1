"""Steps of a function: statements, loops, and branches that an argument opens."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from porting.writing.values.blocks import Statement
from porting.writing.values.expressions import clone, variables_in


@dataclass(slots=True)
class Carried:
    """A value that each turn of a loop takes from the turn before, the first from what stands before the loop."""

    init: str
    taken: str
    result: str
    target: str


@dataclass(slots=True)
class Loop:
    """Steps that repeat.

    Attributes
    ----------
    counter : str
        The value that counts; empty where nothing needs it.
    columns : list of str
        The values that each row of the table gives.
    start, count : ast.expr
        Where the counter starts, and how many turns there are.
    table : ast.expr, optional
    body : list of Step
    carried : list of Carried
    names : list of str
        What the counter and the columns are best called.
    """

    counter: str
    columns: list[str]
    start: ast.expr
    count: ast.expr
    table: ast.expr | None
    body: "list[Step]"
    carried: list[Carried]
    names: list[str] = field(default_factory=list)

    def variables(self) -> list[str]:
        """The values that the loop itself gives."""
        return [*([self.counter] if self.counter else []), *self.columns]


@dataclass(slots=True)
class Choice:
    """A value that is one of two: what a branch makes, or what stood before it or is made otherwise."""

    default: str
    value: str
    target: str


@dataclass(slots=True)
class Branch:
    """Steps that are taken where a test holds, and steps that are taken otherwise."""

    test: ast.expr
    body: "list[Step]"
    otherwise: "list[Step]"
    choices: list[Choice]


Step = Statement | Loop | Branch


class Turns(ast.Constant):
    """How many turns a loop takes."""


class Rows(ast.Tuple):
    """What a loop takes from a table."""


def rebuilt(step: Step, tree: Callable[[ast.expr], ast.expr], name: Callable[[str], str]) -> Step:
    """A copy with every tree and every value replaced, in the order in which they come to be."""
    if isinstance(step, Statement):
        made = tree(step.tree)
        return Statement([name(target) for target in step.targets], made, list(step.names), step.place)
    if isinstance(step, Branch):
        test = tree(step.test)
        body, otherwise = ([rebuilt(inner, tree, name) for inner in part] for part in (step.body, step.otherwise))
        choices = [Choice(name(c.default), name(c.value), name(c.target)) for c in step.choices]
        return Branch(test, body, otherwise, choices)
    inits = [name(carried.init) for carried in step.carried]
    table = None if step.table is None else tree(step.table)
    start, count = tree(step.start), tree(step.count)
    counter = name(step.counter) if step.counter else ""
    columns = [name(column) for column in step.columns]
    taken = [name(carried.taken) for carried in step.carried]
    body = [rebuilt(inner, tree, name) for inner in step.body]
    ends = [(name(carried.result), name(carried.target)) for carried in step.carried]
    kept = [Carried(i, t, *end) for i, t, end in zip(inits, taken, ends, strict=True)]
    return Loop(counter, columns, start, count, table, body, kept, list(step.names))


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """A copy with values replaced."""

    def name(value: str) -> str:
        return names.get(value, value)

    return rebuilt(step, lambda tree: with_names(tree, name), name)


def with_names(tree: ast.expr, name: Callable[[str], str]) -> ast.expr:
    """A copy of a tree with every value that it reads replaced."""

    class Replacing(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.Name(name(node.id), ast.Load())

    return Replacing().visit(clone(tree))


def trees(steps: Iterable[Step]) -> Iterator[ast.expr]:
    """Every tree, of steps inside steps too."""
    for step in steps:
        if isinstance(step, Statement):
            yield step.tree
        elif isinstance(step, Branch):
            yield step.test
            yield from trees([*step.body, *step.otherwise])
        else:
            yield from ([step.table] if step.table is not None else [])
            yield step.start
            yield step.count
            yield from trees(step.body)


def made(step: Step) -> list[str]:
    """The values that a step gives to those behind it."""
    if isinstance(step, Statement):
        return step.targets
    return [part.target for part in (step.choices if isinstance(step, Branch) else step.carried)]


def reads(step: Step) -> list[str]:
    """The values from before it that a step reads, each once, in order."""
    if isinstance(step, Statement):
        return list(dict.fromkeys(variables_in(step.tree)))
    if isinstance(step, Branch):
        body = free(step.body, [choice.value for choice in step.choices])
        otherwise = free(step.otherwise, [choice.default for choice in step.choices])
        return list(dict.fromkeys([*variables_in(step.test), *body, *otherwise]))
    own = {*step.variables(), *(carried.taken for carried in step.carried)}
    heads = [tree for tree in (step.table, step.start, step.count) if tree is not None]
    before = [*(carried.init for carried in step.carried), *(v for tree in heads for v in variables_in(tree))]
    inside = free(step.body, [carried.result for carried in step.carried])
    return list(dict.fromkeys([*before, *(value for value in inside if value not in own)]))


def free(steps: Sequence[Step], results: Sequence[str] = ()) -> list[str]:
    """The values that steps read and do not make, each once, in order."""
    known: set[str] = set()
    found: dict[str, None] = {}
    for step in steps:
        found.update(dict.fromkeys(value for value in reads(step) if value not in known))
        known.update(made(step))
    found.update(dict.fromkeys(value for value in results if value not in known))
    return list(found)


def lines(steps: Iterable[Step]) -> int:
    """How many lines steps take."""
    count = 0
    for step in steps:
        count += 1 if isinstance(step, Statement) else 1 + lines(step.body)
        count += 1 + lines(step.otherwise) if isinstance(step, Branch) and step.otherwise else 0
    return count
