"""A number that a function of the reference is given, and the port's has otherwise: found by least squares."""

import inspect
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from porting.causes.catalogue.variants import FunctionCall
from porting.causes.segments import Change, Edit, Segment

_MOST_STEPS = 8
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
        fitted = _fitted(segment, number, at, value)
        if fitted is not None:
            detail = f"{_word(at)}{fitted:.9g} in {call.name}, where the reference has {value:g}"
            yield Edit("another number", detail, f"give it {value:g}", {number: partial(_with_number, at, fitted)})


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


def _fitted(segment: Segment, number: int, at: int | str, value: float) -> float | None:
    """The number by Gauss and Newton; None where no other one explains what was found."""
    found, now, best = segment.trial.found, value, math.inf

    def predicted(trial: float) -> np.ndarray:
        change: Change = partial(_with_number, at, trial)
        return segment.predict([Edit("", "", "", {number: change})])

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
