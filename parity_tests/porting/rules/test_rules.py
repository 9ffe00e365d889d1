"""Every row of the table: it inverts exactly, one layer agrees in float64, a wrong setting is refused."""

import re
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.zoo.pairs import randomise
from porting.errors import AxisSizeError, CoverageError, LayerCountError, PairError
from porting.jobs.conversion import move_weights
from porting.plans.mapper import derive_plan
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.proof.judgement import weights_back
from porting.records import parity
from porting.reference import runs as torch_runs
from porting.reference import side as torch_side
from porting.reference.sums import sum_up
from porting.rules import patterns
from porting.rules.rule import CHANNELS_LAST
from porting.rules.table import LAYER_RULES


@dataclass(frozen=True)
class Case:
    """One pair of layers, and wrong versions of the port's with the words that must name what is wrong."""

    reference: nn.Module
    port: layers.Layer
    shape: tuple[int, ...]
    wrong: list[tuple[layers.Layer, str]] = field(default_factory=list)
    in_channels_last: bool = True
    highest: int = 0

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """The same input in the reference's and in the port's axis order."""
        generator = np.random.default_rng(3)
        if self.highest:
            array = generator.integers(0, self.highest, self.shape).astype(np.int32)
        else:
            array = generator.standard_normal(self.shape)
        return array, patterns.to_port(array, CHANNELS_LAST) if self.in_channels_last else array


