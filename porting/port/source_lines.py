"""Find the lines of a port's source that make its layers and what lies between, by building it once and watching."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from porting.pairs.finding import build_port, resolve
from porting.pairs.pair import ModelPair, Sizes
from porting.port import side as keras_side
from porting.records.port_source import Chain, PortSource, Segment


def find_source(pair: ModelPair, sizes: Sizes, names: Sequence[str] = ()) -> PortSource | None:
    """The file whose code builds a pair's port, and the lines that make each layer; None where there is none.

    `names` are what a saved port calls its layers, in order: Keras numbers those that nobody has named.
    """
    file = _file_of(resolve(pair.port))
    if file is None:
        return None
    seen = _Seen(str(file))
    before = sys.getprofile()
    if before is not None and not callable(before):  # cProfile's own, which nothing puts back
        return PortSource(file.name, file.read_text(encoding="utf-8"), {})
    with keras_side.uninitialised():
        sys.setprofile(seen.watcher())
        try:
            model = build_port(pair, sizes)
        finally:
            sys.setprofile(before)
    lines = {**seen.layers, **_as_saved(model, names, seen.layers)}
    try:
        ahead, behind = _segments(model, list(pair.outputs), seen)
    except Exception:  # naming a line must never cost the verdict
        ahead, behind = {}, {}
    return PortSource(file.name, file.read_text(encoding="utf-8"), lines, ahead, behind)


def _file_of(factory: Any) -> Path | None:
    try:
        file = Path(inspect.getsourcefile(inspect.unwrap(factory)) or "")
    except TypeError:
        return None
    return file if file.is_file() else None


@dataclass
class _Seen:
    """What was made while a port was built, with the lines of its file that led there.

    Attributes
    ----------
    file : str
    layers : dict
        Layer -> the lines that made it.
    calls : dict
        Of a layer or an operation, and the how-manieth call of it -> the lines that called it.
    """

    file: str
    layers: dict[str, Chain] = field(default_factory=dict)
    calls: dict[tuple[int, int], Chain] = field(default_factory=dict)

    def watcher(self) -> Callable[[FrameType, str, Any], None]:
        """What Python is to call at each call and return."""
        import keras

        made = keras.Layer.__init__.__code__
        called = keras.Operation.symbolic_call.__code__, inspect.unwrap(keras.Layer.__call__).__code__

        def watch(frame: FrameType, event: str, outcome: Any) -> None:
            if event != "return":
                return
            if frame.f_code is made:
                layer = frame.f_locals.get("self")
                name = getattr(layer, "name", None)
                if isinstance(name, str) and (chain := self._chain(_outside(frame, layer))):
                    self.layers.setdefault(name, chain)
            elif frame.f_code in called and outcome is not None:
                for node in _histories(outcome):
                    self.calls.setdefault(node, self._chain(frame))

        return watch

    def _chain(self, frame: FrameType | None) -> Chain:
        """The lines of the file that led to a frame, innermost first."""
        found = []
        while frame is not None:
            if frame.f_code.co_filename == self.file:
                found.append(frame.f_lineno)
            frame = frame.f_back
        return tuple(found)


def _outside(frame: FrameType | None, layer: Any) -> FrameType | None:
    """The frame that makes a layer, behind its own methods, which may stand in the same file."""
    while frame is not None and frame.f_locals.get("self") is layer:
        frame = frame.f_back
    return frame


def _histories(outcome: Any) -> Iterator[tuple[int, int]]:
    import keras

    for tensor in keras.tree.flatten(outcome):
        if history := getattr(tensor, "_keras_history", None):
            yield id(history.operation), history.node_index


def _as_saved(model: Any, names: Sequence[str], layers: dict[str, Chain]) -> dict[str, Chain]:
    """The same lines by the names of a saved port's layers, where it has as many."""
    built = [layer.name for layer in model._flatten_layers(include_self=False)]
    both = zip(names, built, strict=True) if len(names) == len(built) else ()
    return {saved: layers[name] for saved, name in both if name in layers}


