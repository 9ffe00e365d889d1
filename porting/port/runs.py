"""Run a Keras model on any backend: trace it, teach its layers, take its gradients. `torch_runs` has the same names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import PairError, first_line
from porting.port.side import array_of, build, own_prefix, shapes, variables, view
from porting.records.gradients import Gradients
from porting.traces import LayerCall, Lesson, Teacher, Trace

if TYPE_CHECKING:
    import keras


def trace(model: "keras.Model", inputs: Sequence[np.ndarray]) -> Trace:
    """Run a model in inference mode and record every layer that owns weights.

    Parameters
    ----------
    model : keras.Model
    inputs : sequence of ndarray
        In the port's axis order; floats are cast to the model's precision.

    Raises
    ------
    PairError
        If the model does not accept the inputs, does not return tensors, or has weights that no layer call used.
    """
    return _run(model, inputs, Teacher(()))


def teach(model: "keras.Model", inputs: Sequence[np.ndarray], lesson: Lesson) -> Trace:
    """Run a model whose layers are fed, and return, what a lesson says.

    Returns
    -------
    Trace
        Each call's input is what came of the outputs given before it; its output is what the layer made of its feed.
    """
    return _run(model, inputs, Teacher(lesson))


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
        raise PairError(f"The port has no gradients: {first_line(error)}") from error
    of_inputs, of_weights = found
    zeros = (np.zeros(held.shape) for held in differentiable.values())
    weights = [
        zero if gradient is None else array_of(gradient) for zero, gradient in zip(zeros, of_weights, strict=True)
    ]
    arrays = tuple(
        (np.zeros(array.shape) if gradient is None else array_of(gradient)) if array.dtype.kind == "f" else None
        for array, gradient in zip(given, of_inputs, strict=True)
    )
    return Gradients(arrays, dict(zip(differentiable, weights, strict=True)), _statistics_after_a_step(model, given))


def cast(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Inputs with floats in the precision in force."""
    import keras

    return [array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array for array in inputs]


@dataclass(slots=True)
class _Call:
    """A layer call as it was recorded, its tensors still the backend's."""

    path: str
    layer: "keras.layers.Layer"
    given: Any
    output: Any


@dataclass(slots=True)
class _Watch:
    """What is recorded while a model runs, and what its layers are taught meanwhile."""

    teacher: Teacher
    calls: list[_Call] = field(default_factory=list)

    def call(self, path: str, layer: "keras.layers.Layer", given: Any, run: Callable[[Any], Any]) -> Any:
        """Run a layer as its lesson says, record it, and return what it is to return."""
        teaching = self.teacher.next(path)
        if teaching is None:
            output = run(given)
            self.calls.append(_Call(path, layer, given, _first(output)))
            return output
        with _attributes(layer, teaching.attributes):
            output = run(_like(teaching.feed, given))
        own = _first(output)
        self.calls.append(_Call(path, layer, given, own))
        give = _given_back(array_of(own), teaching.give, teaching.window)
        if give is None:
            return output
        given_back = _with_first(output, _like(give, own))
        return _with_last_step(given_back, give, own) if _returns_state(layer) else given_back


def _given_back(own: np.ndarray, give: np.ndarray, window: tuple[slice, ...]) -> np.ndarray | None:
    """What a taught layer returns: `give`, in its window of the layer's own output; None where it does not fit."""
    if window and own[window].shape == give.shape:
        whole = np.array(own)
        whole[window] = give
        return whole
    return give if own.shape == give.shape else None


