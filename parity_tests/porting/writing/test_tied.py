"""Layers that share a weight, and functions that are called with a layer's: what is written trains and comes back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import porting
from parity_tests.porting.writing.models import tied_models
from porting.statuses import Status
from porting.writing.refusals import WritingError
from porting.writing.trained import randomise

MODELS = {
    "Autoencoder": "7",
    "OwnBiases": "5",
    "Functions": "6",
    "Kernels": "4,6,8",
    "Others": "3,8",
    "OfATable": "6,4",
    "BehindAGate": "4",
}
SLOW = {"OwnBiases", "Kernels", "Others"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MODELS]
)
def test_what_shares_a_weight_passes(name, tmp_path):
    report = porting.write(getattr(tied_models, name), tmp_path / "net.py", inputs=[MODELS[name]]).report
    assert report.verdict is Status.PASS, report


def test_what_has_a_weight_of_its_own_stays_a_layer(tmp_path):
    text = porting.write(tied_models.OwnBiases, tmp_path / "net.py", inputs=["5"]).model.text
    said = ['Dense(5, name="first")', 'Dense(5, name="last")', 'Learned((5, 5), name="encode_weight")']
    assert [words in text for words in said] == [True] * 3
    assert text.count("Learned((5, 5)") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Autoencoder", "Kernels"])
def test_a_pair_that_shares_weights_is_verified_on_jax(name, tmp_path):
    torch.save(randomise(getattr(tied_models, name)()).state_dict(), tmp_path / "net.pt")
    given = {"inputs": [MODELS[name]], "checkpoint": tmp_path / "net.pt"}
    porting.write(f"{tied_models.__name__}:{name}", tmp_path / "net.py", **given)
    command = [sys.executable, "-m", "porting", "verify", "net.pt", "net.keras", "--pair", "net_pair:PAIR"]
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_norms_that_share_a_scale_are_refused_with_the_line_of_the_model(tmp_path):
    with pytest.raises(WritingError, match=r"give each layer its own\n +\S+tied_models\.py:\d+: return self\.other"):
        porting.write(tied_models.Norms, tmp_path / "net.py", inputs=["4"])
