"""What a call of a layer or a model takes and returns, in either framework: the first tensor, and the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from porting.errors import PairError, reason_and_place

Run = Callable[[Any], Any]
"""Runs a layer on a tensor in the place of its first argument."""


def with_first_argument(
    call: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any], record: Callable[[Any, Run], Any]
) -> Any:
    """Hand a call's first argument, however it was given, to `record`, with what runs the call on another."""
    if arguments:
        given, *others = arguments
        return record(given, lambda fed: call(fed, *others, **keywords))
    word = next(iter(keywords))
    return record(keywords[word], lambda fed: call(**{**keywords, word: fed}))


Handle = Callable[[Callable[..., Any], tuple, Mapping[str, Any]], Any]
"""Given a function of torch, its arguments and its keywords: what is returned in its place."""


def functions_handed(handle: Handle) -> AbstractContextManager[Any]:
    """Hand every call of a function of torch to something else for a while."""
    return _handing()(handle)


@cache
def _handing() -> type:
    """One class for all: a class is a circle that nothing frees but a collection, with all that its methods enclose."""
    import torch

    class Handing(torch.overrides.TorchFunctionMode):
        def __init__(self, handle: Handle) -> None:
            super().__init__()
            self.handle = handle

        def __torch_function__(self, function, types, args=(), kwargs=None):
            return self.handle(function, args, kwargs or {})

    return Handing


def leaves(values: Any) -> Iterator[Any]:
    """Everything in nested tuples, lists and mappings."""
    if isinstance(values, (tuple, list)):
        for value in values:
            yield from leaves(value)
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from leaves(value)
    else:
        yield values


def with_leaves(values: Any, others: Mapping[int, Any]) -> Any:
    """The same nested values with others in the place of some, by their ids."""
    if isinstance(values, (tuple, list)):
        changed = [with_leaves(value, others) for value in values]
        return tuple(changed) if isinstance(values, tuple) else changed
    if isinstance(values, Mapping):
        return {name: with_leaves(value, others) for name, value in values.items()}
    return others.get(id(values), values)


def first(output: Any) -> Any:
    """What a layer returns, the first of it where it is several."""
    return output[0] if isinstance(output, (tuple, list)) else output


def with_first(output: Any, other: Any) -> Any:
    """What a layer returns with another tensor in the first one's place."""
    return (other, *output[1:]) if isinstance(output, (tuple, list)) else other


@dataclass(frozen=True, slots=True)
class Signature:
    """The names of a model's inputs, where it takes them by name, and of its outputs; and how its layers run.

    `unrolled` has the types of the reference's recurrent layers that either model runs step by step.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    unrolled: tuple[str, ...] = ()


_SIGNATURES: "WeakKeyDictionary[Any, Signature]" = WeakKeyDictionary()


def sign(model: Any, signature: Signature) -> Any:
    """Note what the inputs and outputs of a model are called and how its layers run, and return it."""
    _SIGNATURES[model] = signature
    return model


def signature_of(model: Any) -> Signature:
    """What the inputs and outputs of a model are called, and how its layers run, as far as anybody said."""
    return _SIGNATURES.get(model, Signature())


def several(outputs: Any, is_tensor: Callable[[Any], bool], who: str, names: Sequence[str] = ()) -> tuple[Any, ...]:
    """What a model returns, one tensor or several, in a mapping or dataclass by their names where it has them all.

    Raises
    ------
    PairError
        If it is something else.
    """
    held = _by_name(outputs)
    if held is None:
        found = tuple(leaf for leaf in leaves(outputs) if leaf is not None)
    elif names and set(names) <= held.keys() and all(is_tensor(held[name]) for name in names):
        found = tuple(held[name] for name in names)
    else:
        found = tuple(leaf for leaf in leaves(held) if is_tensor(leaf))
    if not found or not all(map(is_tensor, found)):
        raise PairError(f"{who} returns {type(outputs).__name__}; it must return a tensor or several.")
    return found


def _by_name(outputs: Any) -> Mapping[str, Any] | None:
    if isinstance(outputs, Mapping):
        return outputs
    if hasattr(outputs, "_asdict"):
        return outputs._asdict()
    if is_dataclass(outputs) and not isinstance(outputs, type):
        return {field.name: getattr(outputs, field.name) for field in fields(outputs)}
    return None


def failure(who: str, inputs: Sequence[np.ndarray], error: Exception) -> PairError:
    """What to raise where a model failed on inputs: models and backends raise what they like."""
    given = ", ".join(str(array.shape) for array in inputs)
    return PairError(f"{who} failed on inputs of shape {given}: {reason_and_place(error)}.")


@contextmanager
def with_attributes(holder: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Give an object other attributes for a while."""
    before = {name: getattr(holder, name) for name in values}
    try:
        for name, value in values.items():
            setattr(holder, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(holder, name, value)


@contextmanager
def inference_without_gradients() -> Iterator[None]:
    """Let ``torch.inference_mode`` end gradients as ``torch.no_grad`` does, and no more: its tensors allow nothing."""
    import torch

    def enter(self: Any) -> None:
        self.before = torch.is_grad_enabled()
        torch.set_grad_enabled(self.before and not self.mode)

    def leave(self: Any, *_: object) -> None:
        torch.set_grad_enabled(self.before)

    with with_attributes(torch.inference_mode, {"__enter__": enter, "__exit__": leave}):
        yield


@contextmanager
def with_methods(name: str, methods: Sequence[tuple[Any, Callable[..., Any]]]) -> Iterator[None]:
    """Give objects another method for a while, then their class's again, or what they had in its place."""
    before = [vars(holder).get(name) for holder, _ in methods]
    try:
        for holder, method in methods:
            setattr(holder, name, method)
        yield
    finally:
        for (holder, _), own in zip(methods, before, strict=True):
            vars(holder).pop(name, None)
            if own is not None:
                vars(holder)[name] = own
