"""Build Keras models on any backend, fill them, and move between arrays and tensors.

`reference.side` has the same names for the same things.
"""

import importlib.util
import inspect
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError, PortingError, first_line
from porting.port import onednn
from porting.port.habits.activations import exact_activations
from porting.port.habits.compiling import compiled_once, uncompiled
from porting.port.habits.pooling import wide_pooling
from porting.port.habits.resizing import wide_resizing
from porting.port.habits.widening import wide_promotion, wide_requests
from porting.port.loading import interrupts_heard, no_native_output
from porting.port.order import written_order
from porting.requirements import BACKENDS, check_backend

if TYPE_CHECKING:
    import keras


def choose_backend() -> None:
    """Choose a backend that is installed, unless the user has chosen one; keep TensorFlow's start quiet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    onednn.leave_off()
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if installed and "tensorflow" not in installed:
        os.environ.setdefault("KERAS_BACKEND", installed[0])


def prepare() -> None:
    """Import Keras on the backend that was chosen.

    Raises
    ------
    PackageError
        If Keras' backend is not installed.
    PortingError
        If Keras or its backend cannot be imported.
    """
    choose_backend()
    check_backend(os.environ.get("KERAS_BACKEND"))
    try:
        with no_native_output(), interrupts_heard():
            importlib.import_module("keras")
    except (ImportError, ValueError) as error:
        raise PortingError(
            f"Keras cannot be imported: {first_line(error)}. KERAS_BACKEND must name one of {', '.join(BACKENDS)}, "
            "installed and whole."
        ) from error


def versions() -> dict[str, str]:
    """Versions that the numbers may depend on."""
    import keras

    backend = keras.backend.backend()
    found = {"keras": keras.__version__, "backend": backend, backend: __import__(backend).__version__}
    if (is_on := onednn.is_on()) is not None:
        found[onednn.VARIABLE] = str(int(is_on))
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
            stack.enter_context(wide_promotion())
        if dtype == "float64" and keras.backend.backend() == "tensorflow":
            stack.enter_context(exact_activations())
            stack.enter_context(wide_pooling())
            stack.enter_context(wide_resizing())
        if dtype == "float64":
            stack.enter_context(wide_requests())
        if keras.backend.backend() == "tensorflow":
            stack.enter_context(compiled_once())
            stack.enter_context(uncompiled())
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        try:
            yield
        finally:
            keras.config.set_floatx(before[0])
            keras.config.set_dtype_policy(before[1])


def shapes(model: "keras.Model") -> dict[str, tuple[int, ...]]:
    """Name and shape of every variable that the model saves."""
    return {name: tuple(variable.shape) for name, variable in variables(model).items()}


def arrays(model: "keras.Model") -> dict[str, np.ndarray]:
    """Every variable that the model saves, as a read-only array that shares its memory where the backend lets it."""
    return {name: view(_tensor(variable)) for name, variable in variables(model).items()}


def _tensor(variable: Any) -> Any:
    """A variable's value as a plain tensor of the backend."""
    import keras

    return keras.ops.stop_gradient(variable.value)


def view(tensor: Any) -> np.ndarray:
    """A tensor's values, read-only and sharing its memory where the backend lets it."""
    try:
        return _plain(np.from_dlpack(tensor))
    except (BufferError, RuntimeError, TypeError, AttributeError):
        return array_of(tensor)


Rearrange = Callable[[Any], Any]
"""Changes the axis order of a backend's tensor."""


def weight_getter(model: "keras.Model") -> Callable[[str, Rearrange], np.ndarray]:
    """A function that fetches one variable's value in another axis order, which the backend brings about."""
    named = variables(model)
    return lambda name, rearrange: _as_saved(view(rearrange(_tensor(named[name]))))


def _as_saved(array: np.ndarray) -> np.ndarray:
    """A float64 variable's values as the float32 that they were, if they were."""
    if array.dtype != np.float64:
        return array
    narrow = array.astype(np.float32)
    return narrow if np.array_equal(narrow, array) else array


