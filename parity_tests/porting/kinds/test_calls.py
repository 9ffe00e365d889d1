"""Layers that run several times: which calls are the same is told by what reaches them."""

import keras
import pytest
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, verify

SAME = "... -> ..."


class Twins(nn.Module):
    """Two inputs through one branch, and each through it once more for the second output."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
        self.head = nn.Linear(4, 1)

    def forward(self, first, second):
        apart = self.branch(first) - self.branch(second)
        return self.head(apart), (functional.softmax(self.branch(first), -1) * self.branch(second)).sum(-1)


def twins(*, exchanged=False):
    """Keras runs the second input's branch first here, and each once."""
    first, second = keras.Input((6,)), keras.Input((6,))
    branch = keras.Sequential([keras.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(4)])
    behind_second = branch(second)
    behind_first = branch(first)
    apart = behind_second - behind_first if exchanged else behind_first - behind_second
    alike = ops.sum(ops.softmax(behind_first) * behind_second, -1)
    return keras.Model([first, second], [layers.Dense(1)(apart), alike])


def pair_of(port):
    outputs = {"apart": SAME, "alike": SAME}
    return ModelPair(
        name="twins", reference=Twins, port=port, inputs=(SAME, SAME), outputs=outputs, input_shapes=((6,), (6,))
    )


def test_a_branch_that_runs_more_often_or_in_another_order_is_the_same(tmp_path):
    pair = pair_of(twins)
    report = convert(saved(Twins(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
    assert verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS


def test_a_fault_behind_such_branches_is_located_and_nothing_else(tmp_path):
    pair = pair_of(lambda: twins(exchanged=True))
    report = convert(saved(Twins(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.FAIL
    assert [(held.reference, held.where) for held in report.divergences] == [("head", "between")]
    assert [cause.name for cause in report.divergences[0].causes] == ["operands in another order"]


class Built(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = layers.Dense(5, "relu"), layers.Dense(2)

    def call(self, x):
        return self.head(self.hidden(x))


@pytest.mark.filterwarnings("ignore:.build... was called")
def test_a_subclassed_model_whose_build_left_its_layers_unbuilt_is_run_first(tmp_path):
    def port():
        model = Built()
        model.build((None, 4))
        return model

    reference = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    pair = ModelPair(name="built", reference=lambda: reference, port=port, input_shapes=((4,),))
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair, formats=("weights.h5",)).report
    assert report.transfer.status is Status.PASS, report.parts


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(6), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.norm(torch.tanh(self.norm(x))))


def twice():
    x, norm = keras.Input((6,)), layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    return keras.Model(x, layers.Dense(3)(norm(ops.tanh(norm(x)))))


def test_variances_of_a_norm_that_runs_twice_are_those_that_keras_takes(tmp_path):
    pair = ModelPair(name="twice", reference=Twice, port=twice, input_shapes=((6,),))
    report = convert(saved(Twice(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.PASS, report.training.lines


class Greatest(nn.Module):
    """The greatest of each channel of some points, nearly always above zero."""

    def __init__(self):
        super().__init__()
        self.each, self.head = nn.Conv1d(3, 8, 1), nn.Linear(8, 2)

    def forward(self, points):
        return self.head(torch.relu(self.each(points)).amax(-1))


def test_an_activation_that_is_left_out_before_the_greatest_shows(tmp_path):
    def port():
        points = keras.Input((40, 3))
        greatest = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 1)(points))
        return keras.Model(points, layers.Dense(2)(greatest))

    axes = ("sample channel point -> sample point channel",)
    pair = ModelPair(name="greatest", reference=Greatest, port=port, inputs=axes, input_shapes=((40, 3),))
    report = convert(saved(Greatest(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [cause.name for held in report.divergences for cause in held.causes] == ["activation missing"]
