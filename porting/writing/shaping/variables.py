"""Say what is assigned to what: values that a loop carries or a branch chooses become variables that change."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from porting.writing.shaping.steps import Branch, Carried, Choice, Loop, Step, made, reads, renamed
from porting.writing.values.blocks import Statement


@dataclass(slots=True)
class Variables:
    """Which values share a variable, and what their authors call them."""

    shared: dict[str, str] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def of(self, value: str) -> str:
        """The variable of a value."""
        while value in self.shared:
            value = self.shared[value]
        return value

    def share(self, value: str, other: str) -> None:
        """Hold a value in the variable of another."""
        if self.of(value) != self.of(other):
            self.shared[self.of(value)] = self.of(other)

    def assigned(self, steps: Sequence[Step], behind: set[str], own: set[str]) -> list[Step]:
        """Steps in which variables change.

        Parameters
        ----------
        steps : sequence of Step
        behind : set of str
            The values that are read behind them.
        own : set of str
            Values from before them that nobody else needs.
        """
        given, own = own, {*own, *(value for step in steps for value in made(step))}
        steps = list(steps)
        heads = [head for at in range(len(steps)) for head in self._kept_first(steps, at, behind, given)]
        own |= {value for head in heads for value in made(head)}
        written: list[Step] = [*heads]
        for at, step in enumerate(steps):
            later = {*behind, *(value for other in steps[at + 1 :] for value in reads(other))}
            if isinstance(step, Loop):
                written += self._loop(step, later, own)
            elif isinstance(step, Branch):
                written += self._branch(step, later, own)
            else:
                written.append(step)
        return written

    def _kept_first(self, steps: list[Step], at: int, behind: set[str], given: set[str]) -> list[Step]:
        """``identity = x`` stands first where only a branch reads x later, so that x may change before it."""
        step, heads = steps[at], []
        if not isinstance(step, Branch) or step.otherwise:
            return []
        for choice in step.choices:
            default = choice.default
            later = {*behind, *(value for other in steps[at + 1 :] for value in reads(other))}
            before = any(default in reads(other) for other in steps[:at])
            once = [other.default for other in step.choices].count(default) == 1
            if default in given and default not in later and before and once and self._is_another(choice):
                kept = f"{choice.target}k"
                self.called[kept] = self.called.get(choice.value, "")
                heads.append(Statement([kept], ast.Name(default, ast.Load()), [self.called[kept]]))
                steps[at] = renamed(steps[at], {default: kept})
        return heads

    def _loop(self, loop: Loop, later: set[str], own: set[str]) -> list[Step]:
        inside = {value for step in loop.body for value in reads(step)}
        inits = [carried.init for carried in loop.carried]
        before: list[Step] = []
        for carried in loop.carried:
            init = carried.init
            if init in later or init in inside or init not in own or inits.count(init) > 1:
                before.append(copy(carried.target, init))
            else:
                self.share(init, carried.target)
            self.share(carried.taken, carried.target)
        ends = [step for carried in loop.carried for step in self._end(loop, carried)]
        taken = {carried.taken for carried in loop.carried}
        body = self.assigned(loop.body, {carried.result for carried in loop.carried}, taken)
        counted = Loop(loop.counter, loop.columns, loop.start, loop.count, loop.table, [*body, *ends], [], loop.names)
        return [*before, counted]

    def _end(self, loop: Loop, carried: Carried) -> list[Step]:
        """Nothing where the body can assign to the variable at once, else a copy at its end."""
        places = [at for at, step in enumerate(loop.body) if carried.result in made(step)]
        shared = sum(other.result == carried.result for other in loop.carried) > 1
        read_later = places and any(carried.taken in reads(step) for step in loop.body[places[0] + 1 :])
        if not places or shared or read_later or carried.taken in {other.result for other in loop.carried}:
            return [copy(carried.target, carried.result)]
        self.share(carried.result, carried.target)
        return []

    def _branch(self, branch: Branch, later: set[str], own: set[str]) -> list[Step]:
        before: list[Step] = []
        ends: list[Step] = []
        others: list[Step] = []
        for choice in branch.choices:
            if any(choice.value in made(step) for step in branch.body):
                self.share(choice.value, choice.target)
            else:
                ends.append(copy(choice.target, choice.value))
            if any(choice.default in made(step) for step in branch.otherwise):
                self.share(choice.default, choice.target)
            elif branch.otherwise:
                others.append(copy(choice.target, choice.default))
            elif self._is_kept(branch, choice, later, own):
                before.append(copy(choice.target, choice.default))
            else:
                self.share(choice.default, choice.target)
        body = self.assigned(branch.body, {*later, *(choice.value for choice in branch.choices)}, set())
        otherwise = self.assigned(branch.otherwise, {*later, *(choice.default for choice in branch.choices)}, set())
        return [*before, Branch(branch.test, [*body, *ends], [*otherwise, *others], [])]

    def _is_kept(self, branch: Branch, choice: Choice, later: set[str], own: set[str]) -> bool:
        """Whether what stood before a branch must not change."""
        twice = [other.default for other in branch.choices].count(choice.default) > 1
        needed = choice.default in later or choice.default not in own or twice
        return needed or _is_read_behind(branch, choice) or self._is_another(choice)

    def _is_another(self, choice: Choice) -> bool:
        """Whether the author calls what a branch makes by another name than what stood before it."""
        names = {self.called.get(value, "") for value in (choice.default, choice.value)} - {""}
        return len(names) > 1


def _is_read_behind(branch: Branch, choice: Choice) -> bool:
    """Whether the body reads the default after it has made the value."""
    places = [at for at, step in enumerate(branch.body) if choice.value in made(step)]
    if not places:
        return False
    return any(choice.default in reads(step) for step in branch.body[places[0] + 1 :])


def copy(target: str, value: str) -> Statement:
    """An assignment of one value to another."""
    return Statement([target], ast.Name(value, ast.Load()))


def assigned(
    steps: Sequence[Step], parameters: Sequence[str], names: Sequence[str], results: Sequence[str]
) -> tuple[list[Step], Variables]:
    """Steps in which variables change, and which values those hold; the names are those of the parameters."""
    variables = Variables(called={**_names_said(steps), **dict(zip(parameters, names, strict=False))})
    written = variables.assigned(steps, set(results), set(parameters))
    shared = {value: variables.of(value) for value in list(variables.shared)}
    return [renamed(step, shared) for step in written], variables


def _names_said(steps: Sequence[Step]) -> dict[str, str]:
    """What the author calls the values that statements make."""
    said: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Statement):
            said.update((value, name) for value, name in zip(step.targets, step.names, strict=False) if name)
        else:
            said.update(_names_said([*step.body, *getattr(step, "otherwise", [])]))
    return said
