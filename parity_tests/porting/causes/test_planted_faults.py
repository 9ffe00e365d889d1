"""Faults that people make: each must fail the verdict, be located, and be named; right ports must not."""

from functools import cache

import pytest

from parity_tests.porting.causes.fault import write_checkpoint
from parity_tests.porting.causes.faults import FAULTS
from parity_tests.porting.causes.planted.right_ports import RIGHT
from porting import Status, convert

QUICK = (
    "strided convolution with same padding",
    "BatchNorm with Keras' epsilon",
    "softmax over the queries",
    "dropout left on",
    "LSTM gates in the order i f o g",
    "multipliers before channels",
    "LayerNorm with Keras' epsilon + GroupNorm with Keras' epsilon",
)
"""One of each kind of cause; the others are slow."""

QUICK_RIGHT = ("finta, folded", "classifier", "siamese")


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda name: write_checkpoint(name, folder))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAULTS]
)
def test_a_fault_is_caught_located_and_named(name, checkpoint_of, tmp_path):
    fault = FAULTS[name]
    report = fault.judge(checkpoint_of(fault.pair), tmp_path)
    assert report.verdict is Status.FAIL
    assert fault.is_located(report.divergences), report.divergences
    for finding in fault.expected:
        assert finding.is_named(report.divergences), report.divergences
        assert not finding.is_misnamed(report.divergences), report.divergences
    if not fault.expected:
        assert report.training.status is Status.FAIL


def test_the_quick_ones_are_faults():
    assert set(QUICK) <= set(FAULTS)


@pytest.mark.parametrize(
    "pair",
    [pytest.param(RIGHT[name], id=name, marks=() if name in QUICK_RIGHT else pytest.mark.slow) for name in RIGHT],
)
def test_a_right_port_has_no_divergence(pair, checkpoint_of, tmp_path):
    report = convert(checkpoint_of(pair.name), tmp_path / "port", pair=pair).report
    assert report.divergences == ()
    assert report.verdict is not Status.FAIL, report
