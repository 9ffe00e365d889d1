"""Everything that touches Keras, on any backend. `torch_side` has the same names for the same things."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import PairError, PortingError, first_line
from porting.traces import LayerCall, Trace

if TYPE_CHECKING:
    import keras

BACKENDS = ("tensorflow", "jax", "torch")


def prepare() -> None:
    """Import Keras on a backend that is installed, unless the user has chosen one; keep TensorFlow's start quiet.

    Raises
    ------
    PortingError
        If Keras or its backend is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN's convolutions sum in an order that rounds 2.4 times as coarsely.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if installed and "tensorflow" not in installed:
        os.environ.setdefault("KERAS_BACKEND", installed[0])
    try:
        with _no_native_output():
            importlib.import_module("keras")
    except (ImportError, ValueError) as error:
        raise PortingError(
            f"Keras cannot be imported: {first_line(error)}. Install a backend (pip install tensorflow, jax or torch) "
            "and name it in KERAS_BACKEND."
        ) from error


@contextmanager
def _no_native_output() -> Iterator[None]:
    """TensorFlow's libraries write to file descriptor 2 while they load, before anything can tell them not to."""
    if "keras" in sys.modules:
        yield
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def versions() -> dict[str, str]:
    """Versions that the numbers may depend on."""
    import keras

    backend = keras.backend.backend()
    found = {"keras": keras.__version__, "backend": backend, backend: __import__(backend).__version__}
    if backend == "tensorflow":
        found["TF_ENABLE_ONEDNN_OPTS"] = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set")
    return found


def why_no_float64() -> str:
    """Say why this backend cannot prove anything in float64; empty where it can."""
    import keras

    if keras.backend.backend() == "torch":
        return "Keras' torch backend computes a float64 Dense in float32; use the tensorflow or jax backend"
    return ""


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Build and run Keras models in `dtype`, where they do not say otherwise."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    with ExitStack() as stack:
        if dtype == "float64" and keras.backend.backend() == "jax":
            import jax

            stack.enter_context(jax.enable_x64(True))
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        try:
            yield
        finally:
            keras.config.set_floatx(before[0])
            keras.config.set_dtype_policy(before[1])


def shapes(model: "keras.Model") -> dict[str, tuple[int, ...]]:
    """Name and shape of every variable that the model saves."""
    return {name: tuple(variable.shape) for name, variable in _variables(model).items()}


def arrays(model: "keras.Model") -> dict[str, np.ndarray]:
    """Every variable that the model saves, as a read-only array that shares its memory where the backend lets it."""
    return {name: _view(_tensor(variable)) for name, variable in _variables(model).items()}


def _tensor(variable: Any) -> Any:
    """A variable's value as a plain tensor of the backend."""
    import keras

    return keras.ops.stop_gradient(variable.value)


def _view(tensor: Any) -> np.ndarray:
    try:
        return np.from_dlpack(tensor)
    except (BufferError, RuntimeError, TypeError, AttributeError):
        return _array(tensor)


Rearrange = Callable[[Any], Any]
"""Changes the axis order of a backend's tensor."""


def weight_getter(model: "keras.Model") -> Callable[[str, Rearrange], np.ndarray]:
    """A function that fetches one variable's value in another axis order, which the backend brings about."""
    named = _variables(model)
    return lambda name, rearrange: _view(rearrange(_tensor(named[name])))


def load_weights(
    model: "keras.Model",
    value_of: Callable[[str], tuple[np.ndarray, Rearrange]],
    loaded: Callable[[str], None] = lambda name: None,
) -> None:
    """Assign a value to every variable of a model, from an array in another axis order; each when it is needed."""
    import keras

    for name, variable in _variables(model).items():
        array, rearrange = value_of(name)
        variable.assign(rearrange(keras.ops.convert_to_tensor(array)))
        loaded(name)


