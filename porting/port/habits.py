"""Habits of Keras that are mended while models are judged.

It rounds to float32 what is asked for in float64, constants on TensorFlow and by promotion elsewhere, as ports do that
name float32; and it compiles grouped convolutions on TensorFlow anew at each call, instead of once a shape.
"""

import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from typing import Any

from porting import calls


@contextmanager
def exact_activations() -> Iterator[None]:
    """TensorFlow keeps constants of some functions in float32, whatever their input: compute those by definition."""
    import keras
    import tensorflow as tf

    ops, backend = keras.ops, importlib.import_module("keras.src.backend.tensorflow.nn")

    def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
        return ops.where(x >= 0, x, negative_slope * x)

    def gelu(x: Any, approximate: bool = True) -> Any:
        if approximate:
            return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
        return 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5)))

    attention = backend.dot_product_attention

    def dot_product_attention(query: Any, *others: Any, scale: float | None = None, **keywords: Any) -> Any:
        exact = tf.constant(query.shape[-1] ** -0.5 if scale is None else scale, tf.float64)
        return attention(query, *others, scale=exact, **keywords)

    cast = tf.cast

    def exact_cast(x: Any, dtype: Any, name: str | None = None) -> Any:
        is_number = isinstance(x, float) and tf.as_dtype(dtype) == tf.float64
        return tf.constant(x, tf.float64, name=name or "cast") if is_number else cast(x, dtype, name=name)

    exact = {"leaky_relu": leaky_relu, "gelu": gelu, "dot_product_attention": dot_product_attention}
    with calls.with_attributes(backend, exact), calls.with_attributes(tf, {"cast": exact_cast}):
        yield


@contextmanager
def wide_promotion() -> Iterator[None]:
    """Off TensorFlow Keras promotes float64 to float32 in many of its functions; let it keep float64."""
    dtypes: Any = importlib.import_module("keras.src.backend.common.dtypes")
    caches = [held for held in vars(dtypes).values() if hasattr(held, "cache_clear")]
    narrowed = dtypes.BIT64_TO_BIT32_DTYPE["float64"]
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    for held in caches:
        held.cache_clear()
    try:
        yield
    finally:
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = narrowed
        for held in caches:
            held.cache_clear()


@contextmanager
def wide_requests() -> Iterator[None]:
    """Let a port's own code that asks for float32 by name get float64, as the reference's does.

    Of a model of float32 ``ops.cast(mask, "float32")`` says nothing, and in float64 it would round, or not run at all.
    """
    import keras

    others = (sys.modules[name] for name in ("tensorflow", "jax.numpy") if name in sys.modules)
    with ExitStack() as stack:
        for owner in (keras.ops, keras.layers.Layer, *others):
            stack.enter_context(calls.with_attributes(owner, _widened(owner)))
        yield


_TAKES_A_TYPE = frozenset(
    {
        "add_weight",
        "arange",
        "array",
        "asarray",
        "cast",
        "constant",
        "convert_to_tensor",
        "cumprod",
        "cumsum",
        "empty",
        "empty_like",
        "eye",
        "full",
        "full_like",
        "geomspace",
        "identity",
        "linspace",
        "logspace",
        "multi_hot",
        "one_hot",
        "ones",
        "ones_like",
        "prod",
        "range",
        "tri",
        "zeros",
        "zeros_like",
    }
)


def _widened(owner: Any) -> Mapping[str, Callable[..., Any]]:
    """Functions that take a type, which is float64 where others than the frameworks ask for float32."""
    return {name: _asked(getattr(owner, name)) for name in _TAKES_A_TYPE & vars(owner).keys()}


def _asked(function: Callable[..., Any]) -> Callable[..., Any]:
    place = [*inspect.signature(function).parameters, "dtype"].index("dtype")

    @wraps(function)
    def asked(*arguments: Any, **keywords: Any) -> Any:
        if not _is_of_a_framework(sys._getframe(1).f_globals.get("__name__", "")):
            arguments = tuple(_wide(value) if at == place else value for at, value in enumerate(arguments))
            keywords = {name: _wide(value) if name == "dtype" else value for name, value in keywords.items()}
        return function(*arguments, **keywords)

    return asked


def _is_of_a_framework(module: str) -> bool:
    return module.partition(".")[0] in {"keras", "tensorflow", "jax"} and "autograph" not in module


def _wide(dtype: Any) -> Any:
    """A type, which is float64 where it is float32, however that is said."""
    is_narrow = dtype is not None and getattr(dtype, "name", getattr(dtype, "__name__", dtype)) == "float32"
    return "float64" if is_narrow else dtype


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what a port itself compiles (``@tf.function``) as it is written: compiled once, its layers run unheard."""
    module: Any = importlib.import_module("tensorflow.python.eager.polymorphic_function.polymorphic_function")
    original = module.Function.__call__

    def call(function: Any, *arguments: Any, **keywords: Any) -> Any:
        written = function.python_function
        if _is_of_a_framework(getattr(written, "__module__", "")) or written.__module__ == __name__:
            return original(function, *arguments, **keywords)
        return written(*arguments, **keywords)

    with calls.with_attributes(module.Function, {"__call__": call}):
        yield


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let Keras reuse what it compiles: the same operation by the same compiler, which takes a second each time.

    TensorFlow computes grouped convolutions on a CPU through XLA alone, and Keras makes a new function of each call.
    """
    backend = importlib.import_module("keras.src.backend.tensorflow.nn")
    original = backend.conv

    def conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Any:
        is_grouped = inputs.shape[-1] != kernel.shape[-2]
        if not is_grouped or backend.backend.standardize_data_format(data_format) != "channels_last":
            return original(inputs, kernel, strides, padding, data_format, dilation_rate)
        return _grouped(_hashable(strides), padding, _hashable(dilation_rate))(inputs, kernel)

    with calls.with_attributes(backend, {"conv": conv}):
        yield


def _hashable(sizes: Any) -> Any:
    return tuple(sizes) if isinstance(sizes, (tuple, list)) else sizes


@cache
def _grouped(strides: Any, padding: str, dilation_rate: Any) -> Callable[[Any, Any], Any]:
    import tensorflow as tf

    ends: Any = padding.upper()

    @tf.function(jit_compile=True, reduce_retracing=False)
    def convolution(inputs: Any, kernel: Any) -> Any:
        return tf.nn.convolution(inputs, kernel, strides, ends, dilations=dilation_rate)

    return lambda inputs, kernel: convolution(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))
