"""The same port on every backend of Keras, each in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from porting.keras_side import BACKENDS
from porting.parity import RATIO_LIMIT


@pytest.fixture(scope="module", params=BACKENDS)
def verified(request, checkpoint, port, batches, tmp_path_factory):
    report = tmp_path_factory.mktemp("reports") / "report.json"
    command = [sys.executable, "-m", "porting", "verify", checkpoint, port, "--probe", batches, "--json", report]
    environment = os.environ | {"KERAS_BACKEND": request.param}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return request.param, done, json.loads(report.read_text())


def test_float32_rounds_as_finely_as_the_reference(verified):
    backend, _, report = verified
    assert report["versions"]["backend"] == backend
    assert report["transfer"] == report["deployed"] == "PASS"
    assert max(row["float32_ratio"] for row in (*report["layers"], *report["outputs"])) <= RATIO_LIMIT


def test_float64_is_proven_where_the_backend_can_and_not_claimed_where_it_cannot(verified):
    backend, done, report = verified
    if backend == "torch":
        assert (report["semantics"], report["verdict"], done.returncode) == ("NOT CHECKED", "NOT CHECKED", 3)
        assert "float64 Dense in float32" in report["details"]["semantics"][0]
    else:
        assert (report["semantics"], report["verdict"], done.returncode) == ("PASS", "PASS", 0)
        assert max(row["float64_output_error"] for row in report["layers"]) <= 1e-13


CUSTOM_LAYERS = """
import numpy, torch, keras_model
x = numpy.random.default_rng(0).standard_normal((4, 9, 5)).astype("float32")
def in_torch(layer): return layer(torch.from_numpy(x).transpose(1, 2)).transpose(1, 2).numpy()
def in_keras(layer): return layer.get_config() and numpy.asarray(keras_model.layers.ops.convert_to_numpy(layer(x)))
up = torch.nn.Upsample(scale_factor=2, mode="linear", align_corners=False)
assert numpy.array_equal(in_keras(keras_model.ReflectionPadding1D(2)), in_torch(torch.nn.ReflectionPad1d(2)))
assert numpy.allclose(in_keras(keras_model.LinearUpsampling1D()), in_torch(up), rtol=1e-6, atol=1e-6)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_two_custom_layers_equal_torch(backend):
    command = [sys.executable, "-c", CUSTOM_LAYERS]
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
