"""Real environments that hold one backend and nothing else: ``pytest -m slow parity_tests/test_environments.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finta import shipped

REPOSITORY = Path(__file__).parents[2]

IMPORT = """
import importlib.util, sys
import numpy, keras_model
for name in ("torch", "typer", "einops", "safetensors", "dipy", "nibabel"):
    assert importlib.util.find_spec(name) is None, name
model = keras_model.load_autoencoder(sys.argv[1])
assert model.predict(numpy.zeros((2, 256, 3), "float32"), verbose=0).shape == (2, 256, 3)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("extra", "backend"), [("tensorflow-cpu", "tensorflow"), ("jax", "jax")])
def test_one_backend_is_enough_to_load_and_predict_and_with_the_commands_to_verify(extra, backend, tmp_path):
    def run(*command):
        environment = os.environ | {"KERAS_BACKEND": backend}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(extras):
        target = f"{REPOSITORY}[{extras}]"
        constraints = REPOSITORY / "constraints.txt"
        run(python, "-m", "pip", "install", "--quiet", "--editable", target, "--constraint", constraints)

    run(sys.executable, "-m", "venv", tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    install(extra)
    run(python, "-c", IMPORT, shipped.KERAS_CHECKPOINT)
    install(f"{extra},verify")
    assert "PASS: the port computes" in run(python, "-m", "porting", "verify", shipped.KERAS_CHECKPOINT)
