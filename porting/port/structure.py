"""The layers of a Keras model that own variables, at any depth, and their paths."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from porting.port.side import own_prefix

if TYPE_CHECKING:
    import keras


def layers_with_weights(model: "keras.Model") -> dict[str, "keras.layers.Layer"]:
    """Path -> layer, for every layer at any depth that owns variables itself; a recurrent layer owns its cell's."""
    prefix = own_prefix(model)
    return {_path(layer).removeprefix(prefix): layer for layer in _owners(model)}


def _owners(layer: Any) -> Iterator["keras.layers.Layer"]:
    import keras

    if isinstance(layer, keras.layers.RNN):
        yield layer
        return
    if _own_variables(layer):
        yield layer
    for child in layer._flatten_layers(include_self=False, recursive=False):
        yield from _owners(child)


def _own_variables(layer: "keras.layers.Layer") -> list[Any]:
    import keras

    if isinstance(layer, keras.layers.RNN):
        return layer.weights
    below = {id(weight) for child in layer._flatten_layers(include_self=False) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in below]


def _path(layer: "keras.layers.Layer") -> str:
    """What the paths of a layer's own variables begin with; a recurrent layer's have its cell's name behind that."""
    import keras

    above = _own_variables(layer)[0].path.rpartition("/")[0]
    return above.rpartition("/")[0] if isinstance(layer, keras.layers.RNN) else above


def own_names(layer: "keras.layers.Layer") -> list[str]:
    """Paths of a layer's own variables below its own path."""
    prefix = _path(layer)
    return [variable.path.removeprefix(f"{prefix}/") for variable in _own_variables(layer)]
