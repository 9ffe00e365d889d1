"""A plan is derived from a checkpoint and a pair, as the command derives it, and nothing is written."""

import pytest

import porting
from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved


@pytest.mark.parametrize("pair", [zoo.CLASSIFIER, zoo.TRANSFORMER], ids=lambda pair: pair.name)
def test_the_plan_of_a_checkpoint_is_the_one_that_it_is_converted_by(pair, tmp_path):
    checkpoint = saved(pair.reference(), tmp_path)
    plan = porting.derive_plan(checkpoint, pair=pair)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]
    report = porting.convert(checkpoint, tmp_path / "port", pair=pair).report
    assert plan.as_json() == report.plan.as_json()


def test_a_plan_is_derived_step_by_step_for_a_pair_by_name(small_checkpoint):
    told = []
    plan = porting.derive_plan(small_checkpoint, on_step=told.append)
    assert told == ["loading PyTorch", "loading Keras", "reading the checkpoint", "tracing both models"]
    assert len(plan.transfers) == 28
