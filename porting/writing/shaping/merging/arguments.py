"""What differs between the blocks of a class becomes the arguments of its function."""

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.writing.shaping.merging.signatures import authors_name, counted_name, init_names
from porting.writing.shaping.patterns import Hint
from porting.writing.shaping.rolling.columns import multiple, numbers_in, scaled

SIZES = {"filters", "units", "count", "sizes"}
Values = list[ast.expr | None]


@dataclass(slots=True)
class Option:
    """An argument: its value in each block, and what it is where nothing is said."""

    name: str
    values: Values
    default: ast.expr | None = None


@dataclass(slots=True)
class Blocks:
    """The blocks that one function is written for, to be asked for names."""

    kind: type
    modules: Sequence[Any]

    def attribute(self, values: Values, wanted: Sequence[str] = ()) -> str:
        """An argument of ``__init__`` that the modules keep, and that is this in each."""
        for name in wanted or init_names(self.kind):
            if all(
                value is None or _is(module, name, value) for module, value in zip(self.modules, values, strict=True)
            ):
                return name
        return ""


def _is(module: Any, name: str, value: ast.expr) -> bool:
    if not isinstance(value, ast.Constant) or type(value.value) not in {int, float}:
        return False
    held = getattr(module, name, None)
    held = held[0] if isinstance(held, tuple) and len(set(held)) == 1 else held
    return type(held) is type(value.value) and held == value.value


