"""Faults that people make: each must fail the verdict and be located."""

from dataclasses import replace

import numpy as np
import pytest

import keras_model
from finta.pair import FINTA
from parity_tests.faults import FAULTS
from porting import Status, convert, verify


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_wrong_graph_is_caught_and_located(fault, small_checkpoint, tmp_path):
    report = convert(small_checkpoint, tmp_path / "port", pair=replace(FINTA, port=fault.build)).report
    assert report.verdict is Status.FAIL
    assert report.semantics.status is Status.FAIL
    assert (report.first_divergence.where, report.first_divergence.reference) == (fault.where, fault.reference)


WRONG_AXES = {
    "encod_conv1.1.weight": "filter channel tap -> channel tap filter",
    "decod_conv6.1.weight": "filter channel tap -> filter channel tap",
}


@pytest.mark.parametrize(("tensor", "pattern"), WRONG_AXES.items())
def test_a_wrong_transposition_that_fits_is_caught_inside_its_layer(tensor, pattern, small_checkpoint, tmp_path):
    pair = replace(FINTA, axes={tensor: pattern})
    report = convert(small_checkpoint, tmp_path / "port", pair=pair).report
    assert report.transfer.status is Status.PASS, "a round trip is blind to it"
    assert report.semantics.status is Status.FAIL
    assert (report.first_divergence.where, report.first_divergence.reference) == (
        "inside",
        tensor.removesuffix(".weight"),
    )


WEIGHT_FAULTS = {
    "kernel reversed along its taps": (
        lambda layer: layer.kernel.assign(np.asarray(layer.kernel)[::-1]),
        "encod_conv4",
    ),
    "bias left out": (lambda layer: layer.bias.assign(np.zeros(layer.bias.shape)), "encod_conv5"),
    "layer left at its initialisation": (
        lambda layer: layer.kernel.assign(np.full(layer.kernel.shape, 1e-3)),
        "decod_conv4",
    ),
    "kernel through half precision": (
        lambda layer: layer.kernel.assign(np.asarray(layer.kernel).astype(np.float16).astype(np.float32)),
        "fc2",
    ),
}


@pytest.mark.parametrize(("plant", "name"), WEIGHT_FAULTS.values(), ids=WEIGHT_FAULTS)
def test_wrong_weights_are_caught_by_name_and_located(plant, name, small_checkpoint, small_port, tmp_path):
    model = keras_model.load_autoencoder(small_port)
    plant({layer.name: layer for part in (model.encoder, model.decoder) for layer in part.layers}[name])
    model.save(tmp_path / "wrong.keras")
    report = verify(tmp_path / "wrong.keras", small_checkpoint)
    assert report.transfer.status is Status.FAIL
    assert f"{name}." in " ".join(report.transfer.lines)
    assert (report.first_divergence.where, report.first_divergence.port) == ("inside", name)


def test_the_right_port_has_no_divergence(small_checkpoint, small_port):
    assert verify(small_port, small_checkpoint).first_divergence is None
