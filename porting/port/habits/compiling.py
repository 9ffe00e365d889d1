"""What is compiled on TensorFlow: a port's own code, and grouped convolutions, which Keras compiles at each call."""

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from porting import calls
from porting.port.habits.widening import is_of_a_framework


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what a port itself compiles (``@tf.function``) as it is written: compiled once, its layers run unheard."""
    compiled: Any = importlib.import_module("tensorflow.python.eager.polymorphic_function.polymorphic_function")
    original = compiled.Function.__call__

    def call(function: Any, *arguments: Any, **keywords: Any) -> Any:
        written = function.python_function
        module = getattr(written, "__module__", None) or ""
        if not module or is_of_a_framework(module):
            return original(function, *arguments, **keywords)
        return written(*arguments, **keywords)

    with calls.with_attributes(compiled.Function, {"__call__": call}):
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

    with calls.with_attributes(backend, {"conv": conv}), _no_word_of_retracing():
        yield


@contextmanager
def _no_word_of_retracing() -> Iterator[None]:
    """TensorFlow warns a user of what is compiled for many sizes, which here is meant."""
    logger = logging.getLogger("tensorflow")

    def is_wanted(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in str(record.msg)

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)


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
