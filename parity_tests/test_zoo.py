"""Pairs of other people's models go the same way as FINTA: convert, reload, verify, export."""

import numpy as np
import pytest
import torch

from parity_tests import zoo
from porting import Status, convert, export, verify


@pytest.fixture(params=zoo.PAIRS, ids=lambda pair: pair.name)
def converted(request, tmp_path):
    pair = request.param
    reference = zoo.randomise(pair.reference())
    torch.save(reference.state_dict(), tmp_path / "model.pt")
    formats = ("keras", "weights.h5", "safetensors")
    return pair, reference, convert(tmp_path / "model.pt", tmp_path / "port", pair=pair, formats=formats)


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
    for name, tensor in reference.state_dict().items():
        assert torch.equal(exported[name], tensor), name


def test_a_layer_that_runs_twice_is_compared_call_by_call_and_moved_once(tmp_path):
    torch.save(zoo.randomise(zoo.Siamese()).state_dict(), tmp_path / "model.pt")
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.SIAMESE).report
    assert [row.reference for row in report.layers].count("encoder (call 2)") == 1
    assert len([transfer for transfer in report.plan.transfers if transfer.reference.startswith("encoder.")]) == 2
    assert [row.landmark for row in report.outputs] == ["left", "difference"]


def test_batch_norm_counter_has_no_twin_and_is_said_so(tmp_path):
    torch.save(zoo.randomise(zoo.Classifier()).state_dict(), tmp_path / "model.pt")
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.CLASSIFIER).report
    assert report.plan.without_twin == ("norm1.num_batches_tracked", "norm2.num_batches_tracked")


def test_random_inputs_are_the_same_every_time():
    probes = [zoo.draw_tokens({}, None, 5) for _ in range(2)]
    assert probes[0].sha256() == probes[1].sha256()
    assert all(np.array_equal(*arrays) for arrays in zip(*(probe.arrays for probe in probes), strict=True))
