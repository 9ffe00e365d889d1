"""What code drops is seen by what it makes of ones."""

import pytest
import torch
from torch import nn

from parity_tests.porting.writing.models import more_idioms
from parity_tests.porting.writing.models.more_idioms import LeavesOut, StochasticDepthByHand
from porting.drops import Drop, drop_of, drop_of_module, dropping_functions, replaced


@pytest.mark.parametrize(
    ("module", "drop"),
    [
        (LeavesOut(0.3), Drop(0.3, "samples")),
        (nn.Dropout(0.25), Drop(0.25, "values")),
        (nn.Dropout2d(0.1), Drop(0.1, "channels")),
        (nn.ReLU(), None),
        (nn.AlphaDropout(0.1), None),
        (nn.Linear(3, 3), None),
    ],
)
def test_a_module_drops_what_it_makes_zero_of_ones(module, drop):
    module.eval()
    assert drop_of_module(module) == drop
    assert not module.training


def test_what_is_dropped_and_not_made_up_for_is_no_dropout():
    assert drop_of(lambda x: x * torch.empty(len(x), 1, 1, dtype=x.dtype).bernoulli_(0.8)) is None
    assert drop_of(lambda x: x * torch.empty(len(x), 1, 1, dtype=x.dtype).bernoulli_(0.8) / 0.5) is None


def test_functions_and_methods_that_drop_are_found_and_put_back():
    model, seen = StochasticDepthByHand().eval(), []
    found = dropping_functions(model, lambda: model(torch.randn(2, 4)))
    with replaced(found, lambda drop, x, call: seen.append(drop) or call()):
        model(torch.randn(2, 4))
    assert [held.function.__name__ for held in found] == ["drop_path", "masked"]
    assert seen == [Drop(0.3, "samples"), Drop(0.2, "samples"), Drop(0.4, "values")]
    assert found[0].function is more_idioms.drop_path
    assert not model.training