def _activates(operation: Any) -> bool:
    """Whether a layer with weights has an activation in it, which belongs to what lies behind it."""
    import keras

    return getattr(operation, "activation", None) not in (None, keras.activations.linear)


def _segments(model: Any, outputs: Sequence[str], seen: _Seen) -> tuple[dict[str, Segment], dict[str, Segment]]:
    """What lies ahead of each layer with weights and each output, and behind each such layer."""
    import keras

    ahead, behind = defaultdict(_Open), defaultdict(_Open)
    if not isinstance(model, keras.Model) or getattr(model, "outputs", None) is None:
        return {}, {}
    walk = _Walk(seen)
    for name, tensor in zip(outputs, model.outputs, strict=False):
        walk.follow(tensor)
        ahead[name].add(walk, tensor)
    for operation, given in walk.owners:
        for tensor in given:
            ahead[operation.name].add(walk, tensor)
            for owner in walk.sources[next(_histories(tensor))]:
                behind[owner].ends[operation.name] = None
    for key, owners in walk.sources.items():
        if key in walk.others and (chain := seen.calls.get(key)):
            for owner in owners:
                behind[owner].lines[chain] = None
    return {name: held.closed() for name, held in ahead.items()}, {name: held.closed() for name, held in behind.items()}


@dataclass
class _Open:
    """A segment that is being put together."""

    lines: dict[Chain, None] = field(default_factory=dict)
    ends: dict[str, None] = field(default_factory=dict)

    def add(self, walk: "_Walk", tensor: Any) -> None:
        """What lies between the layers before a tensor and it."""
        (key,) = _histories(tensor)
        self.lines |= walk.lines[key]
        self.ends |= walk.sources[key]

    def closed(self) -> Segment:
        return Segment(tuple(sorted(self.lines)), tuple(self.ends))


@dataclass
class _Walk:
    """A port's calls from its outputs back.

    Attributes
    ----------
    seen : _Seen
    owners : list of (operation, tensors)
        Calls of layers with weights, and what they are given.
    others : set
        All other calls.
    sources : dict
        Call -> the layers with weights whose outputs reach it without another such layer between, or that it is of.
    lines : dict
        Call -> the lines between those and its own result.
    """

    seen: _Seen
    owners: list[tuple[Any, list[Any]]] = field(default_factory=list)
    others: set[tuple[int, int]] = field(default_factory=set)
    sources: dict[tuple[int, int], dict[str, None]] = field(default_factory=dict)
    lines: dict[tuple[int, int], dict[Chain, None]] = field(default_factory=dict)

    def follow(self, tensor: Any) -> None:
        """Go back from a tensor, without recursion: models are deep."""
        waiting = [tensor]
        while waiting:
            history = waiting[-1]._keras_history
            key, operation = (id(history.operation), history.node_index), history.operation
            given = operation._inbound_nodes[history.node_index].arguments.keras_tensors
            before = [each for each in given if next(_histories(each)) not in self.lines]
            if key in self.lines or not before:
                waiting.pop()
                if key not in self.lines:
                    self._note(key, operation, list(given))
            else:
                waiting += before

    def _note(self, key: tuple[int, int], operation: Any, given: list[Any]) -> None:
        if getattr(operation, "weights", ()):
            self.owners.append((operation, given))
            own = self.seen.calls.get(key) if _activates(operation) else None
            self.sources[key], self.lines[key] = {operation.name: None}, {own: None} if own else {}
            return
        self.others.add(key)
        keys = [next(_histories(each)) for each in given]
        self.sources[key] = {name: None for each in keys for name in self.sources[each]} or {"": None}
        own = self.seen.calls.get(key)
        self.lines[key] = {chain: None for each in keys for chain in self.lines[each]} | ({own: None} if own else {})
