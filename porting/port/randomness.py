"""What a Keras model draws in training, and on what. `reference.randomness` has the same of a torch model."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.runs import teach
from porting.port.side import array_of
from porting.port.structure import layers_with_weights
from porting.records.randomness import RandomCall, fingerprint_of, rate_of
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

    A layer draws if it holds a generator of seeds; what recurrent layers and attention draw inside is their setting.
    """
    found: list[RandomCall] = []
    behind = [""]

    def hearing(layer: Any) -> Callable[..., Any]:
        original, about = layer.call, (layer.path, type(layer).__name__, _drops(layer), rate_of(layer))

        def call(*arguments: Any, **keywords: Any) -> Any:
            given = arguments[0] if arguments else next(iter(keywords.values()))
            if about[-1] != 0 and hasattr(given, "shape"):
                found.append(RandomCall(*about, behind[-1], fingerprint_of(array_of(given))))
            return original(*arguments, **keywords)

        return call

    def counting(path: str, layer: Any) -> Callable[..., Any]:
        original = layer.call

        def call(*arguments: Any, **keywords: Any) -> Any:
            behind.append(path)
            return original(*arguments, **keywords)

        return call

    owners = layers_with_weights(model)
    methods = [(layer, counting(path, layer)) for path, layer in owners.items()]
    methods += [(layer, hearing(layer)) for layer in _drawing(model)]
    with calls.with_methods("call", methods):
        teach(model, inputs, lesson)
    return tuple(found)


def _drawing(model: "keras.Model") -> Iterator[Any]:
    """Layers that hold a generator of seeds, but for those inside a recurrent layer or attention."""
    import keras

    kinds = (keras.layers.RNN, keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
    whole = [layer for layer in model._flatten_layers() if isinstance(layer, kinds)]
    inside = {id(layer) for holder in whole for layer in holder._flatten_layers()}
    for layer in model._flatten_layers(include_self=False):
        is_random = any(isinstance(held, keras.random.SeedGenerator) for held in vars(layer).values())
        if is_random and id(layer) not in inside:
            yield layer


def _drops(layer: Any) -> str:
    """What a layer draws for: Keras' Dropout can share its draw along axes."""
    kind = type(layer).__name__
    if kind != "Dropout":
        return _DROPS.get(kind, "")
    shape = layer.noise_shape
    if shape is None:
        return "values"
    return "samples" if all(length == 1 for length in shape[1:]) else "channels"
