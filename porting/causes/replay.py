"""What a model does between layers, recorded once and run again with some of it changed.

Only the functions that what arrives was made of are run, and of those only what a change reaches: not the model.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch
from torch import Tensor

from porting.causes.catalogue.variants import FunctionCall
from porting.reference import functions as torch_functions

Place = int | str | tuple[str, int]
"""A function by its number, a layer call by its name, "" for all inputs of the model, ("input", number) for one."""


class NotReplayable(Exception):  # noqa: N818 - it is no error: the model itself is run instead
    """What arrives depends on more than the recorded calls."""


@dataclass(frozen=True, slots=True)
class Event:
    """A function call of a run, by its number among all of them."""

    number: int
    call: FunctionCall
    in_place: bool


@dataclass
class Recorder:
    """Records functions while a model runs, as an editor of `reference.runs.arriving`.

    Attributes
    ----------
    first, last : int
        Layer calls that have run when recording begins, and when it ends.
    """

    first: int
    last: int
    events: list[Event] = field(default_factory=list)
    roots: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    _made: set[int] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def __call__(self, watch: Any, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        """Run a function and record it where it lies in the segment."""
        number = next(self._numbers)
        if not self.first <= len(watch.abouts) <= self.last:
            return function(*arguments, **keywords)
        given = list(_tensors((arguments, dict(keywords))))
        for tensor in given:
            if id(tensor) not in self._made and id(tensor) not in self.roots:
                self.roots[id(tensor)] = (tensor, _snapshot(tensor))
        versions = [tensor._version for tensor in given]
        outcome = function(*arguments, **keywords)
        in_place = versions != [tensor._version for tensor in given]
        if not given:  # inputs and lessons are made into tensors while the model runs
            self.roots |= {id(tensor): (tensor, _snapshot(tensor)) for tensor in _tensors(outcome)}
        self._made |= {id(tensor) for tensor in _tensors(outcome)} - self.roots.keys()
        name = torch_functions.called_name(function)
        self.events.append(Event(number, FunctionCall(name, function, arguments, keywords, outcome), in_place))
        return outcome


def _snapshot(tensor: Tensor) -> Tensor:
    """A copy, since it may be changed in place; a model's own parameters are not."""
    return tensor if isinstance(tensor, torch.nn.Parameter) else tensor.detach().clone()


def _wide(tensor: Tensor) -> Tensor:
    """A copy, of floats in float64."""
    return tensor.detach().double() if tensor.dtype == torch.float32 else tensor.detach().clone()


def _like(changed: Tensor, value: Tensor) -> Tensor:
    """What stands in a float64 tensor's place is one, too."""
    return changed.to(value.dtype) if value.dtype == torch.float64 else changed


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _storages(value: Any) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in _tensors(value)}


@dataclass(frozen=True)
class Replay:
    """The recorded calls that a tensor was made of.

    Attributes
    ----------
    events : tuple of Event
    arrived : Tensor
        What they came to.
    roots : Mapping
        Tensors that none of them made, by identity: themselves, and their values before the first call.
    places : Mapping
        Which of them are a layer call's output or an input of the model.
    """

    events: tuple[Event, ...]
    arrived: Tensor
    roots: Mapping[int, tuple[Tensor, Tensor]]
    places: Mapping[Place, tuple[int, ...]]

    def run(self, changes: Mapping[Place, Callable[..., Any]]) -> Tensor:
        """What arrives with some of the functions, or of what they were given, changed.

        Raises
        ------
        NotReplayable
            If a change has no place here, or what the model's own code saw would be another.
        """
        changed = {id_: change for place, change in changes.items() for id_ in self._roots_at(place)}
        numbered = {place: change for place, change in changes.items() if isinstance(place, int)}
        everything = not changes or any(event.in_place for event in self.events)
        held: dict[int, Any] = {}
        with torch.no_grad():
            for id_, (_, value) in self.roots.items():
                if everything or id_ in changed:
                    held[id_] = _like(changed[id_](_wide(value)), value) if id_ in changed else _snapshot(value)
            for event in self.events:
                self._again(event, numbered.get(event.number), held, everything)
        return held.get(id(self.arrived), self.arrived)

    def _again(self, event: Event, change: Callable[..., Any] | None, held: dict[int, Any], everything: bool) -> None:
        call = event.call
        given = (call.arguments, dict(call.keywords))
        is_root = not any(True for _ in _tensors(given))
        if not change and (is_root or not (everything or any(id(tensor) in held for tensor in _tensors(given)))):
            return
        arguments, keywords = _replaced(given, held)
        outcome = change(call.function, arguments, keywords) if change else call.function(*arguments, **keywords)
        _hold(call.result, outcome, held)

    def _roots_at(self, place: Place) -> tuple[int, ...]:
        if isinstance(place, int):
            return ()
        if place not in self.places:
            raise NotReplayable(f"{place} is not among what was recorded")
        return self.places[place]


