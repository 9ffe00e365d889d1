"""The port's whole trajectory is held against how far rounding takes the reference from itself."""

from dataclasses import replace
from functools import partial
from io import StringIO

import pytest
import torch
from rich.console import Console

from finta.recipe import SIMPLE, Constant
from finta.training.trajectory import fit_recipe
from keras_model.training.trainer import Trainer
from parity_tests.porting.training.faults import DIFFERENT
from parity_tests.porting.training.small_pair import SMALL, write_untrained
from parity_tests.schemas import assert_as_schema_says
from parity_tests.streamlines import write_walks
from porting import Status
from porting.reference.randomness import generator
from porting.training.second_runs import SecondRun
from porting.training.trajectories import verify_training
from porting.training.trajectory_report import as_json, draw, render
from porting.training.verdict import PARAMETER_LIMIT, Distance, Quantity, StepParity, TrajectoryReport
from reference_torch.trainer import Trainer as ReferenceTrainer

STEPS = 30
"""Behind which the amplifying recipe has made more of rounding than the strict limit."""

uncompiled = partial(Trainer, compiled=False)


def amplifying(name, steps, batch_size):
    """Adam that forgets at once: each gradient's size, rounding included, is a step of the same length."""
    optimiser = replace(SIMPLE.optimiser, betas=(0.0, 0.5))
    recipe = replace(SIMPLE, optimiser=optimiser, schedule=Constant(0.05), epochs=1)
    return replace(recipe, batch_size=batch_size, steps_per_epoch=steps)


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("yardstick")
    batches, untrained = write_walks(folder / "walks.h5"), write_untrained(folder / "untrained.pt")

    def verify(port=uncompiled, reference=ReferenceTrainer, recipe=amplifying, steps=STEPS):
        training = replace(SMALL.training, port=port, reference=reference, recipe=recipe)
        return verify_training(untrained, batches, pair=replace(SMALL, training=training), steps=steps, batch_size=8)

    return verify


def shown(report, width=80):
    console = Console(width=width, record=True, file=StringIO())
    console.print(render(report))
    return console.export_text()


class Hurried(Trainer):
    """Sees other streamlines where nobody asks for gradients: each step that is judged alone is right."""

    def step(self, streamlines, *, with_gradients=False):
        return super().step(streamlines * (1 if with_gradients else 1 + 1e-6), with_gradients=with_gradients)


def raising_when_asked_again():
    made = []

    def train(model, recipe):
        made.append(model)
        if len(made) % 3 == 1:  # the twin is the first of three: float64 twice, float32 once
            raise RuntimeError("one at a time")
        return ReferenceTrainer(model, recipe)

    return train


@pytest.mark.slow
def test_a_port_that_strays_no_further_than_the_reference_from_itself_passes(verified, tmp_path):
    report = verified()
    last = report.steps[-1]
    assert min(last.trajectory.error, last.itself.error) > PARAMETER_LIMIT
    assert report.verdict is report.trajectory_verdict is Status.PASS
    assert "training amplifies rounding" in shown(report)
    assert_as_schema_says(as_json(report), "porting-training/1")
    draw(report, tmp_path / "picture.svg")
    assert "against itself" in (tmp_path / "picture.svg").read_text()


@pytest.mark.slow
def test_a_port_that_strays_further_fails_though_each_step_alone_agrees(verified):
    report = verified(partial(Hurried, compiled=False), steps=20)
    assert report.first_divergence is None
    assert report.verdict is report.trajectory_verdict is Status.FAIL
    text = " ".join(shown(report).split())
    assert f"every step alone agrees, but behind step {report.strayed.step} the port is" in text
    written = as_json(report)
    assert_as_schema_says(written, "porting-training/1")
    assert written["trajectory"]["strayed"]["step"] == report.strayed.step


