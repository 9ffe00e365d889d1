"""The public members of packages, from their docstrings."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

from generated_pages.text import code, escaped, summary, table

_DOORS = {"__main__", "cli", "commands", "errors"}
"""Modules that other pages tell of."""


def members(name: str) -> str:
    """What a package's ``__all__`` names: a table of all, then each with its docstring."""
    package = importlib.import_module(name)
    public = {each: getattr(package, each) for each in package.__all__ if not each.startswith("__")}
    rows = ((f"{{py:obj}}`~{name}.{each}`", escaped(_told(value))) for each, value in public.items())
    shown = (_documented(f"{name}.{each}", value) for each, value in public.items())
    return "\n\n".join([table(("name", "what it is"), rows), *shown])


def _told(value: object) -> str:
    """What a thing is; of a constant, what it holds."""
    if isinstance(value, type) or inspect.isroutine(value):
        return summary(value)
    kinds = sorted({type(one).__name__ for one in value}) if isinstance(value, tuple) else []
    return f"{type(value).__name__} of {len(value)} {' and '.join(kinds)}" if kinds else type(value).__name__


def _documented(name: str, value: object) -> str:
    if isinstance(value, type):
        directive = f".. autoclass:: {name}\n   :members:"
    elif inspect.isroutine(value):
        directive = f".. autofunction:: {name}"
    else:
        directive = f".. py:data:: {name}\n\n   A {_told(value)}."
    return f"```{{eval-rst}}\n{directive}\n```"


def markdown(name: str) -> str:
    """What a room says of itself, and every module that has public members of its own, in a section each."""
    told = escaped(" ".join(inspect.cleandoc(importlib.import_module(name).__doc__ or "").split()))
    return "\n\n".join([told, *map(_section, _public(name))])


def _public(name: str) -> Iterator[ModuleType]:
    package = importlib.import_module(name)
    for found in pkgutil.iter_modules(package.__path__):
        if not found.ispkg and found.name not in _DOORS and not found.name.startswith("_"):
            module = importlib.import_module(f"{name}.{found.name}")
            if _own(module):
                yield module


def _own(module: ModuleType) -> list[str]:
    """Public functions and classes that a module itself defines, without those that its package hands out."""
    package = sys.modules[module.__name__.split(".")[0]]
    handed_out = set(getattr(package, "__all__", ()))
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and callable(value)
        if name not in handed_out or getattr(package, name) is not value
    ]


def _section(module: ModuleType) -> str:
    names = ", ".join(_own(module))
    return (
        f"## {code(module.__name__)}\n\n```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :members: {names}\n```"
    )
