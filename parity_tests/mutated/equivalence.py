"""Whether a mutant is another model at all: outputs, gradients and what training does, beside the right port's.

Nothing here is the verifier's: both ports are built of their files and called as anybody calls them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from parity_tests.mutated.graphs import without_number

SAMPLES = 10
ALIKE = 1e-11
"""Relative difference that float64's rounding explains."""

GRADIENTS_ALIKE = 1e-9


@dataclass(frozen=True)
class Behaviour:
    """What a port does in float64 on ten random inputs.

    Attributes
    ----------
    outputs, trained : tuple of ndarray
        As it is called, and as it is trained with one seed, with its statistics behind them.
    gradients : dict
        Of every trained variable and of every input of floats.
    """

    outputs: tuple[np.ndarray, ...]
    trained: tuple[np.ndarray, ...]
    gradients: dict[str, np.ndarray]

    def differs(self, other: "Behaviour") -> str:
        """What of two ports is another: outputs, gradients, training; empty where nothing is."""
        if any(True for _ in _apart(self.outputs, other.outputs, ALIKE)):
            return "outputs"
        if self.gradients.keys() != other.gradients.keys() or len(self.trained) != len(other.trained):
            return "training"
        both = [tuple(held.gradients[name] for name in self.gradients) for held in (self, other)]
        if any(True for _ in _apart(*both, GRADIENTS_ALIKE)):
            return "gradients"
        return "training" if any(True for _ in _apart(self.trained, other.trained, ALIKE)) else ""


def _apart(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], alike: float) -> Iterator[int]:
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        largest = float(np.nan_to_num(np.abs(one)).max(initial=0.0)) or 1.0
        if one.shape != other.shape or not np.allclose(one, other, rtol=0, atol=alike * largest, equal_nan=True):
            yield number


def random_inputs(arrays: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Ten samples of a probe's kind: normal numbers of its scale and three times that, integers that it has."""
    generator = np.random.default_rng(seed)
    drawn = []
    for array in arrays:
        shape = (SAMPLES, *array.shape[1:])
        if array.dtype.kind == "f":
            scales = np.where(np.arange(SAMPLES) % 2, 3.0, 1.0).reshape(-1, *[1] * (array.ndim - 1))
            drawn.append(generator.standard_normal(shape) * scales * (array.std() or 1.0))
        else:
            drawn.append(generator.choice(array.ravel(), shape).astype(array.dtype))
    return drawn


def behaviour_of(file: Path, inputs: Sequence[np.ndarray]) -> Behaviour:
    """Load a converted port in float64, and run it."""
    import tensorflow as tf

    keras.utils.set_random_seed(11)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        with tf.device("cpu"):
            model = _wide(file)
            return _run(model, [tf.constant(array) for array in inputs])
    finally:
        keras.config.set_dtype_policy(before)


def _wide(file: Path) -> Any:
    narrow = keras.saving.load_model(file, compile=False)

    def widened(config: Any) -> Any:
        if isinstance(config, dict):
            is_policy = config.get("class_name") == "DTypePolicy"
            held = {**config, "config": {"name": "float64"}} if is_policy else config
            return {
                key: "float64" if value == "float32" and key == "dtype" else widened(value)
                for key, value in held.items()
            }
        return [widened(each) for each in config] if isinstance(config, list) else config

    keras.utils.set_random_seed(11)
    model = type(narrow).from_config(widened(narrow.get_config()))
    for wide, held in zip(model.weights, narrow.weights, strict=True):
        wide.assign(held)
    return model


def _named(variables: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Variables by their paths, without the numbers that Keras gives layers that nobody has named."""
    counts: Counter[str] = Counter()
    for variable in variables:
        path = "/".join(map(without_number, variable.path.split("/")))
        counts[path] += 1
        yield f"{path} {counts[path]}", variable


def _run(model: Any, inputs: list[Any]) -> Behaviour:
    import tensorflow as tf

    given = inputs if len(inputs) > 1 else inputs[0]
    floats = [array for array in inputs if array.dtype.is_floating]
    trained = dict(_named(model.trainable_variables))
    generator = np.random.default_rng(5)
    with tf.GradientTape() as tape:
        for array in floats:
            tape.watch(array)
        outputs = keras.tree.flatten(model(given, training=False))
        total = sum(
            tf.reduce_sum(tf.cast(output, "float64") * generator.standard_normal(output.shape))
            for output in outputs
            if output.dtype.is_floating
        )
    taken = tape.gradient(total, [*[variable.value for variable in trained.values()], *floats])
    names = [*trained, *(f"input {number}" for number in range(len(floats)))]
    gradients = {
        name: np.zeros(1) if gradient is None else np.asarray(tf.convert_to_tensor(gradient))
        for name, gradient in zip(names, taken, strict=True)
    }
    keras.utils.set_random_seed(12)
    plainly = keras.tree.flatten(model(given))
    in_training = keras.tree.flatten(model(given, training=True))
    losses = [np.asarray(loss, np.float64) for loss in model.losses]
    statistics = [np.asarray(held) for held in model.non_trainable_variables if held.dtype.startswith("float")]
    penalty = np.reshape(sum(losses, np.zeros(())), 1)
    return Behaviour(
        tuple(map(np.asarray, (*outputs, *plainly))), (*map(np.asarray, in_training), *statistics, penalty), gradients
    )
