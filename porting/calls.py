"""What a call of a layer or a model takes and returns, in either framework: the first tensor, and the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

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


def first(output: Any) -> Any:
    """What a layer returns, the first of it where it is several."""
    return output[0] if isinstance(output, (tuple, list)) else output


def with_first(output: Any, other: Any) -> Any:
    """What a layer returns with another tensor in the first one's place."""
    return (other, *output[1:]) if isinstance(output, (tuple, list)) else other


def several(outputs: Any, is_tensor: Callable[[Any], bool], who: str) -> tuple[Any, ...]:
    """What a model returns, one tensor or several.

    Raises
    ------
    PairError
        If it is something else.
    """
    found = tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
    if not all(map(is_tensor, found)):
        raise PairError(f"{who} returns {type(outputs).__name__}; it must return a tensor or several.")
    return found


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