@contextmanager
def uninitialised() -> Iterator[None]:
    """Build models without drawing initial values: random initialisers give zeros until `load_weights`."""
    import keras

    drawing = ("VarianceScaling", "RandomNormal", "RandomUniform", "TruncatedNormal", "Orthogonal")
    classes = [getattr(keras.initializers, name) for name in drawing]
    originals = [kind.__call__ for kind in classes]
    for kind in classes:
        kind.__call__ = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)
    try:
        yield
    finally:
        for kind, original in zip(classes, originals, strict=True):
            kind.__call__ = original


def _variables(model: "keras.Model") -> dict[str, Any]:
    prefix = _own_prefix(model)
    named = {variable.path.removeprefix(prefix): variable for variable in model.weights}
    if len(named) < len(model.weights):
        paths = [variable.path for variable in model.weights]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        raise PairError(
            f"Several variables of the port have one path: {', '.join(twice)}. Give its layers unique names."
        )
    return named


def _own_prefix(model: "keras.Model") -> str:
    """What a subclassed model puts before every path: its own name, which differs from instance to instance."""
    prefix = f"{model.name}/"
    return prefix if all(variable.path.startswith(prefix) for variable in model.weights) else ""


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
    import keras

    calls: list[LayerCall] = []
    given = [array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array for array in inputs]
    shapes_given = ", ".join(str(array.shape) for array in inputs)
    try:
        build(model, given)
        owners = _owners(model)
        with _recording(owners, calls):
            outputs = model(given[0] if len(given) == 1 else given, training=False)
    except Exception as error:  # backends raise what they like
        raise PairError(f"The port failed on inputs of shape {shapes_given}: {first_line(error)}") from error
    _check_all_ran(owners, calls)
    return Trace(tuple(calls), _arrays(outputs), shapes(model))


def build(model: "keras.Model", inputs: Sequence[np.ndarray]) -> None:
    """Run a subclassed model once on inputs in the port's axis order, since its layers own no variables before."""
    if not model.built:
        model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)


def _check_all_ran(owners: Iterable[str], calls: Sequence[LayerCall]) -> None:
    idle = sorted(set(owners) - {call.name for call in calls})
    if idle:
        raise PairError(
            f"{len(idle)} layers of the port own weights but did not run: {', '.join(idle)}.\n"
            "Call the layer itself rather than a function with its weights, or remove the layer if nothing uses it."
        )


def _owners(model: "keras.Model") -> dict[str, "keras.layers.Layer"]:
    """Path -> layer, for every layer at any depth that owns variables itself."""
    prefix = _own_prefix(model)
    layers = [layer for layer in model._flatten_layers() if _own_variables(layer)]
    return {_own_variables(layer)[0].path.removeprefix(prefix).rpartition("/")[0]: layer for layer in layers}


def _own_variables(layer: "keras.layers.Layer") -> list[Any]:
    below = {id(weight) for child in layer._flatten_layers(include_self=False) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in below]


@contextmanager
def _recording(owners: Mapping[str, "keras.layers.Layer"], calls: list[LayerCall]) -> Iterator[None]:
    """Wrap the ``call`` of each layer, and unwrap it again."""
    for path, layer in owners.items():
        layer.call = _recorder(path, layer, calls)
    try:
        yield
    finally:
        for layer in owners.values():
            del layer.call


def _recorder(path: str, layer: "keras.layers.Layer", calls: list[LayerCall]):
    original, settings = layer.call, layer.get_config()
    names = {variable.name: f"{path}/{variable.name}" for variable in _own_variables(layer)}

    def call(*arguments, **keywords):
        output = original(*arguments, **keywords)
        given = next(iter((*arguments, *keywords.values())))
        first = output[0] if isinstance(output, (tuple, list)) else output
        calls.append(LayerCall(path, type(layer).__name__, names, settings, _array(given), _array(first)))
        return output

    return call


def _array(tensor: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _arrays(outputs: Any) -> tuple[np.ndarray, ...]:
    several = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    if not all(hasattr(output, "shape") for output in several):
        raise PairError(f"The port returns {type(outputs).__name__}; it must return a tensor or several.")
    return tuple(_array(output) for output in several)
