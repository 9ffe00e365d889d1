"""Initialise a whole model as PyTorch would initialise its counterpart."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import keras
from keras import layers

from keras_model.initialisers import TorchNormal, TorchUniform, count_fan, derive_seed

UNIFORM = (
    layers.Dense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
NORMALISING = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)
CONSTANTS = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
PRELU = 0.25


def initialise(model: keras.Model, seed: int) -> None:
    """Give every weight of a model a new value from PyTorch's default distribution for its layer.

    Dense and convolutions: kernel and bias from U(-b, b), b = 1 / sqrt(fan_in) of that layer. Embedding: N(0, 1).
    Normalisations: ones and zeros. PReLU: 0.25. Each variable has a seed of its own, derived from `seed` and its path:
    the same seed gives the same numbers on every backend, and no two variables share theirs.

    Parameters
    ----------
    model : keras.Model
        Built. Layers without a name given get one from Keras, which counts up within a process.
    seed : int

    Raises
    ------
    ValueError
        If a layer with weights is of another kind: nothing has been changed then.
    """
    kinds = {id(variable): (variable, kind) for variable, kind in _kinds(model)}
    if left := [variable.path for variable in model.weights if id(variable) not in kinds]:
        raise ValueError(
            f"no initialisation known for {', '.join(left)}: only for Dense, Conv, ConvTranspose, DepthwiseConv, "
            "Embedding, PReLU and normalisations"
        )
    times_seen: Counter[str] = Counter()
    for variable, kind in kinds.values():
        times_seen[variable.path] += 1
        name = f"{variable.path} {times_seen[variable.path]}"
        variable.assign(kind(seed=derive_seed(seed, name))(variable.shape, variable.dtype))


def _kinds(model: keras.Model) -> Iterator[tuple[keras.Variable, Callable]]:
    """Each variable that has a default in PyTorch, and what makes its initialiser of a seed."""
    for layer in model._flatten_layers():
        for variable in layer.weights:
            if kind := _kind(layer, variable.name):
                yield variable, kind


def _kind(layer: keras.layers.Layer, name: str) -> Callable | None:
    if isinstance(layer, DEPTHWISE):
        return partial(TorchUniform, math.prod(layer.kernel.shape[:-2]))
    if isinstance(layer, UNIFORM):
        return partial(TorchUniform, count_fan(layer.kernel.shape))
    if isinstance(layer, layers.Embedding):
        return TorchNormal
    if isinstance(layer, NORMALISING):
        return _constant(CONSTANTS[name])
    if isinstance(layer, layers.PReLU):
        return _constant(PRELU)
    return None


def _constant(value: float) -> Callable:
    return lambda seed: keras.initializers.Constant(value)
