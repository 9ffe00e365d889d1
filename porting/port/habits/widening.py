"""float64 that becomes float32: by Keras' promotion off TensorFlow, and where a port's own code asks for it by name."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from porting import calls


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
    from keras.config import floatx

    place = [*inspect.signature(function).parameters, "dtype"].index("dtype")

    def is_wide() -> bool:
        return floatx() == "float64"  # a twin in float32 may be built meanwhile

    @wraps(function)
    def asked(*arguments: Any, **keywords: Any) -> Any:
        if is_wide() and not is_of_a_framework(sys._getframe(1).f_globals.get("__name__", "")):
            arguments = tuple(_wide(value) if at == place else value for at, value in enumerate(arguments))
            keywords = {name: _wide(value) if name == "dtype" else value for name, value in keywords.items()}
        return function(*arguments, **keywords)

    return asked


def is_of_a_framework(module: str) -> bool:
    """Whether a module, by its name, is one of Keras, its backends or this project, and not a port's own code."""
    return module.partition(".")[0] in {"keras", "tensorflow", "jax", "porting"} and "autograph" not in module


def _wide(dtype: Any) -> Any:
    """A type, which is float64 where it is float32, however that is said."""
    is_narrow = dtype is not None and getattr(dtype, "name", getattr(dtype, "__name__", dtype)) == "float32"
    return "float64" if is_narrow else dtype
