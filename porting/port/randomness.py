"""What a Keras model draws in training, and on what. `reference.randomness` has the same of a torch model."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.runs import teach
from porting.port.side import array_of
from porting.port.structure import structure_of
from porting.records.randomness import (
    FACTOR,
    INSIDE,
    Fingerprint,
    RandomCall,
    arrivals_of,
    enough_rows,
    fingerprint_of,
    measured,
    rate_of,
)
from porting.traces import Lesson

if TYPE_CHECKING:
    import keras

_DROPS = {
    "SpatialDropout1D": "channels",
    "SpatialDropout2D": "channels",
    "SpatialDropout3D": "channels",
    "StochasticDepth": "samples",
    "DropPath": "samples",
}


def random_calls(model: "keras.Model", inputs: Sequence[np.ndarray], lesson: Lesson) -> tuple[RandomCall, ...]:
    """List what draws in training, in execution order, with the tensors that it acts on where layers are taught.

    A layer draws if it holds a generator of seeds; what recurrent layers draw inside is their setting. Attention is no
    layer by itself: it draws for its weights.
    """
    found: list[RandomCall] = []
    behind = [""]

    paths = {id(layer): path for layer, path in _paths(model)}

    def hearing(layer: Any) -> Callable[..., Any]:
        original, about = layer.call, (paths[id(layer)], type(layer).__name__)

        def call(*arguments: Any, **keywords: Any) -> Any:
            given = arguments[0] if arguments else next(iter(keywords.values()))
            if rate_of(layer) != 0 and hasattr(given, "shape"):
                array = array_of(given)
                told = _drops(layer, original, array)
                found.append(RandomCall(*about, *told, behind[-1], fingerprint_of(array)))
            return original(*arguments, **keywords)

        return call

    def counting(path: str, layer: Any) -> Callable[..., Any]:
        original = layer.call

        def call(*arguments: Any, **keywords: Any) -> Any:
            behind.append(path)
            return original(*arguments, **keywords)

        return call

    owners = structure_of(model).owners
    methods = [(layer, counting(path, layer)) for path, layer in owners.items()]
    methods += [(layer, hearing(layer)) for layer in _drawing(model)]
    with calls.with_methods("call", methods):
        teach(model, inputs, lesson)
    return tuple(found)


def scaled_arrivals(
    model: "keras.Model", inputs: Sequence[np.ndarray], lesson: Lesson, drawn: Sequence[RandomCall]
) -> dict[str, Fingerprint]:
    """What arrives at layers that are taught, and outputs, where each dropout multiplies by a factor and drops nothing.

    Attention drops as it did.
    """

    def scaling(layer: Any) -> Callable[..., Any]:
        return lambda *arguments, **keywords: FACTOR * (arguments[0] if arguments else next(iter(keywords.values())))

    whole = [layer for layer in model._flatten_layers() if "Attention" in type(layer).__name__]
    inside = {id(layer) for holder in whole for layer in holder._flatten_layers()}
    layers = [layer for layer in _drawing(model) if id(layer) not in inside and rate_of(layer) != 0]
    with calls.with_methods("call", [(layer, scaling(layer)) for layer in layers]):
        return arrivals_of(teach(model, inputs, lesson)) if drawn else {}


def _drawing(model: "keras.Model") -> Iterator[Any]:
    """Layers that hold a generator of seeds, but for those inside a recurrent layer."""
    import keras

    whole = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    inside = {id(layer) for holder in whole for layer in holder._flatten_layers()}
    for layer in model._flatten_layers(include_self=False):
        is_random = any(isinstance(held, keras.random.SeedGenerator) for held in vars(layer).values())
        if is_random and id(layer) not in inside and not _never_drops(layer):
            yield layer


def _never_drops(cell: Any) -> bool:
    """Whether a cell, which holds a generator whatever it does, drops nothing."""
    return getattr(cell, "dropout", None) == 0 == getattr(cell, "recurrent_dropout", None)


def _paths(holder: Any, prefix: str = "") -> Iterator[tuple[Any, str]]:
    """Every layer inside another with its path; Keras has none for layers that are never built."""
    for layer in holder._flatten_layers(include_self=False, recursive=False):
        path = layer.path or (f"{prefix}/{layer.name}" if prefix else layer.name)
        yield layer, path
        yield from _paths(layer, path)


def _drops(layer: Any, call: Callable[..., Any], given: np.ndarray) -> tuple[str, float | None]:
    """What a layer drops, and how much: as its type and its attributes say, or as a run in training shows."""
    kind, rate = type(layer).__name__, rate_of(layer)
    if kind == "Dropout":
        shape = layer.noise_shape  # Keras' Dropout can share its draw along axes
        shared = "values" if shape is None else "samples" if all(length == 1 for length in shape[1:]) else "channels"
        return shared, rate
    if kind in _DROPS:
        return _DROPS[kind], rate
    if layer.weights and not all("seed" in held.path for held in layer.weights):
        return INSIDE, rate
    many = enough_rows(given)
    try:
        drops, shown = measured(many, array_of(call(many, training=True)))
    except Exception:  # a layer of one's own may take what it likes
        return "", rate
    return drops, shown if rate is None else rate
