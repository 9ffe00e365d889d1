"""What float32 rounding explains of a layer, in any order of sums: no more, and no less."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from porting.records.deviations import root_mean_square
from porting.reference.rounding import explained_by_rounding
from porting.reference.runs import trace

FEATURES = 1500


def measured(model, *arrays):
    model = model.double()
    found = trace(model, arrays)
    names = found.call_names()
    found = replace(found, sources=(("",), *((name,) for name in names)))
    return found, explained_by_rounding(model, arrays, found)


@pytest.fixture
def values():
    return np.random.default_rng(0).standard_normal((2, FEATURES)).astype(np.float32).astype(np.float64)


def in_sequence(weight, array):
    total = np.zeros((len(array), len(weight)), np.float32)
    for at in range(weight.shape[1]):
        total += array[:, at : at + 1].astype(np.float32) * weight[:, at].astype(np.float32)
    return total


def test_a_sum_taken_term_by_term_stays_below_the_bound_and_one_of_cut_numbers_does_not(values):
    torch.manual_seed(0)
    layer = nn.Linear(FEATURES, 40, bias=False)
    layer.weight.data = layer.weight.data.float()
    found, (explained, _) = measured(layer, values)
    truth, weight = found.calls[0].output, layer.weight.detach().numpy()
    scale = root_mean_square(truth)
    sequence = root_mean_square(in_sequence(weight, values) - truth) / scale
    cut = [(array.astype(np.float32).view(np.int32) & -(1 << 13)).view(np.float32) for array in (values, weight)]
    coarse = root_mean_square(cut[0].astype(np.float64) @ cut[1].T.astype(np.float64) - truth) / scale
    assert explained.alone / 8 < sequence < explained.alone
    assert coarse > 20 * explained.alone


def test_a_layer_that_sums_nothing_is_explained_by_a_few_roundings(values):
    layer = nn.BatchNorm1d(FEATURES)
    _, (explained, _) = measured(layer.eval(), values)
    assert 2.0**-25 < explained.alone < 2.0**-22


def test_errors_of_early_layers_are_inherited_as_the_model_amplifies_them(values):
    class Amplified(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(FEATURES, 8), nn.Linear(8, 8)

        def forward(self, given):
            return self.second(1e4 * torch.sin(1e4 * self.first(given)))

    _, (first, second, _) = measured(Amplified(), values)
    assert first.inherited == pytest.approx(first.alone, rel=1)
    assert second.inherited > 100 * second.alone


NORMS = {
    "one value": (nn.LayerNorm(1), (64, 1)),
    "two values": (nn.LayerNorm(2), (64, 2)),
    "groups of one point": (nn.GroupNorm(2, 4), (64, 4, 1)),
    "far from zero": (nn.InstanceNorm1d(3, affine=True), (16, 3, 5)),
}


@pytest.mark.parametrize(("layer", "shape"), NORMS.values(), ids=NORMS)
def test_a_norm_may_scale_before_it_centres_but_not_compute_in_half(layer, shape):
    torch.manual_seed(0)
    layer.weight.data.uniform_(0.5, 2)
    layer.bias.data.uniform_(0.5, 2)
    array = (3 + torch.randn(shape)).float()
    found, (explained, _) = measured(layer, array.double().numpy())
    grouped = (
        array.reshape(len(array), -1, shape[-1]) if "Group" not in type(layer).__name__ else array.reshape(64, 2, 2)
    )
    mean, variance = grouped.mean(-1, keepdim=True), grouped.var(-1, correction=0, keepdim=True)
    scale = (1 / torch.sqrt(variance + 1e-5)).expand_as(grouped).reshape(shape) * broadcast(layer.weight, layer, shape)
    scaled = array * scale + (broadcast(layer.bias, layer, shape) - mean.expand_as(grouped).reshape(shape) * scale)
    truth = found.calls[0].output
    apart = root_mean_square(scaled.double().numpy() - truth) / root_mean_square(truth)
    assert apart < 2 * explained.alone
    assert explained.alone < 1e-3


def broadcast(parameter, layer, shape):
    held = parameter.detach().float()
    return held if isinstance(layer, nn.LayerNorm) else held.reshape(-1, *(1,) * (len(shape) - 2))
