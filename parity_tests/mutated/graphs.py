"""What the lines of a port's source make, and at which layers or outputs a fault in a line can show."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from parity_tests.mutated.changes.sources import Source
from porting.pairs.finding import resolve


@dataclass(frozen=True)
class Made:
    """One call of a layer or an operation in a port.

    Attributes
    ----------
    name : str
        The layer's or operation's.
    owns : bool
        Whether it has weights.
    lines : frozenset of int
        Those that led to it, in the port's own file.
    given : tuple of int
        The calls whose results it is given, by their numbers.
    inner : frozenset of str
        The layers inside it, without the numbers that Keras gives them.
    """

    name: str
    owns: bool
    lines: frozenset[int]
    given: tuple[int, ...]
    inner: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Graph:
    """Every call that an output of a port rests on, and the outputs."""

    made: dict[int, Made]
    outputs: tuple[int, ...]

    def at(self, lines: Iterable[int]) -> list[int]:
        """Calls that some lines lead to."""
        wanted = set(lines)
        return [number for number, made in self.made.items() if made.lines & wanted]

    def shows(self, calls: Iterable[int]) -> set[tuple[str, str]]:
        """Places where a fault in some calls can show: inside a layer, or before a layer or output."""
        places: set[tuple[str, str]] = set()
        for number in calls:
            if self.made[number].owns:
                named = {self.made[number].name, *self.made[number].inner}
                places |= {(where, name) for where in ("inside", "between") for name in named}
            reached = {inner for name in self._reached(number) for inner in (name, *self._inside(name))}
            places |= {("between", name) for name in reached}
        return places

    def _inside(self, name: str) -> frozenset[str]:
        return next((made.inner for made in self.made.values() if made.name == name), frozenset())

    def _reached(self, number: int) -> Iterator[str]:
        """The layers with weights, and the outputs, that a call reaches without another such layer between."""
        seen, waiting = set(), [number]
        while waiting:
            at = waiting.pop()
            yield from (f"output {which}" for which, output in enumerate(self.outputs) if output == at)
            for other, made in self.made.items():
                if at in made.given and other not in seen:
                    seen.add(other)
                    if made.owns:
                        yield made.name
                    else:
                        waiting.append(other)

    def behind(self, calls: Iterable[int]) -> set[str]:
        """The layers with weights that some calls stand behind, or are."""
        found, seen, waiting = set(), set(), list(calls)
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            if self.made[at].owns:
                found.add(self.made[at].name)
            else:
                waiting += self.made[at].given
        return found


def graph_of(file: Path) -> Graph:
    """Build the port that a file holds, and watch which lines make its calls."""
    build, lines = resolve(f"{file}:build"), {}
    before = sys.getprofile()
    sys.setprofile(_watcher(str(file), lines))
    try:
        model = build()
    finally:
        sys.setprofile(before)
    made: dict[int, Made] = {}
    outputs = tuple(_follow(tensor, lines, made) for tensor in keras.tree.flatten(model.output))
    return Graph(made, outputs)


def _watcher(file: str, lines: dict[int, frozenset[int]]) -> Any:
    from keras.src.ops.node import Node

    code = Node.__init__.__code__

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            node, found = frame.f_locals["self"], set()
            while frame is not None:
                if frame.f_code.co_filename == file:
                    found.add(frame.f_lineno)
                frame = frame.f_back
            lines[id(node)] = frozenset(found)

    return watch


def _follow(tensor: Any, lines: dict[int, frozenset[int]], made: dict[int, Made]) -> int:
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    if id(node) not in made:
        given = tuple(_follow(each, lines, made) for each in node.arguments.keras_tensors)
        owns = bool(getattr(history.operation, "weights", ()))
        inside = history.operation._flatten_layers(include_self=False) if owns else ()
        inner = frozenset(without_number(layer.name) for layer in inside)
        made[id(node)] = Made(history.operation.name, owns, lines.get(id(node), frozenset()), given, inner)
    return id(node)


def without_number(name: str) -> str:
    """What Keras calls layers that nobody has named, without the number behind it."""
    return re.sub(r"_\d+$", "", name)


def lines_of(source: Source, node: ast.AST) -> set[int]:
    """The lines of a node's statement; of a loop or a function, of all that is in it."""
    statement = source.statement(node)
    return set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))


def lines_that_use(source: Source, node: ast.AST) -> set[int]:
    """The lines of statements that use what a statement makes: of one that makes a plain array."""
    statement, function = source.statement(node), source.function_of(node)
    names = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    found = set()
    for other in function.body:
        read = {each.id for each in ast.walk(other) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        if other.lineno > statement.lineno and read & names:
            found |= set(range(other.lineno, (other.end_lineno or other.lineno) + 1))
    return found
