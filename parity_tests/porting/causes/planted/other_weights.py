"""Other weights in a port's right graph."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from parity_tests.porting.causes.fault import Spoil


def changed(change: Callable[[np.ndarray], Any], *variables: str) -> Spoil:
    def spoil(layer, named):
        for variable in variables or ("kernel",):
            tensor = getattr(layer, variable)
            tensor.assign(np.asarray(change(keras.ops.convert_to_numpy(tensor)), np.float32))

    return spoil


def rounded(dtype: str) -> Spoil:
    return changed(lambda kernel: keras.ops.convert_to_numpy(ops.cast(ops.cast(kernel, dtype), "float32")))


def copied(other: str, *variables: str) -> Spoil:
    def spoil(layer, named):
        for variable in variables or ("kernel", "bias"):
            getattr(layer, variable).assign(getattr(named[other], variable))

    return spoil


def gates(*order: int, variables: tuple[str, ...] = ("kernel", "recurrent_kernel", "bias")) -> Spoil:
    """Puts a recurrent cell's gates in another order."""

    def reordered_gates(array: np.ndarray) -> np.ndarray:
        members = np.split(array, len(order), axis=-1)
        return np.concatenate([members[at] for at in order], axis=-1)

    return changed(reordered_gates, *variables)


def swapped(one: str, other: str) -> Spoil:
    """Swaps variables of two layers, or of one layer if `one` and `other` are its variables."""

    def spoil(layer, named):
        pairs = (
            [(getattr(layer, one), getattr(layer, other))]
            if hasattr(layer, one)
            else zip(named[one].weights, named[other].weights, strict=True)
        )
        for left, right in pairs:
            kept = keras.ops.convert_to_numpy(left).copy()
            left.assign(right)
            right.assign(kept)

    return spoil


def forgotten(layer, named):
    """Leaves a layer as Keras initialised it."""
    fresh = type(layer).from_config(layer.get_config())
    keras.utils.set_random_seed(0)
    fresh.build(layer.get_build_config()["input_shape"])
    layer.set_weights(fresh.get_weights())


def another_seed(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).permutation(array.ravel()).reshape(array.shape) * 0.9 + 0.1


ZEROS = changed(np.zeros_like, "bias")
FLIPPED = changed(lambda kernel: kernel[::-1])
FLIPPED_2D = changed(lambda kernel: kernel[::-1, ::-1])
TRANSPOSED = changed(np.transpose)
