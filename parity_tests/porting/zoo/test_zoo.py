"""Pairs of other people's models go the same way as FINTA: convert, reload, verify, export."""

import numpy as np
import pytest
import torch

from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.sequences import draw_tokens
from parity_tests.porting.zoo.weights import saved
from porting import Status, convert, export, verify
from porting.reference.tensors.sums import sum_up

QUICK = (zoo.CLASSIFIER, zoo.SIAMESE)
"""With several inputs, outputs and calls; the others are slow."""


def _marked(pair):
    return pytest.param(pair, id=pair.name, marks=() if pair in QUICK else pytest.mark.slow)


@pytest.fixture(scope="module", params=[_marked(pair) for pair in zoo.PAIRS])
def converted(request, tmp_path_factory):
    pair, folder = request.param, tmp_path_factory.mktemp("converted")
    reference = pair.reference()
    formats = ("keras", "weights.h5", "safetensors")
    return pair, reference, convert(saved(reference, folder), folder / "port", pair=pair, formats=formats)


def test_conversion_passes_and_golden_replay_passes(converted):
    pair, _, conversion = converted
    assert conversion.report.verdict is Status.PASS, conversion.report
    for path in conversion.files:
        if path.suffix in (".keras", ".safetensors") or path.name.endswith(".weights.h5"):
            assert verify(path, pair=pair).verdict is Status.PASS


def test_export_gives_the_state_dict_back(converted, tmp_path):
    pair, reference, conversion = converted
    port = next(path for path in conversion.files if path.suffix == ".keras")
    exported = torch.load(export(port, tmp_path / "back.pt", pair=pair), weights_only=True)["state_dict"]
    assert list(exported) == list(reference.state_dict())
    state_dict = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    for name, array in {**state_dict, **sum_up(state_dict, reference)}.items():
        assert np.array_equal(exported[name].numpy(), array), name


def test_a_layer_that_runs_twice_is_compared_call_by_call_and_moved_once(tmp_path):
    report = convert(saved(zoo.SIAMESE.reference(), tmp_path), tmp_path / "port", pair=zoo.SIAMESE).report
    assert [row.reference for row in report.layers].count("encoder (call 2)") == 1
    assert len([transfer for transfer in report.plan.transfers if transfer.reference.startswith("encoder.")]) == 2
    assert [row.landmark for row in report.outputs] == ["left", "difference"]


def test_batch_norm_counter_has_no_twin_and_is_said_so(tmp_path):
    report = convert(saved(zoo.CLASSIFIER.reference(), tmp_path), tmp_path / "port", pair=zoo.CLASSIFIER).report
    assert report.plan.without_twin == ("norm1.num_batches_tracked", "norm2.num_batches_tracked")


def test_random_inputs_are_the_same_every_time():
    probes = [draw_tokens({}, None, 5) for _ in range(2)]
    assert probes[0].sha256() == probes[1].sha256()
    assert all(np.array_equal(*arrays) for arrays in zip(*(probe.arrays for probe in probes), strict=True))
