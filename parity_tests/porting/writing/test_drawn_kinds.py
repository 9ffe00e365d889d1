"""Kinds that drawn models found; each was refused, or its port failed, before it was mended."""

import pytest

import porting
from parity_tests.porting.writing.models import drawn_models
from porting.statuses import Status

KINDS = {
    "HeadsOfOneFeature": ["3,3"],
    "LooksLikeBias": ["4,4"],
    "CausalEncoder": ["4,6", "4:bool"],
    "AddedMask": ["4,6"],
    "OneKey": ["6,6"],
    "Composed": ["4,4"],
    "NormalisedHeads": ["3,5,6"],
    "Cells": ["2,6"],
    "ComputedWeights": ["4"],
    "CastInTraining": ["5:int99"],
    "DropsNothingFirst": ["4,6"],
    "Resized": ["4,4,4"],
    "FunctionalLayers": ["3,6,6"],
    "RoundedConstants": ["3,4"],
    "ReachesBeyondTaps": ["3,4,5"],
}
QUICK = {"FunctionalLayers", "LooksLikeBias", "NormalisedHeads", "Cells", "ReachesBeyondTaps"}


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]
)
def test_what_fell_short_once_passes(name, tmp_path):
    writing = porting.write(getattr(drawn_models, name), tmp_path / "net.py", inputs=KINDS[name])
    assert writing.report.verdict is Status.PASS


def test_values_that_are_used_twice_are_computed_once(tmp_path):
    writing = porting.write(drawn_models.AddedMask(), tmp_path / "net.py", inputs=["4,6"])
    assert writing.model.text.count("_value") == 1