CASES = {
    "Linear": Case(
        nn.Linear(6, 4),
        layers.Dense(4),
        (3, 6),
        [(layers.Dense(4, activation="relu"), "activation=relu in Keras, must be linear")],
        in_channels_last=False,
    ),
    "Linear on tokens": Case(nn.Linear(6, 4, bias=False), layers.Dense(4, use_bias=False), (3, 5, 6), [], False),
    "Conv1d": Case(
        nn.Conv1d(4, 6, 3, stride=2),
        layers.Conv1D(6, 3, strides=2),
        (2, 4, 11),
        [
            (layers.Conv1D(6, 3, strides=1), r"stride=\(2,\) in torch, strides=\(1,\) in Keras"),
            (layers.Conv1D(6, 3, strides=2, data_format="channels_last", activation="gelu"), "activation=gelu"),
        ],
    ),
    "Conv1d same": Case(nn.Conv1d(4, 6, 3, padding=1), layers.Conv1D(6, 3, padding="same"), (2, 4, 10)),
    "Conv1d causal": Case(
        nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(4, 6, 3, dilation=2)),
        layers.Conv1D(6, 3, padding="causal", dilation_rate=2),
        (2, 4, 10),
        [(layers.Conv1D(6, 3, padding="causal"), r"dilation=\(2,\)")],
    ),
    "Conv1d grouped": Case(
        nn.Conv1d(4, 6, 3, groups=2),
        layers.Conv1D(6, 3, groups=2),
        (2, 4, 11),
    ),
    "Conv2d": Case(
        nn.Conv2d(3, 5, (3, 2), dilation=(2, 1)),
        layers.Conv2D(5, (3, 2), dilation_rate=(2, 1)),
        (2, 3, 9, 8),
        [(layers.Conv2D(5, (3, 2)), r"dilation=\(2, 1\)")],
    ),
    "Conv3d": Case(
        nn.Conv3d(2, 4, (1, 5, 3), padding="same"), layers.Conv3D(4, (1, 5, 3), padding="same"), (2, 2, 5, 6, 7)
    ),
    "ConvTranspose1d": Case(
        nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1),
        layers.Conv1DTranspose(6, 4, strides=2, padding="same"),
        (2, 4, 7),
        [(layers.Conv1DTranspose(6, 4, strides=1, padding="same"), "stride")],
    ),
    "ConvTranspose2d": Case(nn.ConvTranspose2d(3, 5, 3), layers.Conv2DTranspose(5, 3), (2, 3, 5, 6)),
    "ConvTranspose2d cropped later": Case(
        nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), layers.Conv2DTranspose(5, 4, strides=2), (2, 3, 5, 6)
    ),
    "ConvTranspose3d": Case(
        nn.ConvTranspose3d(2, 3, 2, stride=2), layers.Conv3DTranspose(3, 2, strides=2), (2, 2, 3, 4, 5)
    ),
    "depthwise Conv1d": Case(
        nn.Conv1d(3, 6, 3, groups=3),
        layers.DepthwiseConv1D(3, depth_multiplier=2),
        (2, 3, 9),
    ),
    "depthwise Conv2d": Case(
        nn.Conv2d(3, 6, (3, 2), groups=3),
        layers.DepthwiseConv2D((3, 2), depth_multiplier=2),
        (2, 3, 9, 8),
        [(layers.DepthwiseConv2D((3, 2), depth_multiplier=2, strides=2), "stride")],
    ),
    "BatchNorm1d": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4),
        [
            (layers.BatchNormalization(momentum=0.9), "eps=1e-05 in torch, epsilon=0.001 in Keras"),
            (layers.BatchNormalization(epsilon=1e-5), "momentum=0.1 in torch, momentum=0.99 in Keras"),
        ],
    ),
    "BatchNorm1d on sequences": Case(
        nn.BatchNorm1d(4),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        (3, 4, 4),
        [(layers.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), "axis=1 in Keras, must be -1")],
    ),
    "BatchNorm2d": Case(nn.BatchNorm2d(4), layers.BatchNormalization(epsilon=1e-5, momentum=0.9), (3, 4, 5, 6)),
    "BatchNorm3d without affine": Case(
        nn.BatchNorm3d(4, affine=False),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9, center=False, scale=False),
        (3, 4, 2, 3, 4),
    ),
    "LayerNorm": Case(
        nn.LayerNorm(6),
        layers.LayerNormalization(epsilon=1e-5),
        (3, 5, 6),
        [(layers.LayerNormalization(), "eps=1e-05 in torch, epsilon=0.001 in Keras")],
        in_channels_last=False,
    ),
    "GroupNorm": Case(
        nn.GroupNorm(2, 6),
        layers.GroupNormalization(2, epsilon=1e-5),
        (3, 6, 5),
        [
            (layers.GroupNormalization(3, epsilon=1e-5), "num_groups=2 in torch, groups=3 in Keras"),
            (layers.GroupNormalization(2), "epsilon=0.001"),
        ],
    ),
    "Embedding": Case(
        nn.Embedding(9, 4, padding_idx=0),
        layers.Embedding(9, 4),
        (3, 5),
        [(layers.Embedding(9, 4, mask_zero=True), "mask_zero=True in Keras, must be False")],
        in_channels_last=False,
        highest=9,
    ),
    "LSTM": Case(
        nn.LSTM(6, 4, batch_first=True),
        layers.LSTM(4, return_sequences=True),
        (3, 5, 6),
        [
            (layers.LSTM(4, return_sequences=True, activation="relu"), "activation=relu in Keras, must be tanh"),
            (
                layers.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
                "recurrent_activation=hard_sigmoid in Keras, must be sigmoid",
            ),
            (layers.LSTM(4, go_backwards=True), "go_backwards=True in Keras, must be False"),
            (layers.LSTM(4, stateful=False, dropout=0.1), "dropout=0.1 in Keras, must be 0.0"),
            (layers.LSTM(4, recurrent_dropout=0.1), "recurrent_dropout=0.1 in Keras, must be 0.0"),
            (layers.LSTM(4, recurrent_regularizer="l2"), "recurrent_regularizer=.* in Keras, must be None"),
        ],
        in_channels_last=False,
    ),
    "LSTM without biases, last step": Case(
        nn.LSTM(6, 4, bias=False, batch_first=True), layers.LSTM(4, use_bias=False), (3, 5, 6), [], False
    ),
    "GRU": Case(
        nn.GRU(6, 4, batch_first=True), layers.GRU(4, return_sequences=True), (3, 5, 6), [], in_channels_last=False
    ),
    "GRU without biases, last step": Case(
        nn.GRU(6, 4, bias=False, batch_first=True),
        layers.GRU(4, use_bias=False),
        (3, 5, 6),
        [(layers.GRU(4, use_bias=False, reset_after=False), "reset_after=False in Keras, must be True")],
        in_channels_last=False,
    ),
    "RNN": Case(
        nn.RNN(6, 4, batch_first=True, nonlinearity="relu"),
        layers.SimpleRNN(4, activation="relu", return_sequences=True),
        (3, 5, 6),
        [(layers.SimpleRNN(4), "nonlinearity=relu in torch, activation=tanh in Keras")],
        in_channels_last=False,
    ),
    "PReLU": Case(nn.PReLU(4), layers.PReLU(shared_axes=[1]), (3, 4, 5)),
    "PReLU with one slope": Case(nn.PReLU(), layers.PReLU(shared_axes=[1, 2]), (3, 4, 5)),
}


