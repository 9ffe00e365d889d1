"""What of a Keras model does not compute in the precision that was asked for, and constants that can be made to."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.side import array_of, call, cast, precision, uninitialised

if TYPE_CHECKING:
    import keras


def narrowed(model: "keras.Model", inputs: Sequence[np.ndarray]) -> tuple[str, ...]:
    """Layers that compute in float32 though float64 is in force, by type and path: TensorFlow's cubic resize does.

    They return float32, or numbers that all fit in float32 where those that they are given do not.
    """
    found: dict[str, None] = {}

    def heard(layer: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **keywords: Any) -> Any:
            output = original(*arguments, **keywords)
            given = list(_floating((arguments, keywords)))
            if any(map(_is_wide, given)) and any(
                _is_narrow(made) and not _picks(made, given) for made in _floating(output)
            ):
                found[f"{type(layer).__name__} ({layer.path})"] = None
            return output

        return run

    simple = [layer for layer in model._flatten_layers(include_self=False) if not layer._layers and not layer.weights]
    with calls.with_methods("call", [(layer, heard(layer, layer.call)) for layer in simple]):
        call(model, [_irregular(array) for array in cast(inputs)])
    return tuple(found)


def _irregular(array: np.ndarray) -> np.ndarray:
    """Numbers that float32 does not have, in the place of those that it has."""
    return array * (1 + 2.0**-40) if array.dtype == np.float64 else array


def _floating(tensors: Any) -> Iterator[np.ndarray]:
    """The floating tensors in whatever a layer takes or returns."""
    import keras

    for tensor in keras.tree.flatten(tensors):
        if hasattr(tensor, "dtype") and "float" in keras.backend.standardize_dtype(tensor.dtype):
            yield array_of(tensor)


def _is_wide(array: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):  # what no float32 can hold is wide, too
        return array.dtype == np.float64 and bool((array != array.astype(np.float32)).any())


def _is_narrow(array: np.ndarray) -> bool:
    """Whether numbers come from float32: fractions that it has, all of them."""
    return bool(array.size) and not _is_wide(array) and bool((array != np.round(array)).any())


def _picks(made: np.ndarray, given: Sequence[np.ndarray]) -> bool:
    """Whether numbers are some of what was given, which float32 has: weights, of which a layer takes a part."""
    narrow = [array for array in given if not _is_wide(array)]
    return made.dtype == np.float64 and any(np.isin(made, array).all() for array in narrow)


def coarse_precision(model: "keras.Model") -> str:
    """The precision below float32 that some layer computes in, float16 or bfloat16; empty where none does."""
    dtypes = {layer.compute_dtype for layer in model._flatten_layers()}
    return next((dtype for dtype in ("float16", "bfloat16") if dtype in dtypes), "")


def widen_constants(config: dict[str, Any], build: Callable[[], Any], dtype: str) -> None:
    """Let the float32 constants in the graph of a ``.keras`` file be what its builder computes in another precision.

    They are left as they are unless it computes them in float32 exactly as the file has them: only then the file is of
    this builder, and what rounding does to them says nothing about it.
    """
    held = list(_constants_in(config))
    if not held:
        return
    narrow, wide = (_built(build, name) for name in ("float32", dtype))
    if len(wide) == len(held) and [found["value"] for found in held] == [found["value"] for found in narrow]:
        for constant, found in zip(held, wide, strict=True):
            constant["value"] = found["value"]


def _built(build: Callable[[], Any], dtype: str) -> list[dict[str, Any]]:
    import keras

    with precision(dtype), uninitialised():
        return list(_constants_in(keras.saving.serialize_keras_object(build())))


def _constants_in(config: Any) -> Iterator[dict[str, Any]]:
    """The floating tensors in a configuration, in its order."""
    if isinstance(config, (list, tuple)):
        for item in config:
            yield from _constants_in(item)
    elif isinstance(config, dict):
        if config.get("class_name") == "__tensor__":
            if str(config["config"].get("dtype", "")).startswith("float"):
                yield config["config"]
        else:
            for item in config.values():
                yield from _constants_in(item)
