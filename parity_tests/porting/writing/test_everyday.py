"""Everyday torch is written and passes, or is refused in a sentence that is true."""

import numpy as np
import pytest
import torch
from torch import nn

import porting
from parity_tests.porting.writing.models import everyday
from porting.reference.gradients import unseen_values
from porting.statuses import Status
from porting.writing.refusals import WritingError
from porting.writing.trained import randomise

WRITTEN = {
    "FrozenBackbone": ["4"],
    "StateOfZeros": ["5,4"],
    "TwoViews": ["4", "4"],
    "DropsConstants": ["5,4"],
    "Resizes": ["3,9,10"],
    "StridesWithDilation": ["4,11,12"],
    "TransformsImages": ["3,6,7"],
    "TiedDecoder": ["5:int11", "6:int11"],
    "OneKernelTwoWays": ["3,6,6"],
    "Siamese": ["4", "4"],
    "LastLayerIdle": ["5:int11"],
    "GraphAttention": ["5,4"],
    "PoolsVectors": ["4,6"],
    "Strides": ["4,9,9"],
    "KnowsThatItIsCompiled": ["4"],
    "NamesWhatItNests": ["4"],
    "RemembersItsBias": ["4"],
}
REFUSED = {
    "HalfPrecision": (["4"], r"everyday\.py:\d+ computes in half precision"),
    "CountsSamples": (["4"], "computes with the number of samples"),
    "TableByNumpy": (["12,4"], "96 numbers that follow no rule, .*: compute them by torch's functions"),
    "Draws": (["4"], "draws random numbers in evaluation"),
    "ReadsNumbers": (["4"], "how many elements are taken depends on the values"),
    "Broken": (["4"], r"does not run in PyTorch: .*KeyError: 'width' \(.*everyday\.py, line \d+\)"),
}
SLOW = {"Strides", "Resizes", "StridesWithDilation", "TransformsImages"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in WRITTEN]
)
def test_what_is_written_every_day_passes(name, tmp_path):
    report = porting.write(getattr(everyday, name), tmp_path / "net.py", inputs=WRITTEN[name]).report
    assert report.verdict is Status.PASS, report


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused_with_its_reason(name, tmp_path):
    inputs, words = REFUSED[name]
    with pytest.raises(WritingError, match=words):
        porting.write(getattr(everyday, name), tmp_path / "net.py", inputs=inputs)


def test_the_number_of_samples_is_found_wherever_it_is_computed_with(tmp_path):
    with pytest.raises(WritingError) as refused:
        porting.write(everyday.CountsSamples, tmp_path / "net.py", inputs=["4"])
    assert [word in str(refused.value) for word in ("aten.div  1 x", "aten.mul  1 x", "aten.matmul  1 x")] == [True] * 3


def test_values_behind_which_gradients_end_can_be_seen():
    model, x = everyday.FrozenBackbone().double(), np.random.default_rng(0).standard_normal((4, 4))
    assert not unseen_values(model, [x])["backbone.weight"].any()


def test_tensors_without_numbers_are_left_as_they_are():
    held = randomise(nn.ParameterList([torch.empty(0, 3), torch.zeros(2, 3)]))
    assert [bool(tensor.any()) for tensor in held.parameters()] == [False, True]
