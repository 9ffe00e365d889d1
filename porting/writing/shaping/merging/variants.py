"""Make the steps of one function of the steps of several variants: what some lack stands in a branch."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from porting.writing.shaping.merging.aligning import Item, Segment, aligned, segments
from porting.writing.shaping.patterns import Hole, Pattern, filled
from porting.writing.shaping.steps import Branch, Choice, Step, made

MOST_BRANCHES = 4


class NotOneFunctionError(Exception):
    """Variants of a class that no flags make one function of."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Blocks of a class that are written alike, up to constants."""

    steps: Sequence[Pattern]
    parameters: Sequence[str]
    results: Sequence[str]


@dataclass(slots=True)
class Merged:
    """What is written for all variants.

    Attributes
    ----------
    steps : list of Step
        With holes, which are numbered through.
    parameters, results : list of str
    items : list of Item
        Each step, in order of its holes, and in which variants it stands where.
    flags : dict
        The value of a flag -> the variants in which it is set.
    """

    steps: list[Step]
    parameters: list[str]
    results: list[str]
    items: list[Item]
    flags: dict[str, frozenset[int]]


@dataclass(slots=True)
class _Segment:
    segment: Segment
    branch: Branch | None
    steps: list[Step]
    made: set[str] = field(default_factory=set)
    otherwise: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Merging:
    """The values of what is written, and what each is in each variant."""

    variants: Sequence[Variant]
    fresh: Iterator[str]
    holds: dict[str, dict[int, str]] = field(default_factory=dict)
    born: dict[str, int] = field(default_factory=dict)
    done: list[_Segment] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    flags: dict[str, frozenset[int]] = field(default_factory=dict)
    holes: int = 0
    holds_inside: dict[int, dict[str, dict[int, str]]] = field(default_factory=dict)

    def merged(self) -> Merged:
        """Write the steps of all variants.

        Raises
        ------
        NotOneFunctionError
        """
        if len({(len(v.parameters), len(v.results)) for v in self.variants}) > 1:
            raise NotOneFunctionError
        items = aligned([variant.steps for variant in self.variants])
        if items is None:
            raise NotOneFunctionError
        runs = segments(items, len(self.variants))
        if sum(len(run.present) < len(self.variants) for run in runs) > MOST_BRANCHES:
            raise NotOneFunctionError
        parameters = [
            self._parameter(dict(enumerate(values)))
            for values in zip(*(v.parameters for v in self.variants), strict=True)
        ]
        for run in runs:
            self._segment(run)
        results = [
            self._resolved(dict(enumerate(values))) for values in zip(*(v.results for v in self.variants), strict=True)
        ]
        steps = [step for part in self.done for step in ([part.branch] if part.branch else part.steps)]
        return Merged(steps, parameters, results, self.items, self.flags)

    def _parameter(self, holds: dict[int, str]) -> str:
        value = next(self.fresh)
        self.holds[value] = holds
        self.born[value] = -1
        return value

    def _segment(self, segment: Segment) -> None:
        everywhere = len(segment.present) == len(self.variants)
        branch = None if everywhere else Branch(self._test(segment.present), [], [], [])
        part = _Segment(segment, branch, [] if branch is None else branch.body)
        before = set(self.holds)
        part.steps += self._steps(segment.items)
        part.made = set(self.holds) - before
        hidden = {} if everywhere else {value: self.holds.pop(value) for value in part.made}
        if branch is not None and segment.otherwise:
            before = set(self.holds)
            branch.otherwise += self._steps(segment.otherwise)
            part.otherwise = set(self.holds) - before
            hidden |= {value: self.holds.pop(value) for value in part.otherwise}
        self.done.append(part)
        self.holds_inside[len(self.done) - 1] = hidden

    def _steps(self, items: Sequence[Item]) -> list[Step]:
        steps: list[Step] = []
        for item in items:
            patterns = {v: self.variants[v].steps[place] for v, place in item.places.items()}
            first = next(iter(patterns.values()))
            read, given = set(first.reads), set(first.made)
            names: dict[int, str] = {}
            for place in sorted(range(len(first.values)), key=lambda place: place not in read):
                values = {v: pattern.values[place] for v, pattern in patterns.items()}
                names[place] = self._resolved(values) if place in read else next(self.fresh)
                if place in given:
                    self.holds[names[place]] = values
                    self.born[names[place]] = len(self.done)
            holes: list[ast.expr] = [Hole(index=self.holes + at) for at in range(len(first.constants))]
            self.holes += len(holes)
            self.items.append(item)
            steps.append(filled(first.step, [names[at] for at in range(len(names))], holes))
        return steps

    def _resolved(self, wanted: Mapping[int, str], before: int | None = None) -> str:
        """The value that is this in each variant; a branch gives it where it differs."""
        limit = len(self.done) + 1 if before is None else before
        for value in reversed(self.holds):
            if self.born[value] < limit and _agrees(self.holds[value], wanted):
                return value
        for at in range(min(len(self.done), limit) - 1, -1, -1):
            part = self.done[at]
            if part.branch is not None and (chosen := self._choice(at, part, part.branch, wanted)):
                return chosen
        raise NotOneFunctionError

    def _choice(self, at: int, part: _Segment, branch: Branch, wanted: Mapping[int, str]) -> str | None:
        inside = {v: value for v, value in wanted.items() if v in part.segment.present}
        outside = {v: value for v, value in wanted.items() if v not in part.segment.present}
        if not inside or not outside:
            return None
        hidden = self.holds_inside[at]
        value = next((one for one in part.made if _agrees(hidden[one], inside)), None)
        default = next((one for one in part.otherwise if _agrees(hidden[one], outside)), None)
        if value is None and (default is None or not part.otherwise):
            return None
        value = value or self._resolved(inside, at)
        default = default or self._resolved(outside, at)
        target = next(self.fresh)
        branch.choices.append(Choice(default, value, target))
        others = {v: one for v, one in self.holds.get(default, {}).items() if v not in part.segment.present}
        here = {v: one for v, one in (hidden.get(value) or self.holds[value]).items() if v in part.segment.present}
        self.holds[target] = {**(hidden.get(default) or others), **here}
        self.born[target] = at
        return target

    def _test(self, present: frozenset[int]) -> ast.expr:
        for flag, variants in self.flags.items():
            if variants == present:
                return ast.Name(flag, ast.Load())
            if variants == frozenset(range(len(self.variants))) - present:
                return ast.UnaryOp(ast.Not(), ast.Name(flag, ast.Load()))
        flag = next(self.fresh)
        self.flags[flag] = present
        return ast.Name(flag, ast.Load())


def _agrees(holds: Mapping[int, str], wanted: Mapping[int, str]) -> bool:
    return all(holds.get(variant) == value for variant, value in wanted.items())


def names_made(steps: Sequence[Step]) -> list[str]:
    """All values that steps give to those behind them."""
    return [value for step in steps for value in made(step)]
