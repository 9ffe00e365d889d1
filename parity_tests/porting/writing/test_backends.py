"""What is written runs on each of Keras' backends, from one file, and computes what torch computes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import porting
from parity_tests.porting.writing.models import backends
from porting.statuses import Status

MODELS = {"Positions": "6:int11", "Ramps": "4", "Enlarged": "3,7,8", "Runs": "1"}
RUN = """
import importlib, sys
import numpy as np
for name in sys.argv[1:]:
    model = importlib.import_module(name).build()
    model.load_weights(f"{name}.keras")
    np.save(f"{name}.found.npy", model.predict(np.load(f"{name}.given.npy"), verbose=0))
"""


def channels_last(array):
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with ports, what they are given, and what they should compute."""
    folder = tmp_path_factory.mktemp("written")
    for name, said in MODELS.items():
        torch.manual_seed(0)
        kind, checkpoint = getattr(backends, name), folder / f"{name}.pt"
        torch.save(kind().state_dict(), checkpoint)
        report = porting.write(kind, folder / f"{name}.py", inputs=[said], checkpoint=checkpoint).report
        assert report.verdict is Status.PASS, report
        model = kind()
        model.load_state_dict(torch.load(checkpoint))
        sizes = [int(size) for size in said.partition(":")[0].split(",")]
        given = torch.randint(0, 11, (3, *sizes)) if ":" in said else torch.randn(3, *sizes)
        np.save(folder / f"{name}.given.npy", channels_last(given.numpy()))
        np.save(folder / f"{name}.wanted.npy", channels_last(model(given).detach().numpy()))
    return folder


@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_written_port_runs_on_every_backend(backend, written):
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *MODELS], cwd=written, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in MODELS:
        found, wanted = (np.load(written / f"{name}.{kind}.npy") for kind in ("found", "wanted"))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_port_of_tokens_and_numbers_passes_on_jax(tmp_path):
    torch.manual_seed(0)
    torch.save(backends.Conditioned().state_dict(), tmp_path / "net.pt")
    given = {"inputs": ["1:int11", "3"], "checkpoint": tmp_path / "net.pt"}
    porting.write(f"{backends.__name__}:Conditioned", tmp_path / "net.py", **given)
    command = [sys.executable, "-m", "porting", "verify", "net.pt", "net.keras", "--pair", "net_pair:PAIR"]
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
