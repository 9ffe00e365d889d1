"""Gradients of a Keras model on any backend, and one training step's statistics.

`reference.gradients` has the same of a torch model.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError, first_line
from porting.port.side import array_of, call, cast, outputs_of, variables
from porting.records.gradients import Gradients
from porting.traces.parking import park

if TYPE_CHECKING:
    import keras


def gradients(model: "keras.Model", inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]) -> Gradients:
    """Gradients of the sum of all outputs times `cotangents`, in inference mode; then one step's statistics.

    Raises
    ------
    PairError
        If the model cannot be differentiated.
    """
    import keras

    given = cast(inputs)
    differentiable = {name: held for name, held in variables(model).items() if np.dtype(held.dtype).kind == "f"}
    try:
        found = _GRADIENTS[keras.backend.backend()](model, given, list(differentiable.values()), cotangents)
    except Exception as error:  # backends raise what they like
        raise PairError(f"The port has no gradients: {first_line(error)}.") from error
    of_inputs, of_weights = found
    weights = []
    for number, held in enumerate(differentiable.values()):
        gradient, of_weights[number] = of_weights[number], None
        weights.append(np.zeros(held.shape) if gradient is None else park(array_of(gradient)))
    arrays = tuple(
        (np.zeros(array.shape) if gradient is None else array_of(gradient)) if array.dtype.kind == "f" else None
        for array, gradient in zip(given, of_inputs, strict=True)
    )
    del found
    return Gradients(arrays, dict(zip(differentiable, weights, strict=True)), _statistics_after_a_step(model, given))


def _tensorflow_gradients(model: Any, inputs: Sequence[np.ndarray], held: Sequence[Any], cotangents: Any) -> Any:
    import tensorflow as tf

    given = [tf.convert_to_tensor(array) for array in inputs]
    floating = [tensor for tensor in given if tensor.dtype.is_floating]
    values = [variable.value for variable in held]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for watched in (*floating, *values):
            tape.watch(watched)
        outputs = outputs_of(call(model, given), model, given)
        factors = zip(outputs, cotangents, strict=True)
        total = tf.add_n([tf.reduce_sum(out * by) for out, by in factors if out.dtype.is_floating])
    found: Any = tape.gradient(total, [floating, values])
    of_floating, of_values = found
    by_tensor = {id(tensor): gradient for tensor, gradient in zip(floating, of_floating, strict=True)}
    return [by_tensor.get(id(tensor)) for tensor in given], list(map(_dense, of_values))


def _dense(gradient: Any) -> Any:
    """TensorFlow gives an embedding's gradient as the rows that were looked up."""
    import tensorflow as tf

    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient


def _jax_gradients(model: Any, inputs: Sequence[np.ndarray], held: Sequence[Any], cotangents: Any) -> Any:
    import jax
    import keras

    floating = [number for number, array in enumerate(inputs) if array.dtype.kind == "f"]
    arrays = list(map(jax.numpy.asarray, inputs))  # Keras' layers take no tensors beside numpy's arrays

    def total(given: list[Any], values: list[Any]) -> Any:
        every = [given[floating.index(number)] if number in floating else array for number, array in enumerate(arrays)]
        with keras.StatelessScope(state_mapping=list(zip(held, values, strict=True))):
            outputs = outputs_of(call(model, every), model, every)
        return sum((out * by).sum() for out, by in zip(outputs, cotangents, strict=True))

    given = [arrays[number] for number in floating]
    of_floating, of_values = jax.grad(total, argnums=(0, 1))(given, [variable.value for variable in held])
    return [of_floating[floating.index(n)] if n in floating else None for n in range(len(inputs))], of_values


def _torch_gradients(model: Any, inputs: Sequence[np.ndarray], held: Sequence[Any], cotangents: Any) -> Any:
    raise NotImplementedError("not taken on Keras' torch backend, which has no float64 to judge them in")


_GRADIENTS = {"tensorflow": _tensorflow_gradients, "jax": _jax_gradients, "torch": _torch_gradients}


def _statistics_after_a_step(model: "keras.Model", inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Variables that one forward pass in training mode without dropout changes; the model is left as it was."""
    before = {name: array_of(variable) for name, variable in variables(model).items() if not variable.trainable}
    if not before:
        return {}
    held = variables(model)
    try:
        with _without_dropout(model):
            call(model, inputs, training=True)
        after = {name: array_of(held[name]) for name in before}
    finally:
        for name, value in before.items():
            held[name].assign(value)
    return {name: value for name, value in after.items() if np.dtype(value.dtype).kind == "f"}


@contextmanager
def _without_dropout(model: "keras.Model") -> Iterator[None]:
    with ExitStack() as stack:
        for layer in model._flatten_layers():
            if "Dropout" in type(layer).__name__ and hasattr(layer, "rate"):
                stack.enter_context(calls.with_attributes(layer, {"rate": 0}))
        yield
