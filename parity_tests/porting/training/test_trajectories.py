"""Both frameworks take the same training steps; a training that differs is named by step and quantity."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from finta import shipped
from finta.pair import FINTA
from keras_model.training.trainer import Trainer
from parity_tests.porting.training.faults import DIFFERENT
from parity_tests.schemas import assert_as_schema_says
from parity_tests.streamlines import write_walks
from porting import Status
from porting.errors import InputError, PairError
from porting.training.trajectories import verify_training
from porting.training.trajectory_report import as_json, draw, render
from porting.training.verdict import FLOAT32_LIMIT, PARAMETER_LIMIT
from reference_torch.autoencoder import Autoencoder

STEPS = 6


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    return write_walks(tmp_path_factory.mktemp("walks") / "walks.h5")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A checkpoint with PyTorch's initial weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("untrained") / "untrained.pt"
    torch.save(Autoencoder(4, 64).state_dict(), path)
    return path


def verified(checkpoint, batches, port=FINTA.training.port, recipe="original", steps=STEPS):
    pair = replace(FINTA, training=replace(FINTA.training, port=port))
    return verify_training(checkpoint, batches, pair=pair, recipe=recipe, steps=steps, batch_size=8)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["original", "simple"])
def test_the_port_trains_as_the_reference(untrained, batches, recipe):
    report = verified(untrained, batches, recipe=recipe)
    assert report.verdict is Status.PASS
    for held in (report, replace(report, why_no_float64="this backend knows none")):
        assert_as_schema_says(as_json(held), "porting-training/1")
    assert [step.step for step in report.steps] == list(range(1, STEPS + 1))
    assert max(step.trajectory.error for step in report.steps) < PARAMETER_LIMIT
    assert max(step.quantities["gradient"].error for step in report.steps) < 1e-11
    assert report.steps[-1].float32_ratio < FLOAT32_LIMIT
    assert len({step.losses[0] for step in report.steps}) == STEPS
    for name in ("losses", "learning_rate", "momentum", "gradient_norm"):
        assert np.isclose(*getattr(report.steps[0], name), rtol=1e-12)


def uncompiled_and_decoupled(model, recipe):
    """Differs at the first step, and needs no time to compile."""
    decoupled = replace(recipe, optimiser=replace(recipe.optimiser, decoupled=True))
    return Trainer(model, decoupled, compiled=False)


@pytest.mark.slow
@pytest.mark.parametrize(("port", "cause", "step"), DIFFERENT)
def test_a_training_that_differs_is_named_by_step_and_quantity(untrained, batches, port, cause, step):
    report = verified(untrained, batches, port)
    assert report.verdict is Status.FAIL
    assert (report.first_divergence.first_cause(), report.first_divergence.step) == (cause, step)
    shown = as_json(report)
    assert_as_schema_says(shown, "porting-training/1")
    assert shown["first_divergence"] == {"step": step, "quantity": cause}


@pytest.mark.slow
def test_rounding_that_training_amplifies_is_no_fault(tmp_path):
    """A trained checkpoint holds weights of 1e-35 that nothing but L2 moves: Adam multiplies them by 1,000 a step."""
    path = write_walks(tmp_path / "walks.h5", points=256)
    report = verify_training(shipped.TORCH_CHECKPOINT, path, pair=FINTA, steps=12, batch_size=8)
    assert report.verdict is Status.PASS
    assert max(step.quantities["optimiser"].error for step in report.steps) < PARAMETER_LIMIT


@pytest.mark.slow
def test_a_step_that_differs_is_drawn_and_shown(untrained, batches, tmp_path):
    report = verified(untrained, batches, uncompiled_and_decoupled, steps=2)
    draw(report, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    console = Console(width=100, record=True, file=StringIO())
    console.print(render(report))
    text = " ".join(console.export_text().split())
    assert "part at step 1, in the optimiser" in text
    assert "decay coupled or not" in text


def test_what_cannot_be_trained_on_is_one_error(untrained, batches, tmp_path):
    with pytest.raises(PairError, match="original, simple"):
        verified(untrained, batches, recipe="another")
    with pytest.raises(InputError, match="No batches at"):
        verified(untrained, tmp_path / "missing.h5")
    with pytest.raises(PairError, match="TrainingPair"):
        verify_training(untrained, batches, pair=replace(FINTA, training=None))
