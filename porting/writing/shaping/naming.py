"""Give variables names: the torch author's, where two that are needed at once do not share one."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from porting.writing.shaping.labels import Label
from porting.writing.shaping.steps import Branch, Loop, Step
from porting.writing.values.blocks import Statement
from porting.writing.values.expressions import variables_in, walk

RESERVED = {"keras", "layers", "ops", "name", "build", *dir(builtins), *keyword.kwlist}
COUNTERS = ("n", "i", "j", "k")


@dataclass(slots=True)
class Wishes:
    """What variables are best called, and which are needed at once.

    Attributes
    ----------
    order : dict
        Variables as they come to be.
    said : dict
        Variable -> the names that the author gives to what it holds.
    read : dict
        Variable -> the variables that it is first made of.
    busy : dict
        Variable -> those whose names it cannot have.
    layers : dict
        Variable -> the module that makes it.
    """

    order: dict[str, None] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    read: dict[str, list[str]] = field(default_factory=dict)
    busy: dict[str, set[str]] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)

    def hear(self, steps: Sequence[Step]) -> None:
        """Take note of what the author says, in order."""
        for step in steps:
            if isinstance(step, Statement):
                for at, target in enumerate(step.targets):
                    self.order.setdefault(target)
                    unpacked_later = len(step.names) > len(step.targets)
                    said = [_module_in(step.tree)] if unpacked_later else step.names[at : at + 1]
                    self.said.setdefault(target, []).extend(said)
                    self.read.setdefault(target, _arguments_in(step.tree))
                    self.layers.setdefault(target, _module_in(step.tree))
            else:
                if isinstance(step, Loop):
                    for variable, name in zip(step.variables(), step.names, strict=True):
                        self.order.setdefault(variable)
                        self.said[variable] = [name]
                self.hear(step.body)
                self.hear(step.otherwise if isinstance(step, Branch) else [])

    def follow(self, steps: Sequence[Step], live: set[str]) -> set[str]:
        """Which variables are needed before steps, by those that are needed behind them."""
        for step in reversed(steps):
            if isinstance(step, Statement):
                self.keep_apart(step.targets, live | set(step.targets))
                live = live - set(step.targets) | set(variables_in(step.tree))
            elif isinstance(step, Branch):
                live = self.follow(step.body, live) | self.follow(step.otherwise, live)
                live |= set(variables_in(step.test))
            else:
                live = self._follow_loop(step, live)
        return live

    def _follow_loop(self, loop: Loop, live: set[str]) -> set[str]:
        own = set(loop.variables())
        inside = self.follow(loop.body, live | own)
        inside |= self.follow(loop.body, live | own | inside)
        self.keep_apart(own, inside | live | own)
        heads = [tree for tree in (loop.table, loop.start, loop.count) if tree is not None]
        return live | (inside - own) | {variable for tree in heads for variable in variables_in(tree)}

    def keep_apart(self, variables: Iterable[str], others: set[str]) -> None:
        """Variables that come to be while others are needed."""
        for variable in variables:
            self.busy.setdefault(variable, set()).update(others - {variable})
            for other in others - {variable}:
                self.busy.setdefault(other, set()).add(variable)


def names_for(
    parameters: Sequence[str],
    wanted: Sequence[str],
    steps: Sequence[Step],
    results: Sequence[str],
    taken: Iterable[str],
) -> dict[str, str]:
    """Variable -> name, so that nothing is overwritten while it is still read."""
    wishes = Wishes(dict.fromkeys(parameters), {v: list(wanted[at : at + 1]) for at, v in enumerate(parameters)})
    wishes.hear(steps)
    needed = wishes.follow(steps, set(results))
    wishes.keep_apart(parameters, needed | set(parameters))
    reserved = RESERVED | set(taken)
    names: dict[str, str] = {}
    for variable in wishes.order:
        busy = {names[other] for other in wishes.busy.get(variable, ()) if other in names}
        said = _preferred(variable, wishes, names)
        other = wishes.layers.get(variable, "")
        if said != "x" and said in reserved | busy and other and other not in reserved | busy:
            said = other
        names[variable] = _free(said, reserved | busy)
    return names


def _arguments_in(tree: ast.expr) -> list[str]:
    """The variables that an expression is made of, those in names of layers left aside."""
    spelled = {id(name) for label in ast.walk(tree) if isinstance(label, Label) for name in ast.walk(label)}
    settings = tree.func if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Call) else None
    spelled |= {id(name) for name in ast.walk(settings)} if settings is not None else set()
    return [
        node.id for node in walk(tree) if isinstance(node, ast.Name) and node.id[0] == "%" and id(node) not in spelled
    ]


def _module_in(tree: ast.expr) -> str:
    """The name of the module whose call an expression is."""
    call = tree.func if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Call) else tree
    words = call.keywords if isinstance(call, ast.Call) else []
    path = next((word.value.path() for word in words if isinstance(word.value, Label)), "")
    return next((plain(word) for word in reversed(path.split(".")) if word.isidentifier()), "")


def _preferred(variable: str, wishes: Wishes, names: Mapping[str, str]) -> str:
    for said in wishes.said.get(variable, ()):
        if said and (plain(said) != "x" or said == "x"):
            return plain(said)
    return next((names[other] for other in wishes.read.get(variable, ()) if other in names), "x")


def plain(name: str) -> str:
    """A name as Python's authors write it; ``input``, which is a function of Python's, is x."""
    name = name.strip("_").lower()
    if not name.isidentifier() or not name.isascii() or name in {"input", "self"}:
        return "x"
    return f"{name}_" if name in RESERVED else name


def _free(name: str, busy: set[str]) -> str:
    if name in COUNTERS:
        return next((one for one in (name, *COUNTERS) if one not in busy), None) or _free("n_", busy)
    if name == "x":
        name = next((one for one in ("x", "y", "z") if one not in busy), name)
    stem = re.sub(r"\d+$", "", name) if name[-1:].isdigit() and not name[:-1].endswith("_") else name
    number, free = 1, name
    while free in busy:
        number += 1
        free = f"{stem}{number}"
    return free
