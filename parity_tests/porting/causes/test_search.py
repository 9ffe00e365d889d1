"""The search for causes ends, says what it did not get to, and names nothing that a few numbers could fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from porting.causes.catalogue import fits
from porting.causes.catalogue.weight_hypotheses import WEIGHT_ROWS, WeightContext
from porting.causes.patience import Patience
from porting.plans.plan import TransferPlan
from porting.records.findings import find_faults, in_order, with_settings
from porting.records.parity import Cause, Divergence
from porting.rules.settings import Finding

GENERATOR = np.random.default_rng(0)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def patient(seconds, shown=None):
    clock = Clock()
    steps = [] if shown is None else shown
    return clock, Patience(seconds, lambda step, done=0, total=None: steps.append(step), clock)


def test_a_search_ends_with_its_seconds_and_says_what_was_left():
    shown = []
    clock, patience = patient(3.0, shown)
    patience.begin(others=0)
    tried = []
    for hypothesis in patience.through(list(range(10)), "pairs of hypotheses between a and b"):
        tried.append(hypothesis)
        clock.now += 1
    assert tried == [0, 1, 2]
    assert patience.untried == ["7 of 10 pairs of hypotheses between a and b"]
    assert shown[0] == "trying 1 of 10 pairs of hypotheses between a and b"


def test_what_one_divergence_leaves_is_shared_among_the_others():
    clock, patience = patient(12.0)
    patience.begin(others=2)
    clock.now += 1
    patience.end()
    clock.now += 100  # what lies between is not the search's
    patience.begin(others=1)
    clock.now += 5
    assert not patience.is_over()
    clock.now += 1
    assert patience.is_over()


def test_a_scale_needs_more_values_than_it_has_parameters():
    noise, other = GENERATOR.standard_normal((2, 3, 2))
    assert fits.scaled(noise, other) is None
    found = fits.scaled(GENERATOR.standard_normal((40, 3)), GENERATOR.standard_normal((40, 3)))
    assert found is not None
    assert found.left > 0.1
    baseline = GENERATOR.standard_normal((40, 3))
    exact = fits.scaled(baseline, 0.25 * baseline + 3)
    assert exact is not None
    assert exact.left < 1e-12


def test_a_fit_is_held_against_values_that_it_has_not_seen():
    baseline = GENERATOR.standard_normal((64, 1))
    found = 2 * baseline
    found[1::2] += 1
    fit = fits.scaled(baseline, found)
    assert fit is not None
    assert fit.left > 0.1


def test_an_order_of_channels_is_solved_and_said():
    baseline = GENERATOR.standard_normal((20, 6))
    fit = fits.reordered_channels(baseline, baseline[:, ::-1])
    assert fit is not None
    assert fit.left == 0
    assert "in reverse order" in fit.detail
    assert fits.reordered_channels(baseline, GENERATOR.standard_normal((20, 6))) is None


@pytest.mark.parametrize(
    ("order", "words"),
    [([2, 0, 1, 3], "in the order 2, 0, 1, 3"), ([3, 0, 1, 2], "rolled by 1"), ([0, 2, 1, 3], "as 2 x 2")],
)
def test_orders_are_said_as_people_say_them(order, words):
    assert words in fits.described_order(np.array(order))


def weight_cause(reference, port, name="layer.weight", checkpoint=None):
    context = WeightContext(name, "Linear", name.partition(".")[2], reference, port, {}, {}, checkpoint or {})
    return next((row.name, detail) for row in WEIGHT_ROWS if (detail := row.says(context)))


def test_filters_in_another_order_are_told():
    kernel = torch.tensor(GENERATOR.standard_normal((5, 4, 3)))
    name, detail = weight_cause(kernel, kernel[torch.tensor([3, 0, 4, 1, 2])])
    assert (name, "3, 0, 4, 1, 2" in detail) == ("channels in another order", True)


def test_one_bias_of_a_sum_is_told():
    first, second = (GENERATOR.standard_normal(8).astype("float32") for _ in range(2))
    held = {"lstm.bias_ih_l0": first, "lstm.bias_hh_l0": second}
    total = torch.tensor(first + second).double()
    name, detail = weight_cause(total, torch.tensor(first).double(), "lstm.bias_ih_l0", held)
    assert (name, detail) == ("part of a sum", "is lstm.bias_ih_l0 alone, must be the sum of bias_ih and bias_hh")
    assert "bias_hh_l0 alone" in weight_cause(total, torch.tensor(second).double(), "lstm.bias_ih_l0", held)[1]


def parted(reference, error, *causes, where="inside", seen_on="probe"):
    return Divergence(reference, reference, "", where, error, "sample 0", seen_on, causes)


EPSILON = Cause("another epsilon", "epsilon 0.001 where the reference has 1e-05", "give it 1e-05", 1e-16)


def test_one_setting_in_every_block_is_one_finding():
    blocks = [parted(f"blocks.{number}.norm", 1e-3 * (1 + number), EPSILON) for number in range(36)]
    (finding,) = find_faults(blocks)
    assert len(finding.places) == 36
    assert finding.causes == (EPSILON,)
    assert finding.describe().startswith("the models part inside blocks.35.norm: relative error 3.6e-02")
    assert finding.describe().endswith("the same at 35 other places")


def test_another_value_is_another_finding_and_another_block_is_not():
    other = replace(EPSILON, detail="epsilon 0.01 where the reference has 1e-05")
    assert len(find_faults([parted("a", 1.0, EPSILON), parted("b", 1.0, other)])) == 2
    exchanged = [replace(EPSILON, detail=f"blocks.{number}.q and blocks.{number}.k exchanged") for number in range(3)]
    assert len(find_faults([parted(f"blocks.{at}.o", 1.0, cause) for at, cause in enumerate(exchanged)])) == 1


def test_a_cause_of_many_places_is_the_one_where_a_place_has_several():
    doubt = Cause("bias missing", "b is not added", "add it", 1e-13)
    first, second = find_faults(
        [
            parted("a", 1e-3, doubt, EPSILON),
            parted("b", 1e-3, EPSILON),
            parted("d", 1e-3, EPSILON),
            parted("c", 1e-5, doubt),
        ]
    )
    assert first.causes[0].name == "another epsilon"
    assert [place.reference for place in second.places] == ["c"]


def test_a_spurious_divergence_never_stands_before_a_real_one():
    weak = parted("a", 2.9e-12, seen_on="synthetic activations")
    strong = parted("z", 0.3)
    assert in_order([weak, strong]) == (strong, weak)


def test_a_setting_that_differs_is_the_cause_where_no_hypothesis_is():
    audit = (
        Finding("conv", "torch stride=2 | Keras strides=1", "differs", "stride=2 in torch, strides=1 in Keras", False),
    )
    plan = TransferPlan((), settings=audit)
    unexplained, other = with_settings([parted("conv", 0.5), parted("fc", 0.5)], plan)
    assert unexplained.causes[0].detail == "stride=2 in torch, strides=1 in Keras"
    assert unexplained.causes[0].error is None
    assert other.causes == ()