@pytest.mark.slow
def test_a_reference_that_cannot_be_trained_twice_leaves_the_trajectory_unchecked(verified):
    report = verified(partial(Hurried, compiled=False), raising_when_asked_again(), steps=3)
    assert report.verdict is report.trajectory_verdict is Status.NOT_CHECKED
    assert "one at a time" in report.why_not_itself
    assert "one at a time" in " ".join(shown(report).split())
    assert_as_schema_says(as_json(report), "porting-training/1")


@pytest.mark.slow
def test_what_is_within_the_strict_limit_needs_no_second_run(verified):
    report = verified(reference=raising_when_asked_again(), recipe=fit_recipe, steps=3)
    assert report.why_not_itself
    assert report.verdict is Status.PASS


@pytest.mark.slow
@pytest.mark.parametrize(("port", "cause", "step"), DIFFERENT)
def test_no_training_that_differs_is_excused(verified, port, cause, step):
    report = verified(partial(port, compiled=False), recipe=fit_recipe, steps=6)
    assert (report.first_divergence.first_cause(), report.first_divergence.step) == (cause, step)
    assert report.trajectory_verdict is Status.FAIL


@pytest.mark.slow
def test_tables_fit_in_60_columns(verified):
    lines = shown(verified(steps=2), 60).splitlines()
    assert not any("…" in line for line in lines)


class Dropping(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, features):
        return torch.nn.functional.dropout(self.fc(features), 0.5)


class Descent:
    """Steps of one size down the slope of what a model gives, which its own generator may change."""

    def __init__(self, model, own_numbers=None):
        self.model, self.own_numbers = model, own_numbers

    def step(self, batch):
        self.model.zero_grad()
        loss = self.model(torch.as_tensor(batch)).square().sum() * (next(self.own_numbers) if self.own_numbers else 1)
        loss.backward()
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.sub_(0.01 * weight.grad)
        return type("Step", (), {"losses": {"total": loss.item()}})


@pytest.fixture
def dropping():
    torch.manual_seed(0)
    return Dropping().double()


def test_the_second_run_draws_what_the_first_drew(dropping):
    second, trainer = SecondRun(dropping, Descent), Descent(dropping)
    for _ in range(5):
        batch = torch.randn(8, 4, dtype=torch.float64).numpy()
        drawing_from = generator.state()
        second.step(batch, drawing_from, trainer.step(batch).losses)
    assert not second.why_none
    assert 0 < (second.model.fc.weight - dropping.fc.weight).abs().max() < 1e-14


def test_a_reference_that_draws_on_its_own_is_no_yardstick(dropping):
    numbers = iter(range(1, 9))
    second, trainer = SecondRun(dropping, lambda model: Descent(model, numbers)), Descent(dropping, numbers)
    drawing_from, batch = generator.state(), torch.ones(8, 4, dtype=torch.float64).numpy()
    second.step(batch, drawing_from, trainer.step(batch).losses)
    assert "does not repeat itself" in second.why_none


def strayed(*distances, why_not_itself=""):
    steps = [
        StepParity(
            step=number,
            losses=(1.0, 1.0),
            learning_rate=(0.1, 0.1),
            momentum=(0.0, 0.0),
            gradient_norm=(1.0, 1.0),
            quantities={},
            trajectory=Quantity(port, "w"),
            itself=None if itself is None else Quantity(itself, "w"),
            nearest_limit=Distance("w", port, itself),
        )
        for number, (port, itself) in enumerate(distances, start=1)
    ]
    return TrajectoryReport("own", "own", "own", tuple(steps), why_not_itself=why_not_itself)


@pytest.mark.parametrize(
    ("distances", "verdict"),
    [
        ([(1e-3, 1e-12), (1e-2, None)], Status.FAIL),
        ([(1e-12, 1e-12), (1e-2, None)], Status.NOT_CHECKED),
        ([(1e-12, 1e-12), (1e-12, None)], Status.PASS),
    ],
    ids=["beyond what was measured", "beyond it later", "never"],
)
def test_a_twin_that_ends_later_takes_back_nothing_that_was_measured(distances, verdict):
    assert strayed(*distances, why_not_itself="it ended").trajectory_verdict is verdict