def load_weights(
    model: "keras.Model",
    value_of: Callable[[str], tuple[np.ndarray, Rearrange]],
    loaded: Callable[[str], None] = lambda name: None,
) -> None:
    """Assign a value to every variable of a model, from an array in another axis order; each when it is needed."""
    import keras

    for name, variable in variables(model).items():
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


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Build models whose variables take at most so many bytes together.

    Raises
    ------
    ValueError
        Before room is made for what is beyond.
    """
    import keras

    variable, left = keras.Variable, [size]
    original: Any = variable.__init__

    def initialise(self: Any, initializer: Any, shape: Any = None, *others: Any, **named: Any) -> None:
        if shape is not None:
            left[0] -= math.prod(map(int, shape)) * 4
        if left[0] < 0:
            raise ValueError("its layers are larger than the weights that it holds")
        original(self, initializer, shape, *others, **named)

    with calls.with_attributes(variable, {"__init__": initialise}):
        yield


def variables(model: "keras.Model") -> dict[str, Any]:
    """Path -> variable, for every variable that the model saves."""
    prefix = own_prefix(model)
    named = {variable.path.removeprefix(prefix): variable for variable in model.weights}
    if len(named) < len(model.weights):
        paths = [variable.path for variable in model.weights]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        raise PairError(
            f"Several variables of the port have one path: {', '.join(twice)}. Give its layers unique names."
        )
    return named


def own_prefix(model: "keras.Model") -> str:
    """What a subclassed model puts before every path: its own name, which differs from instance to instance."""
    prefix = f"{model.name}/"
    if any(layer.path == model.name for layer in model.layers):  # a layer that is called as the model is
        return ""
    return prefix if all(variable.path.startswith(prefix) for variable in model.weights) else ""


def array_of(tensor: Any) -> np.ndarray:
    """A tensor's values as an array of its own."""
    import keras

    return _plain(np.asarray(keras.ops.convert_to_numpy(tensor)))


def _plain(array: np.ndarray) -> np.ndarray:
    """Half precision widened to float32, which keeps every value: bfloat16 is no type of numpy's own."""
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def cast(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Inputs with floats in the precision in force."""
    import keras

    return [array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array for array in inputs]


def call(model: "keras.Model", inputs: Sequence[Any], *, training: bool | None = False) -> Any:
    """Run a model on its inputs: Keras takes several as a list, one as it is, named ones by their names."""
    mode = {} if training is None else {"training": training}
    names = calls.signature_of(model).inputs
    with written_order(model):
        if names and _takes_keywords(model, names):
            return model(**dict(zip(names, inputs, strict=True)), **mode)
        return model(as_one(model, inputs), **mode)


def _takes_keywords(model: "keras.Model", names: Sequence[str]) -> bool:
    is_functional = getattr(model, "_inputs_struct", None) is not None
    return not is_functional and set(names) <= set(inspect.signature(model.call).parameters)


def as_one(model: "keras.Model", inputs: Sequence[Any]) -> Any:
    """Inputs as the one argument that a model takes: a mapping or a list as it was built with, or a tensor."""
    names, structure = calls.signature_of(model).inputs, getattr(model, "_inputs_struct", None)
    if not names:
        return inputs[0] if len(inputs) == 1 else list(inputs)
    named = dict(zip(names, inputs, strict=True))
    if structure is None or isinstance(structure, Mapping):
        return named
    by_tensor = [getattr(tensor, "name", "").partition(":")[0] for tensor in model.inputs]
    ordered = [named[name] for name in by_tensor] if set(by_tensor) == set(named) else list(inputs)
    return ordered[0] if len(ordered) == 1 else ordered


def outputs_of(outputs: Any, model: Any = None, given: Sequence[Any] = ()) -> tuple[Any, ...]:
    """What a model returns, one tensor or several, a single number once for each sample of what it was given.

    PairError if it is something else.
    """
    from keras import ops

    names = calls.signature_of(model).outputs if model is not None else ()
    held = calls.several(outputs, lambda output: hasattr(output, "shape"), "The port", names)
    samples = tuple(given[0].shape[:1]) if len(given) else ()
    return tuple(output if len(output.shape) or not samples else ops.broadcast_to(output, samples) for output in held)
