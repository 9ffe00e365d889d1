"""What differs between the turns of a loop: numbers that count, and the columns of a table."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from porting.writing.shaping.patterns import Hint
from porting.writing.values.expressions import clone

MOST_STEPS = 200


@dataclass(slots=True)
class Column:
    """One thing that a table gives: its name, and its value in each turn."""

    name: str
    values: list[ast.expr]


@dataclass(slots=True)
class Columns:
    """How each constant of the repeated steps is spelled.

    Attributes
    ----------
    start : int
        Where the counter starts.
    counted : bool
        Whether anything needs the counter.
    table : list of Column
    constants : list of ast.expr or tuple
        A constant; or ``(column, factor, offset)`` with -1 for the counter.
    counts_modules : bool
        Whether the counter is the number of a module in a list.
    """

    start: int = 0
    counted: bool = False
    table: list[Column] = field(default_factory=list)
    constants: list[ast.expr | tuple[int, int, int]] = field(default_factory=list)
    counts_modules: bool = False

    def width(self) -> int:
        """How many characters the table takes."""
        tree = self.tree()
        return 0 if tree is None else len(ast.unparse(tree))

    def tree(self) -> ast.expr | None:
        """The table; a row of one column is not a tuple."""
        if not self.table:
            return None
        rows = zip(*(column.values for column in self.table), strict=True)
        items: list[ast.expr] = [row[0] if len(row) == 1 else ast.Tuple(list(row), ast.Load()) for row in rows]
        return ast.Tuple(items, ast.Load())

    def spelled(self, fresh: Iterator[str]) -> tuple[list[ast.expr], tuple[str, list[str]]]:
        """What stands at each constant, and the values of the counter and of the columns."""
        counter = next(fresh) if self.counted else ""
        columns = [next(fresh) for _ in self.table]
        trees: list[ast.expr] = []
        for said in self.constants:
            if isinstance(said, ast.expr):
                trees.append(_Counting(counter).visit(clone(said)))
                continue
            column, factor, offset = said
            trees.append(scaled(ast.Name(counter if column < 0 else columns[column], ast.Load()), factor, offset))
        return trees, (counter, columns)


class Counted(ast.expr):
    """The counter, and so much more."""

    _fields = ("offset",)

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset


class _Counting(ast.NodeTransformer):
    def __init__(self, counter: str) -> None:
        self.counter = counter

    def visit_Counted(self, node: Counted) -> ast.expr:
        return scaled(ast.Name(self.counter, ast.Load()), 1, node.offset)


def scaled(tree: ast.expr, factor: int, offset: int = 0) -> ast.expr:
    """A multiple of what a tree says, and so much more."""
    if factor != 1:
        tree = ast.BinOp(ast.Constant(factor), ast.Mult(), tree)
    if offset:
        tree = ast.BinOp(tree, ast.Add() if offset > 0 else ast.Sub(), ast.Constant(abs(offset)))
    return tree


def columns_of(turns: Sequence[Sequence[ast.expr]], hints: Sequence[Hint]) -> Columns | None:
    """What differs between turns, by the constants of each; None where it cannot be said."""
    made = Columns()
    rows = [list(values) for values in zip(*turns, strict=True)]
    dumps = [tuple(ast.dump(value) for value in row) for row in rows]
    varying = [at for at, texts in enumerate(dumps) if len(set(texts)) > 1]
    _choose_counter(made, rows, hints, varying)
    for at, row in enumerate(rows):
        if at not in varying:
            made.constants.append(row[0])
            continue
        said = _from_counter(made, row) if hints[at].in_label else _rate(made, row)
        said = said or _from_column(made, row, hints[at])
        if said is None:
            made.table.append(Column(_name(hints[at], made), row))
            said = (len(made.table) - 1, 1, 0)
        made.constants.append(said)
    _sorted(made)
    return made


def _sorted(made: Columns) -> None:
    """The numbers of layers first, how often something is done last."""
    order = sorted(
        range(len(made.table)), key=lambda at: (made.table[at].name == "count", made.table[at].name != "n", at)
    )
    place = {old: new for new, old in enumerate(order)}
    made.table = [made.table[at] for at in order]
    made.constants = [
        said if isinstance(said, ast.expr) else (place.get(said[0], -1), *said[1:]) for said in made.constants
    ]


def _choose_counter(made: Columns, rows: Sequence[list[ast.expr]], hints: Sequence[Hint], varying: list[int]) -> None:
    for at in varying:
        numbers = numbers_in(rows[at])
        if hints[at].in_label and numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            if not made.counted:
                made.start, made.counted = numbers[0], True
            made.counts_modules |= hints[at].argument == "module"


def numbers_in(row: Sequence[ast.expr | None]) -> list[int]:
    """The whole numbers that a row says; empty where it says anything else."""
    numbers = [one.value if isinstance(one, ast.Constant) and type(one.value) is int else None for one in row]
    return [number for number in numbers if number is not None] if None not in numbers else []


def _from_counter(made: Columns, row: Sequence[ast.expr]) -> tuple[int, int, int] | None:
    numbers = numbers_in(row)
    if not made.counted or not numbers:
        return None
    offsets = {number - made.start - at for at, number in enumerate(numbers)}
    return (-1, 1, offsets.pop()) if len(offsets) == 1 else None


def _rate(made: Columns, row: Sequence[ast.expr]) -> ast.expr | None:
    """A number that grows with the counter, as a rate does with depth: a short number times so many steps of many."""
    values = [one.value for one in row if isinstance(one, ast.Constant) and type(one.value) is float]
    if not made.counted or len(values) != len(row):
        return None
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not step:
        return None
    offset = round(values[0] / step) - made.start
    for steps in range(1, MOST_STEPS):
        whole = round(step * steps, 4)
        tries = [whole * (made.start + at + offset) / steps for at in range(len(values))]
        if whole and all(abs(one - other) <= 1e-12 * abs(one) for one, other in zip(values, tries, strict=True)):
            counted = Counted(offset=offset)
            product = ast.BinOp(ast.Constant(whole), ast.Mult(), counted)
            return product if steps == 1 else ast.BinOp(product, ast.Div(), ast.Constant(steps))
    return None


def _from_column(made: Columns, row: Sequence[ast.expr], hint: Hint) -> tuple[int, int, int] | None:
    """A column that says the same, a whole multiple, or in the names of layers so much more."""
    numbers = numbers_in(row)
    texts = [ast.dump(value) for value in row]
    for at, column in enumerate(made.table):
        if [ast.dump(value) for value in column.values] == texts:
            return at, 1, 0
        others = numbers_in(column.values)
        if not numbers or not others:
            continue
        if hint.in_label:
            offsets = {one - other for one, other in zip(numbers, others, strict=True)}
            if len(offsets) == 1 and column.name == "n":
                return at, 1, offsets.pop()
        elif column.name != "n" and (factor := multiple(numbers, others)):
            return at, factor, 0
    return None


def multiple(numbers: Sequence[int], others: Sequence[int]) -> int:
    """The whole number that makes the first of the second, or zero."""
    if not all(others) or numbers[0] % others[0] or min(others) < 3:
        return 0
    factor = numbers[0] // others[0]
    return factor if all(one == factor * other for one, other in zip(numbers, others, strict=True)) else 0


def _name(hint: Hint, made: Columns) -> str:
    plain = "n" if hint.in_label else hint.argument or "size"
    taken = {column.name for column in made.table} | ({"n"} if made.counted else set())
    names = (plain, *(f"{plain}_{at}" for at in range(2, 99)))
    return next(name for name in names if name not in taken)
