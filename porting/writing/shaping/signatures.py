"""What the author of a torch class calls the settings of the layers that its ``__init__`` makes."""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache, reduce
from typing import Any

TORCH_NAMES = {
    "filters": ("out_channels", "out_planes", "out_chs", "planes"),
    "units": ("out_features",),
    "strides": ("stride",),
    "dilation_rate": ("dilation",),
    "rate": ("p",),
    "epsilon": ("eps",),
}
"""Keras' name of a setting -> torch's."""


def authors_name(kind: type, attribute: str, argument: str) -> str:
    """The argument of the class' ``__init__`` that a layer there is given as this argument; empty where none is."""
    for call, space in _makers(kind).get(attribute, ()):
        given = _bound(call, space)
        for name in (argument, *TORCH_NAMES.get(argument, ())):
            value = given.get(name)
            if isinstance(value, ast.Name) and value.id in init_names(kind):
                return value.id
    return ""


def counted_name(kind: type) -> str:
    """The argument of ``__init__`` that says how often something is made; empty where not exactly one does."""
    found = {
        node.args[0].id
        for tree, _ in _inits(kind)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "range"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Name)
    }
    found &= set(init_names(kind))
    return found.pop() if len(found) == 1 else ""


@cache
def init_names(kind: type) -> tuple[str, ...]:
    """The arguments of a class' ``__init__``."""
    try:
        return tuple(name for name in inspect.signature(kind).parameters if name not in {"args", "kwargs"})
    except (TypeError, ValueError):
        return ()


@cache
def _inits(kind: type) -> tuple[tuple[ast.AST, Mapping[str, Any]], ...]:
    """The ``__init__`` of a class and of those that it inherits from, up to torch's own."""
    made = []
    for one in kind.__mro__:
        if one.__module__.startswith("torch.nn.modules") or "__init__" not in vars(one):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(one.__init__)))
        except (OSError, TypeError, SyntaxError):
            continue
        made.append((tree, getattr(one.__init__, "__globals__", {})))
    return tuple(made)


@cache
def _makers(kind: type) -> dict[str, list[tuple[ast.Call, Mapping[str, Any]]]]:
    """Attribute -> the calls in ``__init__`` that make it."""
    found: dict[str, list[tuple[ast.Call, Mapping[str, Any]]]] = {}
    for tree, space in _inits(kind):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                for call in ast.walk(node.value):
                    if isinstance(call, ast.Call):
                        found.setdefault(node.targets[0].attr, []).append((call, space))
    return found


def _bound(call: ast.Call, space: Mapping[str, Any]) -> dict[str, ast.expr]:
    """The arguments of a call by name."""
    given = {word.arg: word.value for word in call.keywords if word.arg}
    try:
        names = list(inspect.signature(_resolved(call.func, space)).parameters)
    except (AttributeError, KeyError, TypeError, ValueError):
        return given
    return {**dict(zip(names, call.args, strict=False)), **given}


def _resolved(function: ast.expr, space: Mapping[str, Any]) -> Any:
    words = ast.unparse(function).split(".")
    first = space[words[0]] if words[0] in space else getattr(builtins, words[0])
    return reduce(getattr, words[1:], first)
