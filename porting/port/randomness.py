"""What a Keras model draws in training, and on what. `reference.randomness` has the same of a torch model."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.runs import teach
from porting.port.side import array_of, cast
from porting.port.side import call as call_model
from porting.port.structure import structure_of
from porting.records.randomness import (
    FACTOR,
    INSIDE,
    Draw,
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

_OF_SAMPLES = ("StochasticDepth", "DropPath")
_OF_CHANNELS = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")


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
                found.append(_draw_of(layer, original, array).at(*about, behind[-1], array))
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
    known = {call.name for call in found}
    return (*found, *(call for call in _drawn_by_functions(model, inputs, paths) if call.name not in known))


_DRAWS = (
    "dropout", "normal", "truncated_normal", "uniform", "gumbel", "binomial", "gamma", "beta", "randint", "categorical",
    "shuffle", "stateless_normal", "stateless_uniform", "stateless_truncated_normal", "stateless_categorical",
    "stateless_dropout",
)  # fmt: skip
"""Names of functions of Keras and TensorFlow that draw."""


def _drawn_by_functions(
    model: "keras.Model", inputs: Sequence[np.ndarray], paths: Mapping[int, str]
) -> tuple[RandomCall, ...]:
    """What code of a port's own draws in training by functions of Keras and TensorFlow: on what is not known."""
    import keras

    if all(map(_is_of_keras, model._flatten_layers())):
        return ()
    found: dict[str, RandomCall] = {}
    given = cast(inputs)

    def heard(function: Callable[..., Any]) -> Callable[..., Any]:
        def draw(*arguments: Any, **keywords: Any) -> Any:
            layer = _caller_of_a_draw()
            if layer is not None and not (function.__name__ == "dropout" and _drops_nothing(arguments, keywords)):
                path = paths.get(id(layer), "")
                found[path] = RandomCall(path, type(layer).__name__, INSIDE, None, "", fingerprint_of(given[0]))
            return function(*arguments, **keywords)

        return draw

    tensorflow: Any = sys.modules.get("tensorflow")
    owners = [keras.random, *((tensorflow.random, tensorflow.nn) if tensorflow else ())]
    with ExitStack() as stack:
        for owner in owners:
            names = [name for name in _DRAWS if hasattr(owner, name)]
            stack.enter_context(calls.with_attributes(owner, {name: heard(getattr(owner, name)) for name in names}))
        stack.enter_context(keras.StatelessScope())
        stack.enter_context(suppress(Exception))  # code of anybody's raises what it likes
        call_model(model, given, training=True)
    return tuple(found.values())


def _drops_nothing(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    rate = keywords.get("rate", arguments[1] if len(arguments) > 1 else None)
    return isinstance(rate, (int, float)) and rate == 0


def _is_of_keras(layer: Any) -> bool:
    """Whether a layer's class itself is Keras', and not one that is made of it."""
    return type(layer).__module__.startswith("keras.")


def _caller_of_a_draw() -> Any:
    """The layer or model whose code draws; None where it is one of Keras' own."""
    import keras

    frame: Any = sys._getframe(2)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.layers.Layer):
            return None if _is_of_keras(owner) else owner
        frame = frame.f_back
    return None


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


def _draw_of(layer: Any, call: Callable[..., Any], given: np.ndarray) -> Draw:
    """What a layer drops, and how much: as its type and its attributes say, or as a run in training shows."""
    kind, rate = type(layer).__name__, rate_of(layer)
    own = range(1, given.ndim)
    if kind == "Dropout":  # Keras' can share its draw along axes
        along = (layer.noise_shape or ())[-given.ndim :]
        shared = tuple(axis for axis, size in enumerate(along, start=given.ndim - len(along)) if axis and size == 1)
        return Draw("samples" if [*shared] == [*own] else "channels" if shared else "values", rate, shared)
    if kind in _OF_CHANNELS:
        is_first = getattr(layer, "data_format", None) == "channels_first"
        return Draw("channels", rate, tuple(own[1:] if is_first else own[:-1]))
    if kind in _OF_SAMPLES:
        return Draw("samples", rate)
    if layer.weights and not all("seed" in held.path for held in layer.weights):
        return Draw(INSIDE, rate)
    many = enough_rows(given)
    try:
        shown = measured(many, array_of(call(many, training=True)))
    except Exception:  # a layer of one's own may take what it likes
        return Draw(rate=rate)
    return shown if rate is None else replace(shown, rate=rate)
