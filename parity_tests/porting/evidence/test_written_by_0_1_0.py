"""Whoever converted with version 0.1.0 goes on: its port loads, verifies and is exported as if written today."""

import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

import keras_model
from porting import export, verify
from porting.evidence.certificates import read_certificate
from porting.records.verdict import Status

ARCHIVE = Path(__file__).with_name("written_by_0_1_0") / "small.tar.xz"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written_by_0_1_0")
    shutil.unpack_archive(ARCHIVE, folder, filter="data")
    return folder / "small.keras"


def test_it_is_what_that_version_wrote(written):
    assert read_certificate(written.with_suffix(".certificate.json"))["versions"]["porting"] == "0.1.0"
    with zipfile.ZipFile(written) as parts:
        assert b"keras_model>TorchAdam" in parts.read("config.json")


@pytest.mark.parametrize("load", [keras.saving.load_model, keras_model.load_autoencoder])
def test_it_loads_with_its_optimiser(load, written):
    how = {"with_optimiser": True} if load is keras_model.load_autoencoder else {}
    loaded = load(written, **how)
    assert isinstance(loaded, keras_model.Autoencoder)
    assert isinstance(loaded.optimizer, keras_model.TorchAdam)
    assert int(loaded.optimizer.iterations) == 4
    weights = torch.load(written.with_suffix(".pt"), weights_only=True)["state_dict"]
    assert np.array_equal(loaded.get_layer("encoder").get_layer("fc1").bias, weights["fc1.bias"])


def test_it_verifies_against_its_golden_file_and_its_checkpoint(written):
    assert verify(written).verdict is Status.PASS
    assert verify(written, written.with_suffix(".pt")).verdict is Status.PASS


def test_it_is_exported_bit_for_bit_with_its_optimiser(written, tmp_path):
    original = torch.load(written.with_suffix(".pt"), weights_only=True)
    exported = torch.load(export(written, tmp_path / "back.pt", with_optimiser=True), weights_only=True)
    assert exported["state_dict"].keys() == original["state_dict"].keys()
    assert all(torch.equal(exported["state_dict"][name], value) for name, value in original["state_dict"].items())
    ours, theirs = exported["optimizer"], original["optimizer"]
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for number, held in theirs["state"].items():
        assert all(torch.equal(ours["state"][number][slot], value) for slot, value in held.items())
