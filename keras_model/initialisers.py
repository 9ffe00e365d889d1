"""PyTorch's initial weights in Keras: the same distributions, and the same numbers on every backend.

``torch.nn.init`` and each layer's ``reset_parameters`` (docs.pytorch.org/docs/stable/nn.init.html); He et al., 2015,
doi 10.1109/ICCV.2015.123. Numbers are drawn by numpy in float64 and rounded to the variable's dtype.
"""

import hashlib
import math

import keras
import numpy as np
from keras import ops

from keras_model.layers import PACKAGE

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, slope: float = 0.01) -> float:
    """By how much initial weights are widened for what follows them, as ``torch.nn.init.calculate_gain`` has it.

    1 for linear and sigmoid, 5/3 for tanh, sqrt(2) for relu, 3/4 for selu, sqrt(2 / (1 + slope^2)) for leaky_relu.

    Raises
    ------
    ValueError
        If the nonlinearity is none of these.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"no gain for {nonlinearity!r}: one of {', '.join([*GAINS, 'leaky_relu'])}")
    return GAINS[nonlinearity]


def count_fan(shape: tuple[int, ...], mode: str = "fan_in") -> int:
    """Inputs of a unit (fan_in), or outputs that an input reaches (fan_out), as PyTorch counts them.

    (feature, unit), (tap ..., channel, filter) and, transposed, (tap ..., filter, channel) are PyTorch's axes turned
    round, and so is its count: of a transposed convolution it takes the filters for the fan_in.

    Raises
    ------
    ValueError
        If the shape is no kernel's.
    """
    if mode not in {"fan_in", "fan_out"}:
        raise ValueError(f"mode={mode!r}: must be 'fan_in' or 'fan_out'")
    if len(shape) < 2:
        raise ValueError(f"shape {tuple(shape)} does not say its layer's fan_in: give fan_in")
    return math.prod(shape[:-1]) if mode == "fan_in" else math.prod(shape[:-2]) * shape[-1]


def derive_seed(seed: int, name: str) -> int:
    """A seed of its own for each name, from one seed: the first 64 bits of SHA-256 of both."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


@keras.saving.register_keras_serializable(PACKAGE)
class TorchUniform(keras.initializers.Initializer):
    """What PyTorch draws the weights and biases of its layers from: U(-b, b), b = 1 / sqrt(fan_in).

    Linear and convolutions: ``kaiming_uniform_(weight, a=sqrt(5))``, which is this bound, and the same for the bias.

    Parameters
    ----------
    fan_in : int, optional
        Of the layer; a kernel's shape says it, a bias's does not.
    seed : int
        Equal seeds draw equal numbers: each variable needs its own.
    """

    def __init__(self, fan_in: int | None = None, seed: int = 0) -> None:
        self.fan_in = fan_in
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Draw a tensor."""
        bound = 1 / math.sqrt(count_fan(shape) if self.fan_in is None else self.fan_in)
        return _tensor(np.random.default_rng(self.seed).uniform(-bound, bound, shape), dtype)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {"fan_in": self.fan_in, "seed": self.seed}


@keras.saving.register_keras_serializable(PACKAGE)
class TorchNormal(keras.initializers.Initializer):
    """What PyTorch draws embeddings from: N(0, 1).

    Parameters
    ----------
    seed : int
        Equal seeds draw equal numbers: each variable needs its own.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Draw a tensor."""
        return _tensor(np.random.default_rng(self.seed).standard_normal(shape), dtype)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {"seed": self.seed}


class _Kaiming(keras.initializers.Initializer):
    def __init__(
        self, nonlinearity: str = "leaky_relu", slope: float = 0.0, mode: str = "fan_in", seed: int = 0
    ) -> None:
        self.nonlinearity = nonlinearity
        self.slope = slope
        self.mode = mode
        self.seed = seed
        self.gain = calculate_gain(nonlinearity, slope)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {name: getattr(self, name) for name in ("nonlinearity", "slope", "mode", "seed")}


@keras.saving.register_keras_serializable(PACKAGE)
class KaimingUniform(_Kaiming):
    """``torch.nn.init.kaiming_uniform_``: U(-b, b), b = gain sqrt(3 / fan).

    Parameters
    ----------
    nonlinearity, slope
        As in `calculate_gain`; torch's default is leaky_relu of slope 0.
    mode : {"fan_in", "fan_out"}
        What keeps its variance: activations or gradients.
    seed : int
        Equal seeds draw equal numbers: each variable needs its own.
    """

    def __call__(self, shape, dtype=None):
        """Draw a tensor."""
        bound = self.gain * math.sqrt(3 / count_fan(shape, self.mode))
        return _tensor(np.random.default_rng(self.seed).uniform(-bound, bound, shape), dtype)


@keras.saving.register_keras_serializable(PACKAGE)
class KaimingNormal(_Kaiming):
    """``torch.nn.init.kaiming_normal_``: N(0, s^2), s = gain / sqrt(fan); Keras' own HeNormal is truncated.

    Parameters
    ----------
    nonlinearity, slope, mode, seed
        As in `KaimingUniform`.
    """

    def __call__(self, shape, dtype=None):
        """Draw a tensor."""
        deviation = self.gain / math.sqrt(count_fan(shape, self.mode))
        return _tensor(np.random.default_rng(self.seed).normal(0, deviation, shape), dtype)


def _tensor(values: np.ndarray, dtype):
    dtype = keras.backend.standardize_dtype(dtype or keras.config.floatx())
    return ops.convert_to_tensor(values.astype(dtype) if dtype.startswith("float") else values, dtype)
