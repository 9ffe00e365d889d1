from dataclasses import replace

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from porting import ModelPair
from porting.errors import AxisSizeError, CoverageError, LayerCountError, MissingRuleError, PairError
from porting.plans.mapper import plan_from_traces
from porting.port import runs as keras_runs
from porting.reference import runs as torch_runs
from porting.rules.rule import LayerRule
from porting.rules.table import find_rule

POINTS = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)


def plan_of_models(reference, port, inputs, **fields):
    pair = ModelPair(name="own", reference=lambda: reference, port=lambda: port, **fields)
    ours = torch_runs.trace(reference, [inputs], pair.whole_kinds())
    return plan_from_traces(pair, ours, keras_runs.trace(port, [inputs], pair.whole_port_kinds()))


def plan_of(reference, *port_layers, **fields):
    return plan_of_models(reference, keras.Sequential([keras.Input((6,)), *port_layers]), POINTS, **fields)


class OutOfOrder(nn.Module):
    """Two layers of equal shape; the module lists the second one first."""

    def __init__(self):
        super().__init__()
        self.second = nn.Linear(6, 6)
        self.first = nn.Linear(6, 6)

    def forward(self, points):
        return self.second(torch.relu(self.first(points)))


def test_layers_pair_in_the_order_they_ran_whatever_they_are_called():
    plan = plan_of(OutOfOrder(), layers.Dense(6, name="second"), layers.ReLU(), layers.Dense(6, name="first"))
    assert [(pair.reference, pair.port) for pair in plan.pairs] == [("first", "second"), ("second", "first")]


def test_matches_override_the_order():
    port = layers.Dense(6, name="a"), layers.Dense(6, name="b")
    plan = plan_of(OutOfOrder(), *port, matches={"first": "b"})
    assert [(pair.reference, pair.port) for pair in plan.pairs] == [("first", "b"), ("second", "a")]


def test_axes_override_a_rows_pattern():
    plan = plan_of(nn.Linear(6, 6), layers.Dense(6), axes={"weight": "feature unit -> feature unit"})
    assert plan.transfers[0].pattern == "feature unit -> feature unit"


def test_another_number_of_layers_is_refused_with_both_lists_side_by_side():
    with pytest.raises(LayerCountError) as refusal:
        plan_of(OutOfOrder(), layers.Dense(6, name="only"))
    assert "ran 2 layers with weights, the port 1" in str(refusal.value)
    assert "torch second (Linear)" in str(refusal.value)
    assert "keras nothing" in str(refusal.value)


def test_layer_types_without_a_row_are_refused_all_at_once():
    with pytest.raises(MissingRuleError) as refusal:
        plan_of(OutOfOrder(), layers.BatchNormalization(name="a"), layers.LayerNormalization(name="b"))
    assert "No rule for 2 pairs" in str(refusal.value)
    assert "first (Linear) -> a (BatchNormalization)" in str(refusal.value)
    assert "second (Linear) -> b (LayerNormalization)" in str(refusal.value)
    assert "matches={" in str(refusal.value)


def test_a_row_of_the_pairs_own_is_used():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(6))

        def forward(self, points):
            return points * self.factor

    class Scaling(layers.Layer):
        def build(self, shape):
            self.gain = self.add_weight(shape=shape[-1:], name="gain")

        def call(self, points):
            return points * self.gain

    row = LayerRule("Scale", "Scaling", {"factor": ("gain", ("feature -> feature",))}, activation="... -> ...")
    without_row = plan_of(Scale(), Scaling())
    assert [pair.rule.reference for pair in without_row.pairs] == ["Parameter"]
    plan = plan_of(Scale(), Scaling(), rules=(row,))
    assert [transfer.port for transfer in plan.transfers] == ["scaling_1/gain"]
    assert plan.settings_not_judged


def test_other_sizes_are_refused_with_the_axes_that_differ():
    with pytest.raises(AxisSizeError) as refusal:
        plan_of(nn.Linear(6, 4), layers.Dense(5, name="dense"))
    assert "weight does not fit dense/kernel" in str(refusal.value)
    assert "torch   unit=4 feature=6" in str(refusal.value)
    assert "keras   feature=6 unit=5" in str(refusal.value)
    assert "bias does not fit dense/bias" in str(refusal.value)
    assert "unit differs\n" in str(refusal.value)
    assert str(refusal.value).splitlines()[-1].startswith("Check the layer dense, or pair ")


def test_another_number_of_axes_is_refused():
    class Wide(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(*shape[1:], 4, 1), name="kernel")

        def call(self, points):
            return points @ self.kernel[..., 0]

    row = LayerRule("Linear", "Wide", {"weight": ("kernel", ("unit feature -> feature unit",))})
    with pytest.raises(AxisSizeError, match="no pattern for 2 and 3 axes"):
        plan_of(nn.Linear(6, 4, bias=False), Wide(), rules=(row,))


