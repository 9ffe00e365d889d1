"""Functions of which TensorFlow keeps constants in float32."""

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
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
