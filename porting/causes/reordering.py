"""Functions in another order, left out one behind another, or with their operands exchanged."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from porting.causes.catalogue.variants import FunctionCall
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Made, Segment, instead
from porting.records.parity import Cause

_MOST_BEHIND = 12
"""Functions one behind another that may all be left out."""

_MOST_PRODUCTS = 12
_PRODUCTS = frozenset({"mul", "imul", "multiply", "sub", "subtract"})


def reordered(segment: Segment) -> Iterator[Edit]:
    """Every function one later than the next, then whole stretches left out, then the operands of two products."""
    yield from _later(segment)
    yield from _left_out(segment)
    yield from _exchanged(segment)


def _later(segment: Segment) -> Iterator[Edit]:
    """A function of one tensor behind the one that takes what it gives, as it is or with its axes moved."""
    alike: dict[tuple[str, str, int], dict[Place, Change]] = {}
    for number, call in reversed(segment.events):
        for given in call.arguments:
            moves, at, before = _behind_moves(given, segment.made)
            for place in _passed_on(before) if before else ():
                changes: dict[Place, Change] = {
                    at: partial(_as_given, place),
                    number: partial(_again_behind, before, place, moves),
                }
                alike[before.name, call.name, place] = changes | alike.get((before.name, call.name, place), {})
                yield _put_behind(before.name, call.name, changes)
    for (before, name, _), changes in alike.items():
        if len(changes) > _OF_ONE:
            yield _put_behind(before, name, changes)


_OF_ONE = 2
"""Functions that change where one is put behind another."""


def _put_behind(before: str, name: str, changes: Mapping[Place, Change]) -> Edit:
    times = f", {len(changes) // _OF_ONE} times" if len(changes) > _OF_ONE else ""
    return Edit(
        "steps in another order",
        f"{before} behind {name}{times}, where the reference has it before",
        f"put {before} before {name}, on what the reference has it on",
        changes,
    )


_MOVES = frozenset({"permute", "transpose", "movedim", "moveaxis", "view", "reshape", "flatten", "contiguous"})


def _behind_moves(tensor: Any, made: Made) -> tuple[list[FunctionCall], int, Any]:
    """The functions that only moved a tensor's axes, the first of them first, and the call before them."""
    moves: list[FunctionCall] = []
    at, call = made.get(id(tensor), (0, None))
    while call and call.name in _MOVES and isinstance(call.arguments[0], Tensor):
        moves.insert(0, call)
        at, call = made.get(id(call.arguments[0]), (0, None))
    return moves, at, call


def _passed_on(call: FunctionCall) -> list[int]:
    """Which arguments of a call have the shape of its result, so that it may be left out."""
    return [at for at, value in enumerate(call.arguments) if isinstance(value, Tensor) and _alike(value, call.result)]


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.is_floating_point() and other.is_floating_point()