def _replaced(value: Any, held: Mapping[int, Any]) -> Any:
    """Arguments with what was made anew in the place of what was recorded."""
    if isinstance(value, Tensor):
        return held.get(id(value), value)
    if isinstance(value, dict):
        return {name: _replaced(item, held) for name, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_replaced(item, held) for item in value)
    return value


def _hold(recorded: Any, outcome: Any, held: dict[int, Any]) -> None:
    """Keep a call's outcome in the place of what was recorded; a number that differs is one the model's code saw."""
    if isinstance(recorded, Tensor):
        held[id(recorded)] = outcome
    elif isinstance(recorded, (tuple, list)) and any(True for _ in _tensors(recorded)):
        for was, is_now in zip(recorded, outcome, strict=True):
            _hold(was, is_now, held)
    elif isinstance(recorded, (bool, int, float)) and recorded != outcome:
        raise NotReplayable(f"the model's code sees {outcome} where it saw {recorded}")


def replay_of(recorder: Recorder, arrived: Tensor, known: Iterable[tuple[Place, Tensor]]) -> Replay:
    """The part of a recording that what arrived was made of.

    `known` are the values of layer calls' outputs and of the model's inputs, by their places.

    Raises
    ------
    NotReplayable
        If the recorded calls do not give again what arrived, bit for bit.
    """
    arriving = arrived.detach().clone()
    events = _leading_to(recorder.events, arrived)
    needed = _storages([(event.call.arguments, dict(event.call.keywords)) for event in events]) | _storages(arrived)
    roots = {id_: root for id_, root in recorder.roots.items() if _storages(root[0]) & needed}
    made = {id(tensor) for event in events for tensor in _tensors(event.call.result)}
    if id(arrived) not in made:
        roots.setdefault(id(arrived), (arrived, arriving))
    replay = Replay(tuple(events), arrived, roots, _places(roots, known))
    again = replay.run({})
    if again.shape != arriving.shape or not torch.equal(torch.nan_to_num(again), torch.nan_to_num(arriving)):
        raise NotReplayable("the recorded calls do not give again what arrived")
    return replay


def _leading_to(events: Iterable[Event], arrived: Tensor) -> list[Event]:
    """The events whose outcome, or what they changed in place, reaches what arrived; shared memory is one tensor."""
    needed, chosen = _storages(arrived), []
    for event in reversed(list(events)):
        given = (event.call.arguments, dict(event.call.keywords))
        made = _storages(event.call.result) | (_storages(given) if event.in_place else set())
        is_seen = isinstance(event.call.result, (bool, int, float)) and event.call.name != "get"  # no attribute
        if made & needed or is_seen:
            needed |= _storages(given)
            chosen.append(event)
    return chosen[::-1]


def _places(
    roots: Mapping[int, tuple[Tensor, Tensor]], known: Iterable[tuple[Place, Tensor]]
) -> dict[Place, tuple[int, ...]]:
    """Where the known values are among the roots; none of them twice."""
    places: dict[Place, tuple[int, ...]] = {}
    taken: set[int] = set()
    for place, value in known:
        found = [id_ for id_, (_, root) in roots.items() if id_ not in taken and _same(root, value)]
        if found:
            places[place] = tuple(found)
            taken |= set(found)
    inputs = tuple(id_ for place, ids in places.items() if isinstance(place, tuple) for id_ in ids)
    return {**places, **({"": inputs} if inputs else {})}


def _same(root: Tensor, value: Tensor) -> bool:
    return root.shape == value.shape and torch.equal(root.to(value.dtype), value)
