"""Roll up steps that repeat: they differ by numbers in the names of layers, or by constants that a table gives."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from porting.writing.shaping.patterns import Pattern, filled, pattern_of
from porting.writing.shaping.rolling.columns import Columns, columns_of
from porting.writing.shaping.steps import Carried, Loop, Rows, Step, Turns, lines, renamed
from porting.writing.values.expressions import clone

LONGEST_PERIOD = 40
MOST_COLUMNS = 4


@dataclass(slots=True)
class Run:
    """A group of steps that repeats.

    Attributes
    ----------
    start, period, count : int
    links : dict
        Place of a value that a group takes from the group before -> the place at which that makes it.
    groups : list of list of str
        The values of each group, by place.
    columns : Columns
    """

    start: int
    period: int
    count: int
    links: dict[int, int]
    groups: list[list[str]]
    columns: Columns = field(default_factory=Columns)


@dataclass(slots=True)
class Rolling:
    """The steps of one function, and what is read behind them."""

    steps: list[Step]
    results: Sequence[str]
    fresh: Iterator[str]
    tables: bool = True
    patterns: list[Pattern] = field(default_factory=list)
    readers: dict[str, set[int]] = field(default_factory=dict)

    def roll(self) -> list[Step]:
        """Roll up until nothing gains: what only counts before what needs a table."""
        while (run := self._best(tables=False) or (self._best(tables=True) if self.tables else None)) is not None:
            self.steps[run.start : run.start + run.period * run.count] = [self._loop(run)]
        return self.steps

    def _best(self, tables: bool) -> Run | None:
        self.patterns = [pattern_of(step) for step in self.steps]
        self.readers = {}
        for at, pattern in enumerate(self.patterns):
            for place in pattern.reads:
                self.readers.setdefault(pattern.values[place], set()).add(at)
        for value in self.results:
            self.readers.setdefault(value, set()).add(len(self.steps))
        best, most = None, 0.0
        for run in self._runs(tables):
            gain = self._gain(run, tables) + self._grace(run)
            if gain > max(most, 0.03):
                best, most = run, gain
        return best

    def _grace(self, run: Run) -> float:
        """A turn begins with what has weights and does not end with it."""
        first, last = self.patterns[run.start].key, self.patterns[run.start + run.period - 1].key
        return 0.02 * (_has_kernel(first) - _has_kernel(last)) if run.period > 1 else 0.0

    def _gain(self, run: Run, tables: bool) -> float:
        """Lines that are saved, less what a table costs to read."""
        long = lines(self.steps[run.start : run.start + run.period])
        saved = long * (run.count - 1) - 1
        if not tables:
            enough = run.count > 2 or long > 1 or run.columns.counts_modules
            return saved + 0.5 - 0.01 * run.period if enough and (run.count > 2 or run.columns.counts_modules) else 0.0
        width = len(run.columns.table)
        if not width or width > MOST_COLUMNS or run.columns.width() > 80:
            return 0.0
        if run.count < 3 and saved < 5:
            return 0.0
        return max(saved - 1.2 * (width - 1) - 0.01 * run.period - 0.9, 0.0)

    def _runs(self, tables: bool) -> Iterator[Run]:
        keys = [pattern.key for pattern in self.patterns]
        for period in range(1, min(LONGEST_PERIOD, len(keys) // 2) + 1):
            for start in range(len(keys) - 2 * period + 1):
                times = 1
                while keys[start : start + period] == keys[start + times * period : start + (times + 1) * period]:
                    times += 1
                for less in (times, times - 1) if times > 2 else (times,):
                    if less > 1 and (run := self._run(start, period, less, tables)) is not None:
                        yield run
                        break

    def _run(self, start: int, period: int, times: int, tables: bool) -> Run | None:
        """The longest run from here of groups that are linked alike, with what differs between them."""
        groups = [self._group(start + at * period, period) for at in range(times)]
        alike = 1
        while alike < times and groups[alike][1] == groups[0][1]:
            alike += 1
        links, alike = self._links([values for values, _ in groups[:alike]], self._made(start, period))
        while alike > 1 and not self._is_closed(start, period, alike, [g for g, _ in groups[:alike]], links):
            alike -= 1
        while alike > 1:
            constants = [
                [c for pattern in self.patterns[at : at + period] for c in pattern.constants]
                for at in range(start, start + alike * period, period)
            ]
            hints = [hint for pattern in self.patterns[start : start + period] for hint in pattern.hints]
            columns = columns_of(constants, hints)
            if columns is not None and bool(columns.table) == tables:
                return Run(start, period, alike, links, [values for values, _ in groups[:alike]], columns)
            if tables:
                return None
            alike -= 1
            if not self._is_closed(start, period, alike, [g for g, _ in groups[:alike]], links):
                return None
        return None

    def _group(self, start: int, period: int) -> tuple[list[str], list[int]]:
        """The values of a group, each once, and which stands where."""
        places: dict[str, int] = {}
        order = [
            places.setdefault(value, len(places))
            for pattern in self.patterns[start : start + period]
            for value in pattern.values
        ]
        return list(places), order

    def _made(self, start: int, period: int) -> set[str]:
        return {p.values[place] for p in self.patterns[start : start + period] for place in p.made}

    def _links(self, groups: Sequence[list[str]], made: set[str]) -> tuple[dict[int, int], int]:
        """Where values come from the group before, and for how many groups that holds."""
        first = groups[0]
        inner = {place for place, value in enumerate(first) if value in made}
        links: dict[int, int] = {}
        alike = len(groups)
        local = _local_values(self.patterns, groups)
        for place in range(len(first)):
            if place in inner or first[place] in local:
                continue
            if len(groups) > 1 and groups[1][place] != first[place]:
                sources = [source for source in inner if groups[0][source] == groups[1][place]]
                if not sources:
                    return {}, 1
                links[place] = sources[0]
            for at in range(1, alike):
                wanted = groups[at - 1][links[place]] if place in links else first[place]
                if groups[at][place] != wanted:
                    alike = at
                    break
        return links, alike

    def _is_closed(
        self, start: int, period: int, times: int, groups: Sequence[list[str]], links: dict[int, int]
    ) -> bool:
        """Whether what a group makes is read in it, or by the group behind it through a link; the last's by anyone."""
        carried = set(links.values())
        for at, values in enumerate(groups[:times]):
            first = start + at * period
            made = self._made(first, period)
            inside = set(range(first, first + period))
            for place, value in enumerate(values):
                outside = self.readers.get(value, set()) - inside if value in made else set()
                following = set(range(first + period, first + 2 * period)) if at < times - 1 else outside
                if outside and (place not in carried or outside - following):
                    return False
        return True

    def _loop(self, run: Run) -> Loop:
        steps = self.steps[run.start : run.start + run.period]
        spelled, names = run.columns.spelled(self.fresh)
        body: list[Step] = []
        at = 0
        for pattern in self.patterns[run.start : run.start + run.period]:
            more = len(pattern.constants)
            body.append(filled(pattern.step, pattern.values, spelled[at : at + more]))
            at += more
        first, last = run.groups[0], run.groups[-1]
        carried = [Carried(first[to], next(self.fresh), first[of], last[of]) for to, of in run.links.items()]
        taken = {one.init: one.taken for one in carried}
        made = {run.groups[0][of]: next(self.fresh) for of in run.links.values()}
        for one in carried:
            one.result = made[one.result]
        body = [renamed(step, {**taken, **made}) for step in body]
        counter, columns = names
        table, start = run.columns.tree(), run.columns.start
        assert len(steps) == len(body)
        spell = [*(["n"] if counter else []), *(column.name for column in run.columns.table)]
        return Loop(
            counter,
            columns,
            ast.Constant(start),
            Turns(run.count),
            table and Rows(clone(table).elts, ast.Load()),
            body,
            carried,
            spell,
        )


def _has_kernel(key: str) -> bool:
    return any(f"attr='{kind}" in key for kind in ("Conv", "Dense", "Depthwise")) or "id='conv" in key


def _local_values(patterns: Sequence[Pattern], groups: Sequence[list[str]]) -> set[str]:
    """Values that steps inside loops give to themselves: neither read from before nor given to those behind."""
    known = set(groups[0])
    outer = {p.values[place] for p in patterns for place in [*p.reads, *p.made]}
    return known - outer


def rolled(steps: Sequence[Step], results: Sequence[str], fresh: Iterator[str], *, tables: bool = True) -> list[Step]:
    """Steps with what repeats rolled up."""
    return Rolling(list(steps), results, fresh, tables).roll()
