"""Watch a Keras model run: record its layers' calls, and teach them meanwhile. `reference.watch` does so in torch."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.expansions import Part, expansion_of, of_all_steps, of_masked_steps
from porting.port.side import array_of, view
from porting.port.structure import Structure, inner_class, is_keras_own, reading
from porting.traces import Teacher, Teaching
from porting.traces.parking import SMALLEST, park

if TYPE_CHECKING:
    import keras


@dataclass(slots=True)
class Call:
    """A layer call as it was recorded, its tensors still the backend's; without a layer where a variable is used."""

    path: str
    layer: "keras.layers.Layer | Part | None"
    given: Any
    output: Any
    mask: Any = None


@dataclass(slots=True)
class Watch:
    """What is recorded while a model runs, and what its layers are taught meanwhile.

    Attributes
    ----------
    alone : bool
        Whether a taught layer runs, on what it is fed.
    running : list of str
        Paths of the layers that run just now, the innermost last.
    read_by_others : set of str
        Layers whose variables something else has read.
    expanded : set of str
        Layers that ran as those that they are made of.
    digest : callable, optional
        What is kept of each tensor that arrives, in the place of all else.
    """

    teacher: Teacher
    alone: bool = True
    samples: int = 1
    digest: Callable[[np.ndarray], Any] | None = None
    calls: list[Call] = field(default_factory=list)
    digests: list[Any] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    read_by_others: set[str] = field(default_factory=set)
    raw: dict[str, Any] = field(default_factory=dict)
    expanded: set[str] = field(default_factory=set)

    def call(
        self, path: str, layer: "keras.layers.Layer", given: Any, run: Callable[[Any], Any], mask: Any = None
    ) -> Any:
        """Run a layer as its lesson says, record it before its activation, and return what it is to return."""
        teaching, number = self.teacher.next(path), len(self.calls)
        self._record(Call(path, layer, given, None, mask))
        if teaching is None:
            with _activation(layer, lambda own: self._keep(number, own)):
                return self._kept_if_new(number, self._within(path, run, given))
        if not self.alone and not _returns_several(layer):
            give = _like(teaching.give, given)
            self.calls[number].output = give
            return _activated(layer, give)

        def taught(own: Any) -> Any:
            self._keep(number, own)
            give = _given_back(array_of(own), teaching)
            return own if give is None else _like(give, own)

        with calls.with_attributes(layer, teaching.attributes), _activation(layer, taught) as is_inside:
            output = self._within(path, run, _like(teaching.feed, given))
        teaching.release()
        if is_inside:
            return output
        own = calls.first(output)
        given_back = calls.with_first(output, taught(own))
        if _is_cell(layer) and isinstance(given_back, tuple):
            return _with_first_state(given_back)
        is_last_step = getattr(layer, "return_state", False) and teaching.give.shape == own.shape
        return _with_last_step(given_back, teaching.give, own) if is_last_step else given_back

    def part(self, path: str, layer: "keras.layers.Layer", part: Part, given: Any, run: Callable[[Any], Any]) -> Any:
        """Run one of the layers that a layer is made of as its lesson says, record it, and return what it is to."""
        teaching, number = self.teacher.next(part.path), len(self.calls)
        self.expanded.add(path)
        self._record(Call(part.path, part, given, None))
        if teaching is None:
            return self._keep(number, self._within(path, run, given))
        if not self.alone:
            return self._keep(number, _like(teaching.give, given))
        with calls.with_attributes(layer, teaching.attributes):
            own = self._keep(number, self._within(path, run, _like(teaching.feed, given)))
        give = _given_back(array_of(own), teaching)
        return own if give is None else _like(give, own)

    def variable(self, path: str, value: Any) -> Any:
        """Record a variable that is read as it is, at its first use, and return what it is to be."""
        if path not in self.raw:
            teaching = self.teacher.next(path)
            self._record(Call(path, None, value, value))
            self.raw[path] = None if teaching is None else _like(teaching.give[0], value)
        held = self.raw[path]
        return value if held is None else held

    def read(self, path: str, value: Any) -> Any:
        """Note that a layer's variable is read, if another one does, and return what it is to be.

        Where only arrivals count, values that let a change through, as the layer may not have its own yet.
        """
        if path in self.running:
            return value
        self.read_by_others.add(path)
        if self.digest is None:
            return value
        return _like(np.random.default_rng(0).standard_normal(tuple(value.shape)), value)

    def _within(self, path: str, run: Callable[[Any], Any], given: Any) -> Any:
        self.running.append(path)
        try:
            return run(given)
        finally:
            self.running.pop()

    def _record(self, call: Call) -> None:
        if self.digest is not None:
            self.digests.append(self.digest(array_of(call.given)))
            call.given = None
        else:
            call.given = _parked(call.given)
        self.calls.append(call)

    def _keep(self, number: int, own: Any) -> Any:
        self.calls[number].output = own if self.digest is not None else _parked(own)
        return own

    def _kept_if_new(self, number: int, output: Any) -> Any:
        if self.calls[number].output is None:
            self._keep(number, calls.first(output))
        return output


def _parked(tensor: Any) -> Any:
    """A tensor that is recorded: large ones as arrays in a file."""
    if tensor is None or isinstance(tensor, np.ndarray) or not hasattr(tensor, "shape"):
        return tensor
    if math.prod(map(int, tensor.shape)) * 4 < SMALLEST:
        return tensor
    array = view(tensor)
    parked = park(array)
    return tensor if parked is array else parked


