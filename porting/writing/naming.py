"""Give values names: the torch author's, where two values that are needed at once do not share one."""

import ast
import builtins
import keyword
from collections.abc import Iterable, Sequence

from porting.writing.blocks import Statement
from porting.writing.expressions import variables_in

RESERVED = {"keras", "layers", "ops", "name", "build", *dir(builtins), *keyword.kwlist}


def names_for(
    parameters: Sequence[str],
    wanted: Sequence[str],
    statements: Sequence[Statement],
    results: Sequence[str],
    taken: Iterable[str],
) -> dict[str, str]:
    """Value -> name, so that no value is overwritten while it is still read."""
    last = _last_reads(statements, results)
    reserved = RESERVED | set(taken)
    names: dict[str, str] = {}
    holders: dict[str, str] = {}
    for at, value in enumerate(parameters):
        name = _free(wanted[at] if at < len(wanted) else "x", reserved | set(holders))
        names[value] = name
        holders[name] = value
    for place, statement in enumerate(statements):
        for at, target in enumerate(statement.targets):
            said = statement.names[at] if at < len(statement.names) else ""
            read = [names[v] for v in variables_in(statement.tree) if v in names]
            preferred = said or next(iter(read), "x")
            busy = {n for n, value in holders.items() if last.get(value, -1) > place} | set(
                map(names.get, statement.targets[:at])
            )
            name = _free(_plain(preferred), reserved | {n for n in busy if n})
            names[target] = name
            holders[name] = target
    return names


def _last_reads(statements: Sequence[Statement], results: Sequence[str]) -> dict[str, int]:
    """Value -> the last statement that reads it; what is returned is read behind the last."""
    last = {value: place for place, statement in enumerate(statements) for value in variables_in(statement.tree)}
    return {**last, **dict.fromkeys(results, len(statements))}


def _plain(name: str) -> str:
    return name.strip("_").lower() if name.strip("_").isidentifier() else "x"


def _free(name: str, busy: set[str]) -> str:
    count, free = 1, name
    while free in busy:
        count += 1
        free = f"{name}_{count}" if name[-1:].isdigit() or name in RESERVED else f"{name}{count}"
    return free


class Renaming(ast.NodeTransformer):
    """Replaces values by their names."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)
