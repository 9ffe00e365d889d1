from dataclasses import replace

import pytest
import torch

from finta.recipe import ORIGINAL, SIMPLE, StepDecay
from reference_torch import Autoencoder
from reference_torch.training import mean_distance, mean_loss, train


def streamlines(count):
    generator = torch.Generator().manual_seed(count)
    ends = 50 * torch.randn((2, count, 3, 1), generator=generator)
    share = torch.linspace(0, 1, 64)
    return ends[0] + (ends[1] - ends[0]) * share


def test_training_lowers_the_loss_and_keeps_the_best_epoch():
    seen = []
    recipe = replace(SIMPLE, batch_size=20, epochs=20)
    checkpoint = train(streamlines(60), streamlines(20), recipe, seen.append, latent_size=4)
    assert [epoch.number for epoch in seen] == list(range(1, 21))
    best = min(seen, key=lambda epoch: epoch.validation_loss)
    assert (checkpoint["epoch"], checkpoint["lowest_loss"]) == (best.number, best.validation_loss)
    assert seen[-1].training_loss < 0.6 * seen[0].training_loss
    model = Autoencoder(4, 64)
    model.load_state_dict(checkpoint["state_dict"], strict=True)
    assert mean_loss(model, streamlines(20)) == checkpoint["lowest_loss"]


def test_the_same_seed_gives_the_same_weights():
    recipe = replace(SIMPLE, batch_size=20, epochs=1, seed=5)
    one, same = (train(streamlines(40), streamlines(20), recipe, latent_size=4)["state_dict"] for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)


def test_a_schedule_is_stepped_per_epoch():
    recipe = replace(SIMPLE, batch_size=20, epochs=2, schedule=StepDecay(6.68e-4, step_size=1, gamma=0.0))
    seen = []
    train(streamlines(40), streamlines(20), recipe, seen.append, latent_size=4)
    constant = []
    train(streamlines(40), streamlines(20), replace(SIMPLE, batch_size=20, epochs=2), constant.append, latent_size=4)
    assert seen[0] == constant[0]
    assert seen[1].validation_loss == seen[0].validation_loss != constant[1].validation_loss


def test_a_recipe_that_needs_other_batches_is_refused():
    with pytest.raises(ValueError, match="an epoch is all streamlines, shuffled"):
        train(streamlines(40), streamlines(20), ORIGINAL, latent_size=4)


def test_mean_distance_is_in_millimetres_per_point():
    class Shifted(Autoencoder):
        def forward(self, streamlines):
            return streamlines + torch.tensor([3.0, 4.0, 0.0])[:, None]

    assert abs(mean_distance(Shifted(4, 64), streamlines(20)) - 5) < 1e-4
