"""The torch model that is to be written: found by what the user called it, and built."""

import copy
import inspect
import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.errors import PairError, first_line, reason_and_place
from porting.pairs.finding import file_of, find_pair, read_reference_sizes, resolve
from porting.pairs.pair import ModelPair

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Reference:
    """A torch model and how to build it anew.

    Attributes
    ----------
    called : str
        What the user called it.
    build : callable
        Makes the model.
    source : str
        Statements that make it, the last of which returns it; empty where only this process can.
    pair : ModelPair, optional
        A pair that it is the reference of: rows and a probe of its own.
    """

    called: str
    build: "Callable[[], torch.nn.Module]"
    source: str = ""
    pair: ModelPair | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def find_reference(
    named: "str | ModelPair | Callable[..., torch.nn.Module] | torch.nn.Module",
    settings: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
) -> Reference:
    """Find a model by a registered pair's name, as ``module:NAME`` of a class, a factory or a module, or as itself.

    Parameters
    ----------
    named : str, ModelPair, callable or torch.nn.Module
    settings : Mapping
        Arguments to build it with.
    shapes : Mapping
        Shapes of the checkpoint's tensors, from which a pair reads its sizes; empty where there is none.

    Raises
    ------
    PairError
        If there is no such model.
    """
    found = named
    if isinstance(named, str):
        found = find_pair(named) if ":" not in named else _resolved(named)
    if isinstance(found, ModelPair):
        return _of_pair(named if isinstance(named, str) else found.name, found, settings, shapes)
    called = named if isinstance(named, str) else _described(found)
    source = _source(named, found, settings) if isinstance(named, str) else ""
    return Reference(called, _factory(called, found, settings), source, settings=settings)


def _resolved(named: str) -> Any:
    import os
    import sys

    if (folder := os.getcwd()) not in sys.path:
        sys.path.insert(0, folder)
    return resolve(named)


def _described(found: Any) -> str:
    if isinstance(found, partial):
        return f"{_described(found.func)}({', '.join(repr(given) for given in found.args if isinstance(given, str))})"
    kind = found if inspect.isclass(found) or inspect.isfunction(found) else type(found)
    return f"{kind.__module__}:{kind.__qualname__}"


def _of_pair(called: str, pair: ModelPair, settings: Mapping[str, Any], shapes: Mapping) -> Reference:
    try:
        sizes = {**(read_reference_sizes(pair, shapes) if shapes else {}), **settings}
    except ValueError as error:
        raise PairError(f"{called}: {error}.") from error
    model = resolve(pair.reference)
    source = ""
    if isinstance(pair.reference, str) and file_of(pair.reference) is None:
        source = _source(pair.reference, model, sizes)
    return Reference(called, _factory(called, model, sizes), source, pair, sizes)


def _factory(called: str, found: Any, settings: Mapping[str, Any]) -> "Callable[[], torch.nn.Module]":
    import torch

    def build() -> "torch.nn.Module":
        if isinstance(found, torch.nn.Module):
            try:
                return copy.deepcopy(found)
            except RuntimeError as error:
                reason = first_line(error)
                raise PairError(f"{called} cannot be copied: {reason}.\nName its class or a factory.") from error
        try:
            model = found(**settings)
        except (Exception, SystemExit) as error:
            remedy = f"Give its arguments by --with NAME=VALUE{_wanted(found)}"
            if isinstance(error, ImportError):
                remedy = "Install what it imports"
            raise PairError(
                f"{called} could not be built with {_spelled(settings) or 'no arguments'}: {reason_and_place(error)}.\n"
                f"{remedy}."
            ) from error
        if not isinstance(model, torch.nn.Module):
            raise PairError(f"{called} gives a {type(model).__name__}, not a torch.nn.Module.")
        return model

    if isinstance(found, torch.nn.Module) and settings:
        raise PairError(f"{called} is a module that is built already: --with has nothing to say. Name its class.")
    if not callable(found):
        raise PairError(
            f"{called} is of type {type(found).__name__}: neither a class, a factory nor a torch.nn.Module."
        )
    return build


def _wanted(found: Any) -> str:
    """The arguments that have no default."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return ""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]
    return f"; it asks for {', '.join(names)}" if names else ""


def _spelled(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


def _source(named: str, found: Any, settings: Mapping[str, Any]) -> str:
    """Statements that build the model; empty where the arguments cannot be spelled. A file is called FILE there."""
    module, _, name = named.rpartition(":")
    spelled = all(isinstance(value, (bool, int, float, str, tuple, list, type(None))) for value in settings.values())
    words = name.split(".") if file_of(named) else (*module.split("."), *name.split("."))
    if not spelled or not all(word.isidentifier() for word in words):
        return ""
    arguments = f"({_spelled(settings)})" if inspect.isclass(found) or not _is_module(found) else ""
    if file_of(named):
        return f"from runpy import run_path\n\nreturn run_path(str(FILE))[{name!r}]{arguments}"
    return f"from {module} import {words[len(module.split('.'))]}\n\nreturn {name}{arguments}"


def _is_module(found: Any) -> bool:
    import torch

    return isinstance(found, torch.nn.Module)


def read_settings(given: list[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` arguments: Python literals, everything else text.

    Raises
    ------
    PairError
        If one is not of that form.
    """
    import ast

    settings: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise PairError(f"--with {item}: write it as NAME=VALUE, such as --with width=64.")
        try:
            settings[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            settings[name] = text
    return settings
