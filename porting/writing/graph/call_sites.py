"""Which input of a module a value is, read from the line of torch source that calls the module."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def bound_inputs(
    module: "torch.nn.Module", outer: "torch.nn.Module", path: str, values: Sequence[str], said: Mapping[str, str]
) -> dict[str, str]:
    """The input of a module's forward that each value is; empty where the source does not say it of all.

    Parameters
    ----------
    module, outer : torch.nn.Module
        The module that is called, and the one whose forward calls it.
    path : str
        Where it stands in the other.
    values : sequence of str
    said : Mapping
        What the author calls values in the forward of the other.
    """
    names = list(inspect.signature(module.forward).parameters)
    for call in _calls(type(outer), path.partition(".")[0]):
        given = {**dict(zip(names, call.args, strict=False)), **{w.arg: w.value for w in call.keywords if w.arg}}
        by_name = {value.id: name for name, value in given.items() if isinstance(value, ast.Name)}
        bound = {value: by_name[said[value]] for value in values if said.get(value) in by_name}
        if len(bound) == len(values) == len(set(bound.values())):
            return dict(sorted(bound.items(), key=lambda one: names.index(one[1]) if one[1] in names else len(names)))
    return {}


def _calls(kind: type, attribute: str) -> Iterator[ast.Call]:
    """The calls of a module that is this attribute, or of those that it holds."""
    held = {f"self.{attribute}"}
    for node in _nodes(kind):
        if isinstance(node, ast.For) and f"self.{attribute}" in ast.unparse(node.iter):
            held |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
    for node in _nodes(kind):
        if isinstance(node, ast.Call) and ast.unparse(node.func).partition("[")[0] in held:
            yield node


@cache
def _nodes(kind: type) -> tuple[ast.AST, ...]:
    try:
        return tuple(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))))
    except (OSError, TypeError, SyntaxError):
        return ()
