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


def authors_name(module: Any, path: str, argument: str) -> str:
    """What the ``__init__`` of a module's class gives a layer there as this argument; empty where that has no name."""
    kind = type(module)
    attribute, _, place = path.partition(".")
    for call, space in _makers(kind).get(attribute, ()):
        made = _appended(module, attribute, call, place) or (_item(call, place) if place else call)
        given = _bound(made, space, _class_at(module, path))
        for name in (argument, *TORCH_NAMES.get(argument, ())):
            if (said := _name(given.get(name))) and said != "self":
                return said
    return ""


def _name(value: ast.expr | None) -> str:
    if isinstance(value, ast.Attribute):
        return "" if isinstance(value.value, ast.Name) and value.value.id == "self" else value.attr
    return value.id if isinstance(value, ast.Name) else ""


def _appended(module: Any, attribute: str, call: ast.Call, place: str) -> ast.Call | None:
    """What was appended at a place to the list of which ``Sequential(*list)`` is made, where all of it is there."""
    star = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Starred) else None
    if not isinstance(star, ast.Name) or not place.isdigit():
        return None
    items: list[ast.expr] = []
    for tree, _ in _inits(type(module)):
        for node in ast.walk(tree):
            items += _added(node, star.id)
    items.sort(key=lambda item: (item.lineno, item.col_offset))
    said = items[int(place)] if len(items) == len(getattr(module, attribute, ())) > int(place) else None
    return said if isinstance(said, ast.Call) else None


def _added(node: ast.AST, name: str) -> list[ast.expr]:
    """What a statement puts into a list of this name."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.List):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return node.value.elts if any(isinstance(t, ast.Name) and t.id == name for t in targets) else []
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return []
    if not isinstance(node.func.value, ast.Name) or node.func.value.id != name or len(node.args) != 1:
        return []
    item = node.args[0]
    return [item] if node.func.attr == "append" else item.elts if isinstance(item, ast.List) else []


def _item(call: ast.Call, place: str) -> ast.Call:
    """What stands at a place in ``Sequential(...)``."""
    if place.isdigit() and int(place) < len(call.args):
        item = call.args[int(place)]
        return item if isinstance(item, ast.Call) else ast.Call(item, [], [])
    return call


def _class_at(module: Any, path: str) -> type | None:
    try:
        return type(module.get_submodule(path))
    except AttributeError:
        return None


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
            for target, value in _pairs(node):
                calls = [(call, space) for call in ast.walk(value) if isinstance(call, ast.Call)]
                found.setdefault(target.attr, []).extend(calls)
    return found


def _pairs(node: ast.AST) -> list[tuple[ast.Attribute, ast.expr]]:
    """The attributes that a statement assigns to, and what."""
    if not isinstance(node, ast.Assign):
        return []
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
    else:
        pairs = [(target, value)]
    return [(one, other) for one, other in pairs if isinstance(one, ast.Attribute)]


def _bound(call: ast.Call, space: Mapping[str, Any], kind: type | None) -> dict[str, ast.expr]:
    """The arguments of a call by name; a function that cannot be found is the class that it made."""
    given = {word.arg: word.value for word in call.keywords if word.arg}
    for find in (lambda: _resolved(call.func, space), lambda: kind):
        try:
            names = [name for name in inspect.signature(find()).parameters if name not in {"args", "kwargs"}]  # pyright: ignore[reportArgumentType]
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
        return {**dict(zip(names, call.args, strict=False)), **given}
    return given


def _resolved(function: ast.expr, space: Mapping[str, Any]) -> Any:
    words = ast.unparse(function).split(".")
    first = space[words[0]] if words[0] in space else getattr(builtins, words[0])
    return reduce(getattr, words[1:], first)
