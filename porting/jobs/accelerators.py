"""What a GPU changes: TF32 multiplies float32 numbers with 10 bits after the point instead of 23."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_FRAMEWORKS = ("tensorflow", "jax", "torch")


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Multiply float32 with or without TF32 in the frameworks that are loaded, and leave them as they were."""
    before = {name: _STATES[name][0](module) for name, module in _loaded().items()}
    set_tf32(on)
    try:
        yield
    finally:
        for name, state in before.items():
            _STATES[name][1](sys.modules[name], state)


def set_tf32(on: bool) -> None:
    """Let GPUs multiply float32 by TF32, or not, in every framework that is loaded; others are left unloaded."""
    for name, module in _loaded().items():
        _STATES[name][1](module, _WANTED[name][on])


def describe() -> dict[str, str]:
    """Name the GPU that Keras' backend computes on, and whether TF32 is on; empty where there is none."""
    import keras

    name = keras.backend.backend()
    module = _loaded().get(name)
    gpu = _GPUS[name](module) if module else ""
    return {"GPU": gpu, "TF32": "on" if _STATES[name][0](module) == _WANTED[name][True] else "off"} if gpu else {}


def _loaded() -> dict[str, Any]:
    return {name: sys.modules[name] for name in _FRAMEWORKS if name in sys.modules}


def _tensorflow_state(tensorflow: Any) -> bool:
    return tensorflow.config.experimental.tensor_float_32_execution_enabled()


def _set_tensorflow(tensorflow: Any, on: bool) -> None:
    tensorflow.config.experimental.enable_tensor_float_32_execution(on)


def _tensorflow_gpu(tensorflow: Any) -> str:
    for device in tensorflow.config.list_physical_devices("GPU"):
        return tensorflow.config.experimental.get_device_details(device).get("device_name", device.name)
    return ""


def _jax_state(jax: Any) -> str | None:
    return jax.config.jax_default_matmul_precision


def _set_jax(jax: Any, precision: str | None) -> None:
    jax.config.update("jax_default_matmul_precision", precision)


def _jax_gpu(jax: Any) -> str:
    return next((device.device_kind for device in jax.devices() if device.platform == "gpu"), "")


def _torch_state(torch: Any) -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def _set_torch(torch: Any, on: tuple[bool, bool]) -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = on


def _torch_gpu(torch: Any) -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


_STATES = {
    "tensorflow": (_tensorflow_state, _set_tensorflow),
    "jax": (_jax_state, _set_jax),
    "torch": (_torch_state, _set_torch),
}
"""Framework -> how its setting is read, and how it is set."""

_WANTED = {
    "tensorflow": {True: True, False: False},
    "jax": {True: "tensorfloat32", False: "float32"},
    "torch": {True: (True, True), False: (False, False)},
}
"""Framework -> what the setting is with TF32 and without."""

_GPUS = {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}
