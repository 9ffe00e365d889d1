"""What a model did on a probe: the layers that own weights, in the order they ran, with their inputs and outputs."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from porting.traces.parking import release

PARAMETER = "Parameter"
"""The kind of a tensor, or variable, that a model uses as it is."""


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One execution of one layer that owns weights.

    Attributes
    ----------
    name : str
        The layer's path in its model.
    kind : str
        Its type, as the table of rules has it.
    weights : Mapping
        The layer's own word for each of its tensors -> the tensor's name in the whole model.
    settings : Mapping
        Everything that the layer was built with.
    input, output : ndarray
        Activations in the framework's own axis order.
    mask : ndarray, optional
        Which steps a recurrent layer is told are there, (sample, time), in the order in which it is given them.
    """

    name: str
    kind: str
    weights: Mapping[str, str]
    settings: Mapping[str, Any]
    input: np.ndarray
    output: np.ndarray
    mask: np.ndarray | None = None

    def first_rows(self, count: int) -> "LayerCall":
        """The same call of so many samples."""
        mask = None if self.mask is None else self.mask[:count]
        return replace(self, input=self.input[:count], output=self.output[:count], mask=mask)


def held_only(name: str, shape: Sequence[int]) -> LayerCall:
    """A tensor, or variable, that a model holds and nothing reads as it is: a call that never happened."""
    nothing = np.broadcast_to(np.zeros(1), (1, *shape))
    return LayerCall(name, PARAMETER, {"value": name}, {}, nothing, nothing)


@dataclass(frozen=True, slots=True)
class Trace:
    """One run of a model.

    Attributes
    ----------
    calls : tuple of LayerCall
        In execution order.
    outputs : tuple of ndarray
        What the model returned, in the framework's own axis order.
    shapes : Mapping
        Name -> shape of every tensor that the model saves, whether a layer call used it or not.
    aliases : Mapping
        Name of a tensor -> the first name under which the model saves that very tensor, where it has several.
    sources : tuple of tuple of str
        For each call, then for each output: the calls whose outputs reach it without another layer between; "" stands
        for the model's input. Empty where nobody has looked.
    inputs_reaching : tuple of tuple of int
        For each call, then for each output: the numbers of the model's inputs among its sources.
    shared : tuple of LayerCall
        Uses of tensors that are no calls: of a layer's by a function, of constants. What they compute belongs to what
        lies between layers, but the tensors may move.
    unused : Mapping
        Name of each parameter that nothing used, which only a variable that nothing uses either can hold -> the type
        of what owns it.
    """

    calls: tuple[LayerCall, ...]
    outputs: tuple[np.ndarray, ...]
    shapes: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[tuple[str, ...], ...] = ()
    inputs_reaching: tuple[tuple[int, ...], ...] = ()
    shared: tuple[LayerCall, ...] = ()
    unused: Mapping[str, str] = field(default_factory=dict)

    def layers(self) -> list[LayerCall]:
        """Each layer's first call, in execution order."""
        first_calls: dict[str, LayerCall] = {}
        for call in self.calls:
            first_calls.setdefault(call.name, call)
        return list(first_calls.values())

    def call_names(self) -> list[str]:
        """A name for each call; from a layer's second call on it says which."""
        counts: Counter[str] = Counter()
        names = []
        for call in self.calls:
            counts[call.name] += 1
            names.append(call.name if counts[call.name] == 1 else f"{call.name} (call {counts[call.name]})")
        return names


@dataclass(frozen=True, slots=True)
class Teaching:
    """What one layer call is fed and made to return, whatever ran before it.

    Attributes
    ----------
    name, kind : str
        The layer's path in its model, and its type.
    feed, give : ndarray
        The input and the output, in the framework's own axis order.
    attributes : Mapping
        Attributes of the layer that are other ones while it runs.
    window : tuple of slice
        The part of the layer's own output that `give` takes the place of; all of it if empty.
    fits : bool
        Whether `give` has the shape of what the layer returns as it is: with `feed` and `attributes` it may be another.
    """

    name: str
    kind: str
    feed: np.ndarray
    give: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)
    window: tuple[slice, ...] = ()
    fits: bool = False

    def release(self) -> None:
        """Let go of the memory of what is parked."""
        release(self.feed, self.give)


Lesson = tuple[Teaching, ...]
"""One teaching for each layer call, in execution order."""


def lesson_of(trace: Trace) -> Lesson:
    """Feed each layer what it was fed in a trace, and make it return what it returned there."""
    return tuple(Teaching(call.name, call.kind, call.input, call.output) for call in trace.calls)


def arrived_at(lesson: Lesson, names: Sequence[str], held: Sequence[Any]) -> list[Any]:
    """What is held of each call, in the order of a lesson; nothing of a call that did not come."""
    waiting: dict[str, deque[Any]] = {}
    for name, of_call in zip(names, held, strict=True):
        waiting.setdefault(name, deque()).append(of_call)
    return [waiting[taught.name].popleft() if waiting.get(taught.name) else () for taught in lesson]


class Teacher:
    """Hands out a lesson, layer by layer, to the calls of a model as they come."""

    def __init__(self, lesson: Lesson) -> None:
        self._waiting: dict[str, deque[Teaching]] = {}
        for teaching in lesson:
            self._waiting.setdefault(teaching.name, deque()).append(teaching)

    def next(self, name: str) -> Teaching | None:
        """The teaching for a layer's next call, if there is one."""
        waiting = self._waiting.get(name)
        return waiting.popleft() if waiting else None
