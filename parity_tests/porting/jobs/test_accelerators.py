"""TF32 is a setting of each framework; here only the settings can be seen, for want of a GPU."""

import sys

import keras
import pytest
import torch

from porting.jobs import accelerators

jax = pytest.importorskip("jax")
tensorflow = pytest.importorskip("tensorflow")


def settings():
    return (
        tensorflow.config.experimental.tensor_float_32_execution_enabled(),
        jax.config.jax_default_matmul_precision,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
    )


@pytest.fixture(autouse=True)
def kept_settings():
    before = settings()
    yield
    tensorflow.config.experimental.enable_tensor_float_32_execution(before[0])
    jax.config.update("jax_default_matmul_precision", before[1])
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before[2:]


@pytest.mark.parametrize(
    ("on", "expected"), [(True, (True, "tensorfloat32", True, True)), (False, (False, "float32", False, False))]
)
def test_tf32_is_set_in_all_frameworks(on, expected):
    accelerators.set_tf32(not on)
    accelerators.set_tf32(on)
    assert settings() == expected


def test_settings_are_restored_even_after_an_error():
    before = settings()
    with pytest.raises(ZeroDivisionError), accelerators.tf32(True):
        assert settings() == (True, "tensorfloat32", True, True)
        _ = 1 / 0
    assert settings() == before


def test_frameworks_that_are_not_loaded_stay_so(monkeypatch):
    for name in ("jax", "torch"):
        monkeypatch.delitem(sys.modules, name)
    accelerators.set_tf32(True)
    assert settings()[0] is True
    assert "jax" not in sys.modules
    assert "torch" not in sys.modules


def test_nothing_is_said_where_there_is_no_gpu():
    if not (tensorflow.config.list_physical_devices("GPU") or torch.cuda.is_available()):
        assert accelerators.describe() == {}


@pytest.mark.parametrize("on", [True, False])
def test_a_gpu_is_described_with_its_setting(on, monkeypatch):
    monkeypatch.setitem(accelerators._GPUS, keras.backend.backend(), lambda module: "NVIDIA H100")
    with accelerators.tf32(on):
        assert accelerators.describe() == {"GPU": "NVIDIA H100", "TF32": "on" if on else "off"}
