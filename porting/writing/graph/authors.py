"""The names that the author of the torch model gave, read from the lines of source that made each call."""

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from porting.writing.graph.module_calls import ModuleCall

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')


def own_place(trace: str) -> tuple[str, str] | None:
    """The file and the line, outside of torch, that a trace of torch's ends in; None where it names none."""
    frame = next(filter(_is_own, reversed(list(_FRAME.finditer(trace)))), None)
    return (frame["file"], frame["line"]) if frame else None


def _is_own(frame: re.Match[str]) -> bool:
    return f"{os.sep}torch{os.sep}" not in frame["file"]


@dataclass(slots=True)
class AuthorNames:
    """Names by the source of each class, which is read once."""

    statements: dict[type, tuple[str, list[ast.stmt]]] = field(default_factory=dict)

    def names(self, node: "Node", call: ModuleCall) -> list[str]:
        """What the forward of a module calls what this node makes; empty where its source does not say."""
        statement = self._statement(node, call)
        said = _targets(statement) if statement is not None and not _is_method_call(statement, call.module) else []
        if len(said) > 1 and isinstance(statement, ast.Assign) and isinstance(statement.value, (ast.Tuple, ast.List)):
            said = self._one_of(said, node, call, statement)
        return said or self._named_by_attribute(node, call)

    def _one_of(self, said: list[str], node: "Node", call: ModuleCall, statement: ast.stmt) -> list[str]:
        """Of ``q, k, v = x[0], x[1], x[2]`` the name of what this node makes, where each makes one value."""
        made = [node]
        for step in ("prev", "next"):
            other = getattr(node, step)
            while other.op == "call_function" and self._statement(other, call) is statement:
                made.insert(0 if step == "prev" else len(made), other)
                other = getattr(other, step)
        left = [each for each in made if any(user not in made for user in each.users)]
        return [said[left.index(node)]] if len(left) == len(said) and node in left else [""]

    def _named_by_attribute(self, node: "Node", call: ModuleCall) -> list[str]:
        """What any method assigns the result of the module to that makes this, where one alone does."""
        depth = len(call.path) + 1 if call.path else 0
        paths = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
        inner = next((path[depth:].partition(".")[0] for path in paths if len(path.partition("@")[0]) > depth), "")
        if not inner or inner.isdigit():
            return []
        said = [
            targets
            for statement in self._source(type(call.module))[1]
            if isinstance(statement, ast.Assign) and _calls(statement, inner) and (targets := _targets(statement))
        ]
        return said[0] if said and all(targets == said[0] for targets in said) else []

    def line(self, node: "Node", call: ModuleCall) -> str:
        """Which statement of the forward of a module a node comes from; empty where its source does not say."""
        statement = self._statement(node, call)
        if statement is None or _is_method_call(statement, call.module):
            return ""
        return f"{type(call.module).__name__}:{statement.lineno}"

    def _statement(self, node: "Node", call: ModuleCall) -> ast.stmt | None:
        file, statements = self._source(type(call.module))
        lines = [
            int(frame["line"]) for frame in _FRAME.finditer(node.meta.get("stack_trace") or "") if frame["file"] == file
        ]
        for line in reversed(lines):
            around = [s for s in statements if s.lineno <= line <= (s.end_lineno or s.lineno)]
            if around:
                return min(around, key=lambda s: (s.end_lineno or s.lineno) - s.lineno)
        return None

    def parameters(self, call: ModuleCall, values: Sequence[str]) -> list[str]:
        """What the forward of a module calls its inputs, by their order."""
        return signature_names(call.module)[: len(values)]

    def place(self, node: "Node") -> str:
        """The file and the line of source that made a call, outside of torch if there is one, and what stands there."""
        trace = node.meta.get("stack_trace") or ""
        frames = list(_FRAME.finditer(trace))
        if not frames:
            return "(no line is known)"
        frame = next(filter(_is_own, reversed(frames)), frames[-1])
        said = trace[frame.end() :].strip().splitlines()
        return f"{frame['file']}:{frame['line']}: {said[0].strip() if said else ''}".rstrip(": ")

    def _source(self, kind: type) -> tuple[str, list[ast.stmt]]:
        if kind not in self.statements:
            self.statements[kind] = _parsed(kind)
        return self.statements[kind]


def signature_names(module: "torch.nn.Module") -> list[str]:
    """The names of the inputs that a module's forward takes."""
    return [name for name in inspect.signature(module.forward).parameters if name not in {"args", "kwargs"}]


def _parsed(kind: type) -> tuple[str, list[ast.stmt]]:
    try:
        lines, first = inspect.getsourcelines(kind)
        file = inspect.getsourcefile(kind) or ""
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return "", []
    ast.increment_lineno(tree, first - 1)
    simple = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)
    return file, [node for node in ast.walk(tree) if isinstance(node, simple)]


def _calls(statement: ast.stmt, attribute: str) -> bool:
    """Whether a statement calls a module that is an attribute of this."""
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == f"self.{attribute}" for node in ast.walk(statement)
    )


def _is_method_call(statement: ast.stmt, module: "torch.nn.Module") -> bool:
    """Whether a statement hands on to another method, whose lines torch does not tell."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    held = getattr(module, value.func.attr, None)
    return ast.unparse(value.func.value) == "self" and inspect.ismethod(held)


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        items = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        items = [statement.target]
    else:
        return []
    return [
        item.id if isinstance(item, ast.Name) else item.attr if isinstance(item, ast.Attribute) else ""
        for item in items
    ]
