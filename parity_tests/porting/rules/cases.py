"""A pair of layers that a row of the table is tested on, and both as models with their traces."""

from dataclasses import dataclass, field

import keras
import numpy as np
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import randomise
from porting import ModelPair
from porting.plans.mapper import plan_from_traces
from porting.port import runs as keras_runs
from porting.port import side as keras_side
from porting.reference import runs as torch_runs
from porting.rules import patterns
from porting.rules.rule import CHANNELS_LAST


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


def traced_plan(case):
    """The plan of both layers as they are."""
    return plan_of(*traced(case, case.port)[2:])


def plan_of(ours, theirs):
    """The plan of two traces by the table alone."""
    return plan_from_traces(ModelPair(name="case", reference=nn.Module, port=keras.Model), ours, theirs)