@dataclass(slots=True)
class Arguments:
    """The arguments of a function.

    Attributes
    ----------
    blocks : Blocks
    taken : set of str
        Names that are not free.
    options : list of Option
    """

    blocks: Blocks
    taken: set[str]
    options: list[Option] = field(default_factory=list)

    def spelled(self, columns: Sequence[Values], hints: Sequence[Hint]) -> list[ast.expr]:
        """What stands at each constant: what it is in all blocks, or an argument."""
        columns = [column if _is_one(column) else list(map(_unchangeable, column)) for column in columns]
        varying = [(at, column) for at, column in enumerate(columns) if not _is_one(column)]
        for at, column in sorted(varying, key=lambda one: _simplicity(one[1], hints[one[0]])):
            known = hints[at].in_label or _parts(column) or self._said(column) or self._half(column, hints[at])
            if not known and not self._completes(column, hints[at], hints):
                self.options.append(Option(f"%{at}", column))
        for at, column in varying:
            if hints[at].in_label and self._said(column) is None:
                self.options.append(Option(f"%{at}", column))
        self._name(columns, hints)
        places = {at for at, _ in varying}
        return [
            self._spelling(column, hint) if at in places else _first(column)
            for at, (column, hint) in enumerate(zip(columns, hints, strict=True))
        ]

    def _completes(self, column: Values, hint: Hint, hints: Sequence[Hint]) -> bool:
        """Let a column say what an option of the same kind does not, where the two never disagree."""
        for option in self.options:
            same = hints[int(option.name[1:])].argument == hint.argument != ""
            pairs = list(zip(option.values, column, strict=True))
            agree = all(one is None or two is None or ast.dump(one) == ast.dump(two) for one, two in pairs)
            if same and agree and None in option.values and None in column:
                option.values = [one if two is None else two for one, two in pairs]
                return True
        return False

    def _name(self, columns: Sequence[Values], hints: Sequence[Hint]) -> None:
        order = {f"%{at}": at for at in range(len(columns))}
        self.options.sort(key=lambda option: order.get(option.name, -1))
        for option in self.options:
            if option.name in order:
                at = order[option.name]
                uses = [h for column, h in zip(columns, hints, strict=True) if _covers(option.values, column)]
                option.name = self._free([hints[at], *uses], option.values)
                self.taken.add(option.name)
                option.default = None if hints[at].argument in SIZES else usual(option.values)
                if None in option.values and option.default is None:
                    option.default = ast.Constant(None)

    def _free(self, hints: Sequence[Hint], values: Values) -> str:
        names = [authors_name(self.blocks.modules[0], h.owner, h.argument) for h in hints if not h.in_label]
        first = hints[0]
        if first.argument == "count":
            names.append(counted_name(self.blocks.kind))
        if not first.in_label:
            names.append(self.blocks.attribute(values))
        plain = "index" if first.in_label else first.argument or "size"
        names += [plain, f"{_attribute(first)}_{plain}" if _attribute(first).isidentifier() else ""]
        names += [f"{plain}_{at}" for at in range(2, 99)]
        return next(name for name in names if name and name not in self.taken)

    def _half(self, column: Values, hint: Hint) -> Option | None:
        """The size of the kernel, where as much is padded as leaves the length."""
        if hint.argument != "padding":
            return None
        for option in self.options:
            halves = [numbers_in([value])[0] // 2 if numbers_in([value]) else None for value in option.values]
            pads = [None if value is None else numbers_in([value]) for value in column]
            if all(pad is None or pad == [half] for pad, half in zip(pads, halves, strict=True)):
                return option
        return None

    def _spelling(self, column: Values, hint: Hint) -> ast.expr:
        if (kernel := self._half(column, hint)) is not None:
            return ast.BinOp(ast.Name(kernel.name, ast.Load()), ast.FloorDiv(), ast.Constant(2))
        said = self._said(column)
        if said is not None:
            option, factor = said
            return scaled(ast.Name(option.name, ast.Load()), factor)
        parts = _parts(column)
        assert parts, hint
        return ast.Tuple([self._part(part, hint) for part in parts], ast.Load())

    def _part(self, part: Values, hint: Hint) -> ast.expr:
        if len({ast.dump(value) for value in part if value is not None}) == 1:
            return _first(part)
        said = self._said(part)
        if said is None:
            option = Option(self._free([hint], part), part)
            self.taken.add(option.name)
            self.options.append(option)
            said = option, 1
        return scaled(ast.Name(said[0].name, ast.Load()), said[1])

    def _said(self, column: Values) -> tuple[Option, int] | None:
        """The option that a column is, or is a whole multiple of."""
        for option in self.options:
            if _covers(option.values, column):
                return option, 1
        for option in self.options:
            pairs = [(one, other) for one, other in zip(column, option.values, strict=True) if one is not None]
            numbers, others = numbers_in([one for one, _ in pairs]), numbers_in([other for _, other in pairs])
            if numbers and others and (factor := multiple(numbers, others)) > 1:
                return option, factor
        return None


def _is_one(column: Values) -> bool:
    """Whether a constant is the same wherever it stands."""
    return len({ast.dump(value) for value in column if value is not None}) <= 1


def _unchangeable(value: ast.expr | None) -> ast.expr | None:
    """A list as a tuple, as arguments have no lists for defaults."""
    return (
        ast.Tuple([_unchangeable(item) or item for item in value.elts], ast.Load())
        if isinstance(value, ast.List)
        else value
    )


def _simplicity(column: Values, hint: Hint) -> tuple[bool, int, int]:
    """What is to be an argument before what may follow from it."""
    return hint.argument == "padding", column.count(None), sum(numbers_in(_known(column)) or [0])


def _known(column: Values) -> list[ast.expr]:
    return [value for value in column if value is not None]


def _first(column: Values) -> ast.expr:
    return next(value for value in column if value is not None)


def _covers(values: Values, column: Values) -> bool:
    """Whether values are what a column says, wherever it says something."""
    return all(
        two is None or (one is not None and ast.dump(one) == ast.dump(two))
        for one, two in zip(values, column, strict=True)
    )


def _parts(column: Values) -> list[Values]:
    """The columns of the items, where all values are tuples of one length."""
    known = _known(column)
    if not all(type(value) is ast.Tuple for value in known):
        return []
    lengths = {len(value.elts) for value in known if isinstance(value, ast.Tuple)}
    if len(lengths) != 1:
        return []
    return [
        [value.elts[at] if isinstance(value, ast.Tuple) else None for value in column] for at in range(lengths.pop())
    ]


def _attribute(hint: Hint) -> str:
    return hint.owner.partition(".")[0]


def usual(values: Values) -> ast.expr | None:
    """What more than half of the values are, if any."""
    known = _known(values)
    texts = Counter(ast.dump(value) for value in known)
    text, times = texts.most_common(1)[0]
    return next(value for value in known if ast.dump(value) == text) if times > len(known) / 2 and times > 1 else None
