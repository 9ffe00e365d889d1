"""A number that a function of the reference is given, and the port's has otherwise: found by least squares."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from porting.causes.catalogue.variants import FunctionCall
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Segment

_MOST_STEPS = 8
_LEAST = 1e-6
"""Smaller numbers than this times the reference's are zeros."""

_WHOLE = frozenset({"mul", "div", "truediv", "true_divide", "add", "sub", "pow", "rsub", "rtruediv", "rpow"})
"""Functions whose whole numbers are factors and terms, as those with a point are."""


def other_numbers(segment: Segment) -> Iterator[Edit]:
    """Each number of each function, as it would have to be to give what the port gives, where one would."""
    found = segment.trial.found
    if segment.baseline.shape != found.shape or found.dtype.kind != "f":
        return
    numbers = [(number, call, *held) for number, call in reversed(segment.events) for held in _numbers(call)]
    between = f"numbers of functions before {segment.suspect.divergence.reference}"
    for number, call, at, value in segment.witness.patience.through(numbers, between):
        yield from _edits(segment, [number], call.name, at, value)
    alike: dict[tuple[str, int | str, float], list[int]] = {}
    for number, call, at, value in numbers:
        alike.setdefault((call.name, at, value), []).append(number)
    several = [(places, *kind) for kind, places in alike.items() if len(places) > 1]
    for places, name, at, value in segment.witness.patience.through(several, f"{between}, several alike"):
        yield from _edits(segment, places, name, at, value)


def _edits(segment: Segment, places: Sequence[int], name: str, at: int | str, value: float) -> Iterator[Edit]:
    """The number at those places as it would have to be; none of them is a zero that takes away what it multiplies."""
    fitted = _fitted(segment, places, partial(_with_number, at), value)
    if fitted is not None and abs(fitted) > _LEAST * abs(value):
        times = f", {len(places)} times" if len(places) > 1 else ""
        own = repr(value).removesuffix(".0")
        detail = f"{_word(at)}{fitted:.9g} in {name}{times}, where the reference has {value:g}"
        changes: dict[Place, Change] = {number: partial(_with_number, at, fitted) for number in places}
        yield Edit("another number", detail, f"give it {own}", changes)


def added_factors(segment: Segment) -> Iterator[Edit]:
    """A factor behind a layer or a function that the reference does not have."""
    found = segment.trial.found
    if segment.baseline.shape != found.shape or found.dtype.kind != "f":
        return
    made: list[tuple[Place, str, Callable[..., Any]]] = [
        (number, call.name, _times) for number, call in reversed(segment.events) if call.result.is_floating_point()
    ]
    made += [(name, name, _taken_times) for name in filter(None, segment.sources)]
    between = f"factors before {segment.suspect.divergence.reference}"
    for place, name, times in segment.witness.patience.through(made, between):
        fitted = _fitted(segment, [place], times, 1.0)
        if fitted is not None and abs(fitted) > _LEAST:
            detail = f"times {fitted:.9g} behind {name}, which the reference does not have"
            yield Edit("scale added", detail, "take the factor out", {place: partial(times, fitted)})


def _taken_times(factor: float, tensor: Any) -> Any:
    return tensor * factor


def _times(factor: float, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    return function(*arguments, **keywords) * factor


def _numbers(call: FunctionCall) -> Iterator[tuple[int | str, float]]:
    """The numbers that a function is given, by their places or names, and those that it has of itself."""
    kinds = (int, float) if call.name.strip("_").removeprefix("i") in _WHOLE else (float,)
    for at, value in [*enumerate(call.arguments), *_all_keywords(call).items()]:
        if isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value):
            yield at, float(value)


def _all_keywords(call: FunctionCall) -> Mapping[str, Any]:
    try:
        parameters = list(inspect.signature(call.function).parameters.values())
    except (TypeError, ValueError):  # functions written in C have no signature
        return call.keywords
    left = parameters[len(call.arguments) :]
    own = {held.name: held.default for held in left if isinstance(held.default, float)}
    return {**own, **call.keywords}


def _word(at: int | str) -> str:
    return f"{at}=" if isinstance(at, str) else ""


def _with_number(at: int | str, value: float, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    if isinstance(at, str):
        return function(*arguments, **{**keywords, at: value})
    return function(*arguments[:at], value, *arguments[at + 1 :], **keywords)


def _fitted(segment: Segment, places: Sequence[Place], with_number: Callable[..., Any], value: float) -> float | None:
    """The number by Gauss and Newton; None where no other one explains what was found."""
    found = _solved(segment, places, with_number, value)
    if found is None and value:  # what a sine is given has no slope that leads there
        tried = (value * times for times in _ROUND_MULTIPLES)
        found = next((number for number in tried if _explains(segment, places, with_number, number)), None)
    if found is None and value > 0:  # a base, a slope: by how many times it is another
        times = _solved(segment, places, lambda power, *given: with_number(value * math.exp(power), *given), 0.0)
        return None if times is None else value * math.exp(times)
    return found


_ROUND_MULTIPLES = (0.5, 2.0, -1.0, math.pi, 1 / math.pi, 2 * math.pi, 0.5 / math.pi)


def _explains(segment: Segment, places: Sequence[Place], with_number: Callable[..., Any], number: float) -> bool:
    changes: dict[Place, Change] = {place: partial(with_number, number) for place in places}
    return segment.left_by([Edit("", "", "", changes)]) <= segment.enough


def _solved(segment: Segment, places: Sequence[Place], with_number: Callable[..., Any], value: float) -> float | None:
    found, now, best = segment.trial.found, value, math.inf

    def predicted(trial: float) -> np.ndarray:
        changes: dict[Place, Change] = {number: partial(with_number, trial) for number in places}
        return segment.predict([Edit("", "", "", changes)])

    try:
        for _ in range(_MOST_STEPS):
            here = predicted(now)
            rest = found - here
            size = float(np.abs(rest).max(initial=0.0))
            if size <= segment.enough * float(np.abs(found).max(initial=0.0)):
                return now if now != value else None
            if not size < 2 * best:
                return None
            step = 1e-6 * max(abs(now), 1e-3)
            slope = (predicted(now + step) - here) / step
            power = float(np.square(slope).sum())
            if not power:
                return None
            now, best = now + float((slope * rest).sum()) / power, min(size, best)
    except Exception:  # a number need not be one that the function takes
        return None
    return None