def has_fused_activation(layer: Any) -> bool:
    """Whether a layer of Keras' own ends with an activation that it holds; a recurrent one's are inside it."""
    is_recurrent = hasattr(layer, "state_size")
    return is_keras_own(layer) and not is_recurrent and callable(vars(layer).get("activation"))


@contextmanager
def _activation(layer: Any, change: Callable[[Any], Any]) -> Iterator[list[bool]]:
    """Hand what a layer's fused activation is given to `change`, and what that returns to the activation.

    Yields a list that is empty as long as that has not happened.
    """
    happened: list[bool] = []
    if not has_fused_activation(layer):
        yield happened
        return
    original = vars(layer)["activation"]

    def activation(own: Any, *arguments: Any, **keywords: Any) -> Any:
        happened.append(True)
        return original(change(own), *arguments, **keywords)

    vars(layer)["activation"] = activation
    try:
        yield happened
    finally:
        vars(layer)["activation"] = original


def _activated(layer: Any, tensor: Any) -> Any:
    return layer.activation(tensor) if has_fused_activation(layer) else tensor


def _returns_several(layer: Any) -> bool:
    """Whether a layer may return more than a tensor, so that it must run for the others."""
    import keras

    if isinstance(layer, keras.layers.RNN):
        return layer.return_state
    if _is_cell(layer):
        return True
    return not type(layer).__module__.startswith("keras.src.layers") or "Attention" in type(layer).__name__


def _given_back(own: np.ndarray, teaching: Teaching) -> np.ndarray | None:
    """What a taught layer returns: `give`, in its window of the layer's own output; None where it does not fit."""
    give, window = teaching.give, teaching.window
    if window and own[window].shape == give.shape:
        whole = np.array(own)
        whole[window] = give
        return whole
    return give if teaching.fits or own.shape == give.shape else None


def _like(array: np.ndarray, tensor: Any) -> Any:
    """An array as the backend's tensor, in a tensor's precision where both are of floats, or else in that in force."""
    import keras

    dtype = keras.backend.standardize_dtype(tensor.dtype)
    wanted = (dtype if "float" in dtype else keras.config.floatx()) if array.dtype.kind == "f" else None
    return keras.ops.convert_to_tensor(array, dtype=wanted)


def _is_cell(layer: Any) -> bool:
    """Whether a layer is one step of a recurrence, which returns its output and its states."""
    import keras

    return hasattr(layer, "state_size") and not isinstance(layer, keras.layers.RNN)


def _with_first_state(output: Any) -> Any:
    """A cell's first state is what it puts out."""
    first, states = output
    return (first, [first, *states[1:]]) if isinstance(states, (list, tuple)) else (first, first)


def _with_last_step(output: Any, give: np.ndarray, own: Any) -> Any:
    """A recurrent layer's state is the last step of what it is given."""
    first, _, *others = output
    return (first, _like(give[:, -1] if give.ndim > 2 else give, own), *others)


@contextmanager
def recording(structure: Structure, watch: Watch) -> Iterator[None]:
    """Wrap the ``call`` of each layer and the reading of variables, and unwrap them again."""
    within = {path: kind for path, layer in structure.owners.items() if (kind := inner_class(layer))}
    methods = [
        (layer, _expanded(path, layer, structure, watch) or _recorder(path, layer, watch))
        for path, layer in structure.owners.items()
        if path not in within
    ]
    methods += [(layer, once) for layer in structure.stepping if (once := of_all_steps(layer))]
    with ExitStack() as stack:
        stack.enter_context(calls.with_methods("call", methods))
        for kind in set(within.values()):
            held = {id(structure.owners[path]): path for path, used in within.items() if used is kind}
            stack.enter_context(_inner_calls(kind, held, watch))
        stack.enter_context(reading(structure, watch.variable, watch.read))
        yield


def _expanded(path: str, layer: "keras.layers.Layer", structure: Structure, watch: Watch) -> Callable[..., Any] | None:
    """What takes the place of the ``call`` of a layer that is several; None where it is one by itself."""
    return expansion_of(path, layer, structure.words(path), partial(watch.part, path, layer), structure.unrolled)


def _recorder(path: str, layer: "keras.layers.Layer", watch: Watch) -> Callable[..., Any]:
    original, record = layer.call, partial(watch.call, path, layer)

    def call(*arguments: Any, **keywords: Any) -> Any:
        if keywords.get("reverse"):  # the other use of a tensor that is shared: a function of it
            return watch._within(path, lambda given: original(given, *arguments[1:], **keywords), arguments[0])
        return calls.with_first_argument(original, arguments, keywords, of_masked_steps(layer, keywords, record))

    return call


@contextmanager
def _inner_calls(kind: Any, paths: Mapping[int, str], watch: Watch) -> Iterator[None]:
    """Wrap the ``call`` of a class of Keras' own for layers that run it within their own."""
    original = kind.call

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        if id(layer) not in paths:
            return original(layer, *arguments, **keywords)
        record = partial(watch.call, paths[id(layer)], layer)
        return calls.with_first_argument(partial(original, layer), arguments, keywords, record)

    kind.call = call
    try:
        yield
    finally:
        kind.call = original
