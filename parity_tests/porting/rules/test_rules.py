"""Every row of the table: it inverts exactly, one layer agrees in float64, a wrong setting is refused."""

import re

import numpy as np
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.rules import (
    activations,
    cells,
    convolutions,
    linear,
    normalisations,
    parameters,
    recurrences,
)
from parity_tests.porting.rules.cases import Case, plan_of, traced, traced_plan
from porting.errors import AxisSizeError, CoverageError, LayerCountError
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.proof.transfer import move_weights, weights_back
from porting.records import parity
from porting.reference import side as torch_side
from porting.reference.tensors.sums import sum_up
from porting.rules.table import LAYER_RULES

CASES = {
    **linear.CASES,
    **convolutions.CASES,
    **normalisations.CASES,
    **recurrences.CASES,
    **activations.CASES,
    **cells.CASES,
    **parameters.CASES,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_row_inverts_exactly_and_one_layer_agrees_in_float64(case):
    reference, model, ours, theirs = traced(case, case.port)
    plan = plan_of(ours, theirs)
    assert plan.setting_differences == ()
    assert plan.settings_not_judged == ()
    state_dict = torch_side.arrays(reference)
    state_dict |= sum_up(state_dict, reference)
    move_weights(plan, state_dict, model)
    for name, array in weights_back(plan, keras_side.weight_getter(model)):
        assert np.array_equal(array, state_dict[name]), name
    with keras_side.precision("float64"):
        (call,) = parity.paired_calls(ours, keras_runs.trace(model, [case.inputs()[1]]), plan)
    assert call.output.deviation().relative_error <= 1e-14
    if "causal" not in model.layers[-1].get_config().values():
        assert call.input.deviation().relative_error == 0


@pytest.mark.parametrize(
    ("case", "wrong", "words"), [(case, *wrong) for case in CASES.values() for wrong in case.wrong]
)
def test_wrong_setting_is_named(case, wrong, words):
    _, _, ours, theirs = traced(case, wrong)
    plan = plan_of(ours, theirs)
    assert re.search(words, "\n".join((*plan.setting_differences, *plan.training_differences)))


def test_every_row_is_tested():
    plans = (traced_plan(case) for case in CASES.values())
    tested = {(pair.rule.reference, pair.rule.port) for plan in plans for pair in plan.pairs}
    assert tested == {(rule.reference, rule.port) for rule in LAYER_RULES}


def test_a_grouped_convolution_is_not_taken_for_a_depthwise_one():
    case = Case(nn.Conv1d(4, 4, 3, groups=2), layers.DepthwiseConv1D(3), (2, 4, 9))
    with pytest.raises(AxisSizeError, match="unit axis differs"):
        traced_plan(case)


def test_a_bias_on_one_side_only_is_refused():
    with pytest.raises(CoverageError, match=r"keras .*dense.*bias.* would get no values"):
        traced_plan(Case(nn.Linear(6, 4, bias=False), layers.Dense(4, name="dense"), (3, 6), [], False))
    with pytest.raises(CoverageError, match=r"torch .*0.bias.* would stay behind"):
        traced_plan(Case(nn.Linear(6, 4), layers.Dense(4, use_bias=False), (3, 6), [], False))


def recurrent_case(reference, port):
    return Case(reference, port, (5, 5, 6), [], False)


def test_a_gru_that_resets_before_its_product_differs_in_the_setting_alone():
    plan = traced_plan(recurrent_case(nn.GRU(6, 4, batch_first=True), layers.GRU(4, reset_after=False)))
    (difference,) = plan.setting_differences
    assert "reset_after=False in Keras, must be True" in difference
    assert plan.transfers[-1].is_sum


def test_a_projection_of_the_state_is_refused_with_the_setting():
    reference = nn.LSTM(6, 4, batch_first=True, proj_size=2)
    with pytest.raises((CoverageError, AxisSizeError), match="proj_size=2 in torch, must be 0"):
        traced_plan(recurrent_case(reference, layers.LSTM(4, return_sequences=True)))


@pytest.mark.parametrize("settings", [{"num_layers": 2}, {"bidirectional": True}])
def test_layers_and_directions_of_a_recurrent_layer_are_counted_and_named(settings):
    reference = nn.LSTM(6, 4, batch_first=True, **settings)
    second = "0.l1" if "num_layers" in settings else "0.l0_reverse"
    with pytest.raises(LayerCountError, match=rf"torch {second} \(LSTM\) +keras nothing"):
        traced_plan(recurrent_case(reference, layers.LSTM(4, return_sequences=True)))


def test_a_layer_that_runs_backwards_on_one_side_only_is_named():
    backwards = layers.LSTM(4, go_backwards=True, return_sequences=True)
    plan = traced_plan(recurrent_case(nn.LSTM(6, 4), backwards))
    assert "go_backwards=True in Keras, must be False" in plan.setting_differences[0]


def test_time_before_samples_is_compared_with_the_samples_first():
    _, _, ours, _ = traced(
        Case(nn.LSTM(6, 4), layers.LSTM(4, return_sequences=True), (7, 5, 6), [], False), layers.LSTM(4)
    )
    assert ours.calls[0].input.shape == (5, 7, 6)
