"""The regression suite of the FINTA autoencoder, on shared HDF5 streamline batches.

By default on the shipped checkpoint and streamlines; on anybody's own with
``pytest parity_tests/test_finta.py --checkpoint my.pt --port my.keras --batches my.h5``.
"""

import numpy as np
import pytest
import torch

from finta.pair import FINTA
from keras_model import load_autoencoder
from porting import Status, assert_parity, verify
from porting.proof.runs import load_reference
from porting.records.parity import FLOAT64_LIMIT, RATIO_LIMIT
from porting.reference.files import read_checkpoint
from tractography.batches.batches import draw_balanced

ENCODER = [f"encod_conv{number}" for number in range(1, 7)] + ["fc1"]
LAYERS = [*ENCODER, "fc2", *(f"decod_conv{number}" for number in range(1, 7))]


@pytest.fixture(scope="module")
def report(checkpoint, port, batches):
    return verify(port, checkpoint, probe=batches)


@pytest.fixture(scope="module")
def rows(report):
    return {row.port: row for row in (*report.layers, *report.outputs)}


@pytest.fixture(scope="module")
def both_models(checkpoint, port):
    reference, *_ = load_reference(FINTA, read_checkpoint(checkpoint))
    return reference.eval(), load_autoencoder(port)


@pytest.fixture(scope="module")
def streamlines(batches):
    return draw_balanced(batches, 64).streamlines


@pytest.mark.slow
def test_parity_can_be_asserted(checkpoint, port, batches):
    assert_parity(port, checkpoint, probe=batches)


def test_verdict_is_pass_in_all_three_parts(report):
    assert report.verdict is Status.PASS, report
    assert [report.transfer.status, report.semantics.status, report.deployed.status] == [Status.PASS] * 3


def test_all_28_tensors_are_covered(report):
    assert len(report.plan.transfers) == 28


def test_layers_run_in_the_reference_order(report):
    assert [row.port for row in report.layers] == LAYERS
    assert [row.reference.removesuffix(".1") for row in report.layers] == LAYERS


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_input_agrees_in_float64(rows, layer):
    assert rows[layer].float64_input_error <= FLOAT64_LIMIT


@pytest.mark.parametrize("layer", [*LAYERS, "reconstruction"])
def test_layer_output_agrees_in_float64(rows, layer):
    assert rows[layer].float64_output_error <= FLOAT64_LIMIT


@pytest.mark.parametrize("layer", [*LAYERS, "reconstruction"])
def test_layer_rounds_as_finely_as_the_reference_in_float32(rows, layer):
    assert rows[layer].float32_ratio <= RATIO_LIMIT


def test_worst_float64_error_is_below_1e_13(report):
    errors = [row.float64_output_error for row in (*report.layers, *report.outputs)]
    errors += [row.float64_input_error for row in report.layers]
    assert max(errors) <= 1e-13


def test_latent_codes_agree(both_models, streamlines):
    reference, port = both_models
    with torch.no_grad():
        expected = reference.encode(torch.from_numpy(streamlines).transpose(1, 2)).numpy()
    latent_codes = np.asarray(port.encoder.predict_on_batch(streamlines))
    assert np.abs(latent_codes - expected).max() <= 1e-5 * np.abs(expected).max()


def test_reconstructions_agree_to_a_ten_thousandth_of_a_millimetre(both_models, streamlines):
    reference, port = both_models
    with torch.no_grad():
        expected = reference(torch.from_numpy(streamlines).transpose(1, 2)).transpose(1, 2).numpy()
    distances = np.linalg.norm(np.asarray(port.predict_on_batch(streamlines)) - expected, axis=-1)
    assert distances.max() <= 1e-3
    assert distances.mean() <= 1e-4


def test_decoding_the_latent_codes_is_the_whole_model(both_models, streamlines):
    _, port = both_models
    in_two_steps = port.decoder.predict_on_batch(port.encoder.predict_on_batch(streamlines))
    assert np.array_equal(np.asarray(in_two_steps), np.asarray(port.predict_on_batch(streamlines)))
