import keras
import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, StepLR

from keras_model import CosineAnnealing, OneCycle, StepDecay

CYCLES = {
    "original": {"total_steps": 300},
    "linear": {"total_steps": 300, "anneal_strategy": "linear"},
    "three phases": {"total_steps": 301, "three_phase": True},
    "three linear phases": {"total_steps": 90, "three_phase": True, "anneal_strategy": "linear", "pct_start": 0.25},
    "other bounds": {
        "total_steps": 57,
        "pct_start": 0.123,
        "base_momentum": 0.7,
        "max_momentum": 0.99,
        "div_factor": 7.0,
        "final_div_factor": 3.0,
    },
    "nothing but down": {"total_steps": 40, "pct_start": 0.0},
    "fewer steps than a phase": {"total_steps": 2, "pct_start": 0.3},
    "three phases that leave none for the third": {"total_steps": 50, "three_phase": True, "pct_start": 0.8},
}


def by_torch(scheduler_of, steps, rate=1e-3):
    """Learning rate and beta1 before each of the steps, and after the last."""
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = scheduler_of(optimiser)
    seen = []
    for step in range(steps + 1):
        group = optimiser.param_groups[0]
        seen.append((group["lr"], group["betas"][0]))
        optimiser.step()
        if step < steps:
            scheduler.step()
    return np.array(seen).T


def of_keras(function, steps):
    return np.asarray(keras.ops.vectorized_map(function, keras.ops.arange(steps + 1, dtype="int64")))


@pytest.mark.parametrize("settings", CYCLES.values(), ids=CYCLES)
def test_one_cycle_is_torchs_at_every_step_and_at_the_one_after_the_last(settings):
    steps = settings["total_steps"]
    rates, betas = by_torch(lambda optimiser: OneCycleLR(optimiser, 1e-3, **settings), steps)
    schedule = OneCycle(1e-3, **settings)
    np.testing.assert_allclose(of_keras(schedule, steps), rates, rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(of_keras(schedule.momentum, steps), betas, rtol=1e-14)


def test_one_cycle_of_the_original_has_its_three_rates():
    rates = of_keras(OneCycle(1e-3, 300), 299)
    assert rates[[0, 89, 299]] == pytest.approx([4e-5, 1e-3, 4e-9], rel=1e-12)


def test_one_cycle_stays_where_it_is_after_its_last_step():
    schedule = OneCycle(1e-3, 30)
    assert float(schedule(31)) == float(schedule(1000)) == float(schedule(30))


def test_one_cycle_may_leave_the_momentum_alone():
    assert OneCycle(1e-3, 30, cycle_momentum=False).momentum(3) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"total_steps": 0}, "total_steps=0"),
        ({"total_steps": 9, "pct_start": 1.5}, "pct_start=1.5"),
        ({"total_steps": 9, "anneal_strategy": "cosine"}, "anneal_strategy='cosine'"),
        ({"total_steps": 10, "pct_start": 0.1}, "phase 1 of the cycle lasts no step"),
        ({"total_steps": 10, "pct_start": 1.0}, "phase 2 of the cycle lasts no step"),
    ],
)
def test_a_cycle_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        OneCycle(1e-3, **settings)


@pytest.mark.parametrize("every", [1, 7])
def test_step_decay_is_torchs_stepped_per_batch_or_per_epoch(every):
    rates, _ = by_torch(lambda optimiser: StepLR(optimiser, 5, 0.3), 40, rate=0.02)
    ours = of_keras(StepDecay(0.02, 5, 0.3, every=every), 40 * every)
    np.testing.assert_allclose(ours, np.repeat(rates, every)[: 40 * every + 1], rtol=1e-13)


@pytest.mark.parametrize("every", [1, 7])
def test_cosine_annealing_is_torchs_and_rises_again_as_torchs_does(every):
    rates, _ = by_torch(lambda optimiser: CosineAnnealingLR(optimiser, 20, 1e-5), 70, rate=0.02)
    ours = of_keras(CosineAnnealing(0.02, 20, 1e-5, every=every), 70 * every)
    np.testing.assert_allclose(ours, np.repeat(rates, every)[: 70 * every + 1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "schedule",
    [
        OneCycle(1e-3, 20, 0.4, "linear", False, 0.8, 0.9, 10.0, 100.0, True, name="cycle"),
        StepDecay(0.1, 3, 0.5, every=2, name="steps"),
        CosineAnnealing(0.1, 9, 1e-3, every=2, name="cosine"),
    ],
    ids=lambda schedule: schedule.name,
)
def test_schedules_are_registered_and_come_back_as_they_were(schedule):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert [float(again(step)) for step in range(20)] == [float(schedule(step)) for step in range(20)]