@contextmanager
def _attributes(layer: "keras.layers.Layer", attributes: Mapping[str, Any]) -> Iterator[None]:
    before = {name: getattr(layer, name) for name in attributes}
    for name, value in attributes.items():
        setattr(layer, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(layer, name, value)


def _run(model: "keras.Model", inputs: Sequence[np.ndarray], teacher: Teacher) -> Trace:
    given, watch = cast(inputs), _Watch(teacher)
    try:
        build(model, given)
        owners = layers_with_weights(model)
        with _recording(owners, watch):
            outputs = model(given[0] if len(given) == 1 else given, training=False)
    except Exception as error:  # backends raise what they like
        shapes_given = ", ".join(str(array.shape) for array in inputs)
        raise PairError(f"The port failed on inputs of shape {shapes_given}: {first_line(error)}") from error
    _check_all_ran(owners, watch)
    try:
        return Trace(tuple(map(_recorded, watch.calls)), _arrays(outputs), shapes(model))
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise PairError(f"A layer of the port cannot be recorded: {first_line(error)}") from error


def _recorded(call: _Call) -> LayerCall:
    names = {name.rpartition("/")[2]: f"{call.path}/{name}" for name in _own_names(call.layer)}
    return LayerCall(
        call.path, type(call.layer).__name__, names, call.layer.get_config(), view(call.given), view(call.output)
    )


def _check_all_ran(owners: Mapping[str, Any], watch: _Watch) -> None:
    idle = sorted(set(owners) - {call.path for call in watch.calls})
    if idle:
        raise PairError(
            f"{len(idle)} layers of the port own weights but did not run: {', '.join(idle)}.\n"
            "Call the layer itself rather than a function with its weights, or remove the layer if nothing uses it."
        )


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


def _own_names(layer: "keras.layers.Layer") -> list[str]:
    """Paths of a layer's own variables below its own path."""
    prefix = _path(layer)
    return [variable.path.removeprefix(f"{prefix}/") for variable in _own_variables(layer)]


@contextmanager
def _recording(owners: Mapping[str, "keras.layers.Layer"], watch: _Watch) -> Iterator[None]:
    """Wrap the ``call`` of each layer, and unwrap it again."""
    try:
        for path, layer in owners.items():
            layer.call = _recorder(path, layer, watch)
        yield
    finally:
        for layer in owners.values():
            layer.__dict__.pop("call", None)


def _recorder(path: str, layer: "keras.layers.Layer", watch: _Watch) -> Callable[..., Any]:
    original = layer.call

    def call(*arguments: Any, **keywords: Any) -> Any:
        if arguments:
            given, *others = arguments
            return watch.call(path, layer, given, lambda fed: original(fed, *others, **keywords))
        first, *_ = keywords
        return watch.call(path, layer, keywords[first], lambda fed: original(**{**keywords, first: fed}))

    return call


def _tensorflow_gradients(model: Any, inputs: Sequence[np.ndarray], held: Sequence[Any], cotangents: Any) -> Any:
    import tensorflow as tf

    given = [tf.convert_to_tensor(array) for array in inputs]
    floating = [tensor for tensor in given if tensor.dtype.is_floating]
    values = [variable.value for variable in held]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for watched in (*floating, *values):
            tape.watch(watched)
        outputs = _several(model(given[0] if len(given) == 1 else given, training=False))
        factors = zip(outputs, cotangents, strict=True)
        total = tf.add_n([tf.reduce_sum(out * by) for out, by in factors if out.dtype.is_floating])
    found: Any = tape.gradient(total, [floating, values])
    of_floating, of_values = found
    by_tensor = {id(tensor): gradient for tensor, gradient in zip(floating, of_floating, strict=True)}
    return [by_tensor.get(id(tensor)) for tensor in given], [_dense(gradient) for gradient in of_values]


def _dense(gradient: Any) -> Any:
    """TensorFlow gives an embedding's gradient as the rows that were looked up."""
    import tensorflow as tf

    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient


def _jax_gradients(model: Any, inputs: Sequence[np.ndarray], held: Sequence[Any], cotangents: Any) -> Any:
    import jax
    import keras

    floating = [number for number, array in enumerate(inputs) if array.dtype.kind == "f"]

    def total(given: list[Any], values: list[Any]) -> Any:
        every = [given[floating.index(number)] if number in floating else array for number, array in enumerate(inputs)]
        with keras.StatelessScope(state_mapping=list(zip(held, values, strict=True))):
            outputs = _several(model(every[0] if len(every) == 1 else every, training=False))
        return sum((out * by).sum() for out, by in zip(outputs, cotangents, strict=True))

    given = [jax.numpy.asarray(inputs[number]) for number in floating]
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
            model(inputs[0] if len(inputs) == 1 else list(inputs), training=True)
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
                stack.enter_context(_attributes(layer, {"rate": 0}))
        yield


def _like(array: np.ndarray, tensor: Any) -> Any:
    """An array as the backend's tensor, in a tensor's precision where both are of floats."""
    import keras

    dtype = keras.backend.standardize_dtype(tensor.dtype)
    wanted = dtype if array.dtype.kind == "f" and "float" in dtype else None
    return keras.ops.convert_to_tensor(array, dtype=wanted)


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, (tuple, list)) else output


def _with_first(output: Any, first: Any) -> Any:
    return (first, *output[1:]) if isinstance(output, (tuple, list)) else first


def _returns_state(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.RNN) and layer.return_state


def _with_last_step(output: Any, give: np.ndarray, own: Any) -> Any:
    """A recurrent layer's state is the last step of what it is given."""
    first, _, *others = output
    return (first, _like(give[:, -1] if give.ndim > 2 else give, own), *others)


def _several(outputs: Any) -> list[Any]:
    several = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    if not all(hasattr(output, "shape") for output in several):
        raise PairError(f"The port returns {type(outputs).__name__}; it must return a tensor or several.")
    return several


def _arrays(outputs: Any) -> tuple[np.ndarray, ...]:
    return tuple(view(output) for output in _several(outputs))