def test_a_weight_that_is_in_no_layer_is_refused():
    class Loose(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 4)
            self.unused = nn.Linear(3, 3)

        def forward(self, points):
            return self.fc(points)

    with pytest.raises(PairError, match=r"1 layer of the reference with weights that no layer call used: unused"):
        plan_of(Loose(), layers.Dense(4))


def test_a_port_layer_that_did_not_run_is_refused():
    class Idle(keras.Model):
        def __init__(self):
            super().__init__()
            self.fc, self.spare = layers.Dense(4, name="fc"), layers.Dense(3, name="spare")
            self.spare.build((None, 6))

        def call(self, points):
            return self.fc(points)

    with pytest.raises(PairError, match="1 layer of the port with weights did not run: spare"):
        keras_runs.trace(Idle(), [POINTS])


def test_a_variable_without_a_word_in_the_row_is_refused():
    row = LayerRule("Linear", "Dense", {"weight": ("kernel", ("unit feature -> feature unit",))})
    with pytest.raises(CoverageError) as refusal:
        plan_of(nn.Linear(6, 4), layers.Dense(4, name="dense"), rules=(row,))
    assert "torch   bias (4,) would stay behind" in str(refusal.value)
    assert "keras   dense/bias (4,) would get no values" in str(refusal.value)


@pytest.mark.parametrize("keywords", [{"matches": {"nowhere": "dense"}}, {"axes": {"nowhere": "a -> a"}}])
def test_overrides_that_name_nothing_are_refused(keywords):
    with pytest.raises(PairError, match="nowhere"):
        plan_of(nn.Linear(6, 4), layers.Dense(4, name="dense"), **keywords)


STEPS = np.random.default_rng(0).standard_normal((2, 5, 6)).astype(np.float32)


class Steps(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, steps):
        return self.layer(steps)[0]


def recurrent_plan(reference, *port_layers, **fields):
    return plan_of_models(Steps(reference), keras.Sequential([keras.Input((5, 6)), *port_layers]), STEPS, **fields)


def test_the_remedy_for_several_tensors_that_do_not_fit_one_variable_is_one_that_is_taken():
    models = nn.GRU(6, 4, batch_first=True), layers.GRU(4, reset_after=False, recurrent_dropout=0.1, name="gru")
    row = find_rule("GRU", "GRU")
    words, (variable, (two, _)) = list(row.tensors.items())[-1]
    strict = replace(row, tensors={**row.tensors, words: (variable, (two,))})
    with pytest.raises(AxisSizeError) as refusal:
        recurrent_plan(*models, rules=(strict,))
    *facts, remedy = str(refusal.value).splitlines()
    assert remedy == 'Name the axes: axes={"layer.bias_ih_l0": "... -> ..."}.'
    assert [line for line in facts if "setting differs" in line] == [
        "  setting differs: gru: reset_after=False in Keras, must be True: torch resets the state behind its product "
        "with the recurrent kernel"
    ]
    plan = recurrent_plan(*models, axes={"layer.bias_ih_l0": "bias=2 (gate=rzn unit) -> (gate=zrn unit)"})
    assert plan.transfers[-1].references == ("layer.bias_ih_l0", "layer.bias_hh_l0")


def test_a_pattern_for_another_tensor_of_a_stack_than_its_first_is_refused():
    axes = dict.fromkeys(("layer.bias_ih_l0", "layer.bias_hh_l0"), "bias=2 unit -> unit")
    with pytest.raises(PairError, match=r"layer.bias_hh_l0 is stacked on layer.bias_ih_l0\n.*to the first one alone"):
        recurrent_plan(nn.RNN(6, 4, batch_first=True), layers.SimpleRNN(4, return_sequences=True), axes=axes)


def test_the_axes_of_a_stack_refine_those_of_the_activation():
    axes = {"layer.bias_ih_l0": "bias=2 (a=2 b=2) -> (b a)"}
    models = nn.RNN(6, 4, batch_first=True), layers.SimpleRNN(4, return_sequences=True)
    (pair,) = recurrent_plan(*models, axes=axes).pairs
    assert pair.output_axes == "sample ... (a=2 b=2) -> sample ... (b a)"


def test_a_packed_sequence_that_no_recurrent_layer_is_given_is_refused_with_the_remedy():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 4)

        def forward(self, steps):
            return self.last(nn.utils.rnn.pack_padded_sequence(steps, torch.tensor([5, 3]), batch_first=True))

    with pytest.raises(
        PairError, match=r"last \(Linear\) is given a PackedSequence(.|\n)*: pad a PackedSequence, and mask"
    ):
        torch_runs.trace(Packed(), [STEPS])


def test_a_plans_json_lists_the_tensors_that_are_one_variable():
    plan = recurrent_plan(nn.RNN(6, 4, batch_first=True), layers.SimpleRNN(4, return_sequences=True))
    first, _, biases = plan.as_json()
    assert (first["reference"], "references" in first) == ("layer.weight_ih_l0", False)
    assert (biases["references"], "reference" in biases) == (["layer.bias_ih_l0", "layer.bias_hh_l0"], False)