def _as_given(place: int, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return arguments[place]


def _again_behind(
    before: FunctionCall,
    place: int,
    moves: list[FunctionCall],
    function: Callable[..., Any],
    arguments: tuple,
    keywords: Mapping[str, Any],
) -> Any:
    outcome = function(*arguments, **keywords)
    places = torch.arange(before.result.numel()).reshape(before.result.shape)
    for move in moves:
        places = move.function(places, *move.arguments[1:], **move.keywords)
    back = torch.empty_like(outcome).flatten()
    back[places.flatten()] = outcome.flatten()
    others = (*before.arguments[:place], back.reshape(before.result.shape), *before.arguments[place + 1 :])
    return before.function(*others, **before.keywords).flatten()[places.flatten()].reshape(outcome.shape)


def _exchanged(segment: Segment) -> Iterator[Edit]:
    """Two products, of which each takes an operand of the other: a gate that opens where it should close."""
    products = [(number, call) for number, call in segment.events if call.name in _PRODUCTS and len(call.arguments) > 1]
    for (one, first), (other, second) in combinations(products[-_MOST_PRODUCTS:], 2):
        for at, to in product((0, 1), (0, 1)):
            ours, theirs = first.arguments[at], second.arguments[to]
            is_possible = isinstance(ours, Tensor) and isinstance(theirs, Tensor) and _alike(ours, theirs)
            if is_possible and ours is not theirs:
                right = f"{_spoken(segment, first)} and {_spoken(segment, second)}"
                yield Edit(
                    "operands in another order",
                    f"{segment.words_for(ours)} and {segment.words_for(theirs)} exchanged in two products",
                    f"take {right}",
                    {one: _with(at, theirs), other: _with(to, ours)},
                )


def _spoken(segment: Segment, call: FunctionCall) -> str:
    verb = "minus" if call.name.startswith("sub") else "times"
    return f" {verb} ".join(segment.words_for(operand) for operand in call.arguments[:2])


def _with(place: int, other: Tensor) -> Change:
    def change(function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        return function(*arguments[:place], other.clone(), *arguments[place + 1 :], **keywords)

    return change


def _left_out(segment: Segment) -> Iterator[Edit]:
    """What a tensor was some functions earlier, in its place, the fewest functions first."""
    for number, call in reversed(segment.events):
        for earlier, names in _earlier(call, segment.made):
            what = ", ".join(names) if len(names) > 1 else _one_left_out(segment, call, earlier)
            yield Edit(
                "steps left out",
                f"{what} left out, so that {call.name} gives what went in",
                f"do there what the reference does: {what}",
                {number: instead(earlier)},
            )


def _one_left_out(segment: Segment, call: FunctionCall, kept: Tensor) -> str:
    others = [value for value in call.arguments[:2] if isinstance(value, Tensor) and value is not kept]
    return f"{call.name} with {segment.words_for(others[0])}" if others else call.name


def _earlier(call: FunctionCall, made: Made) -> Iterator[tuple[Tensor, list[str]]]:
    """Tensors of the same shape that a call's result was made of, each with the functions in between."""
    waiting, seen = [(call, [call.name])], {id(call.result)}
    while waiting:
        behind, names = waiting.pop(0)
        for value in _tensors_of(behind):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if _alike(value, call.result):
                yield value, names
            _, before = made.get(id(value), (0, None))
            if before and len(names) < _MOST_BEHIND:
                waiting.append((before, [before.name, *names]))


def _tensors_of(call: FunctionCall) -> Iterator[Tensor]:
    for value in call.arguments:
        yield from (held for held in (value if isinstance(value, (tuple, list)) else [value]) if _is_float(held))


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def left_out_in_part(segment: Segment) -> Iterator[Cause]:
    """One function left out at some places of an axis only, as positions are for a token that is put in later."""
    found, baseline = segment.trial.found, segment.baseline
    if baseline.shape != found.shape or baseline.dtype.kind != "f":
        return
    for edit in segment.witness.patience.through(list(_left_out(segment)), "functions left out in part"):
        predicted = segment.predicted([edit])
        if predicted is None or predicted.shape != found.shape or predicted.dtype.kind != "f":
            continue
        for axis in range(1, found.ndim):
            same, other = (_agreeing(array, found, axis, segment.enough) for array in (baseline, predicted))
            if (same | other).all() and not (same | ~other).all() and not (other | ~same).all():
                where = ", ".join(map(str, np.flatnonzero(other & ~same)[:_MOST_BEHIND]))
                detail = f"{edit.detail}, at {where} of axis {axis} of what arrives"
                yield Cause(edit.name, detail, f"{edit.remedy}, there too", 0.0)
                return


def _agreeing(ours: np.ndarray, theirs: np.ndarray, axis: int, enough: float) -> np.ndarray:
    """At which places of an axis two arrays agree."""
    others = tuple(other for other in range(ours.ndim) if other != axis)
    return np.abs(ours - theirs).max(axis=others) <= enough * np.abs(theirs).max(initial=0.0)