class FirstOutput(nn.Module):
    """Takes the steps and leaves the states."""

    def forward(self, outputs):
        return outputs[0]


def traced(case, port):
    """Both layers as models, and their float64 traces on the same input."""
    behind = [FirstOutput()] if isinstance(case.reference, nn.RNNBase) else []
    reference = randomise(nn.Sequential(case.reference, *behind)).double()
    ours, theirs = case.inputs()
    with keras_side.precision("float64"):
        widened = type(port).from_config({**port.get_config(), "dtype": "float64"})
        dtype = "int32" if case.highest else "float64"
        model = keras.Sequential([keras.Input(theirs.shape[1:], dtype=dtype), widened])
        return reference, model, torch_runs.trace(reference, [ours]), keras_runs.trace(model, [theirs])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_row_inverts_exactly_and_one_layer_agrees_in_float64(case):
    reference, model, ours, theirs = traced(case, case.port)
    plan = derive_plan(ours, theirs)
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
    plan = derive_plan(ours, theirs)
    assert re.search(words, "\n".join((*plan.setting_differences, *plan.training_differences)))


def test_every_row_is_tested():
    rows = {(rule.reference, rule.port) for rule in LAYER_RULES}
    tested = {
        (type(case.reference[-1] if isinstance(case.reference, nn.Sequential) else case.reference), type(case.port))
        for case in CASES.values()
    }
    assert {(ours.__name__, theirs.__name__) for ours, theirs in tested} == rows


def test_a_grouped_convolution_is_not_taken_for_a_depthwise_one():
    case = Case(nn.Conv1d(4, 4, 3, groups=2), layers.DepthwiseConv1D(3), (2, 4, 9))
    with pytest.raises(AxisSizeError, match="unit axis differs"):
        traced_plan(case)


def traced_plan(case):
    _, _, ours, theirs = traced(case, case.port)
    return derive_plan(ours, theirs)


def test_a_bias_on_one_side_only_is_refused():
    with pytest.raises(CoverageError, match=r"keras .*dense.*bias.* would get no values"):
        traced_plan(Case(nn.Linear(6, 4, bias=False), layers.Dense(4, name="dense"), (3, 6), [], False))
    with pytest.raises(CoverageError, match=r"torch .*0.bias.* would stay behind"):
        traced_plan(Case(nn.Linear(6, 4), layers.Dense(4, use_bias=False), (3, 6), [], False))


def recurrent_case(reference, port):
    return Case(reference, port, (5, 5, 6), [], False)


def test_a_gru_that_resets_before_its_product_is_refused_with_the_setting():
    with pytest.raises(AxisSizeError, match="reset_after=False in Keras, must be True"):
        traced_plan(recurrent_case(nn.GRU(6, 4, batch_first=True), layers.GRU(4, reset_after=False)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_layers": 2}, "num_layers=2 in torch, must be 1"),
        ({"bidirectional": True}, "bidirectional=True in torch, must be False"),
        ({"proj_size": 2}, "proj_size=2 in torch, must be 0"),
    ],
)
def test_recurrent_layers_that_keras_has_otherwise_are_refused_with_the_setting(settings, words):
    reference = nn.LSTM(6, 4, batch_first=True, **settings)
    with pytest.raises((CoverageError, AxisSizeError), match=words):
        traced_plan(recurrent_case(reference, layers.LSTM(4, return_sequences=True)))
    if "proj_size" not in settings:
        two = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
        with pytest.raises(LayerCountError, match=words):
            traced_plan(recurrent_case(reference, two))


def test_time_before_samples_is_refused():
    with pytest.raises(PairError, match="0 has batch_first=False, must be True"):
        traced_plan(recurrent_case(nn.LSTM(6, 4), layers.LSTM(4, return_sequences=True)))
