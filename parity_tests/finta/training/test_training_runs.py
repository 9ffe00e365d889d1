"""``finta train``: watched, kept, stopped and gone on with, in either framework."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from finta.cli import app
from finta.errors import ConfigurationError, FintaError, TrainingError
from finta.recipe import ORIGINAL, SIMPLE, Constant, Contrastive
from finta.training.configurations import Configuration, RunSettings, read_configuration
from finta.training.run_folders import Position, RunFolder
from finta.training.training import train
from keras_model import load_autoencoder
from parity_tests.full_disk import room_for
from parity_tests.streamlines import write_walks
from porting.reference.files import read_checkpoint
from tractography.errors import TractographyError

RECIPE = replace(ORIGINAL, batch_size=8, epochs=2, steps_per_epoch=3)
SMALL = Configuration(RECIPE, RunSettings(latent_size=4, compiled=False, validation_steps=2, checkpoint_every=2))


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    return write_walks(tmp_path_factory.mktemp("walks") / "walks.h5")


@pytest.fixture(scope="module", params=["keras", "torch"])
def finished(request, batches, tmp_path_factory):
    """A run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return request.param, folder, train(SMALL, batches, folder, framework=request.param)


def newest(folder):
    return load_file(max((folder / "states").iterdir()))


def stopping_at(step):
    def on_step(doing, done, total):
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return on_step


def test_a_run_keeps_its_best_model_and_its_states(finished):
    framework, folder, ended = finished
    assert ended.end == "finished"
    assert ended.position.step == 6
    assert np.isfinite(ended.position.best_loss)
    assert sorted(path.name for path in (folder / "states").iterdir()) == [
        "step-000000004.safetensors",
        "step-000000006.safetensors",
    ]
    if framework == "keras":
        assert load_autoencoder(ended.best).latent_size == 4
    else:
        assert read_checkpoint(ended.best).extras["lowest_loss"] == ended.position.best_loss
        assert read_checkpoint(ended.best).optimizer


def test_events_hold_losses_schedule_gradients_distances_and_pictures(finished):
    import tensorflow as tf

    (events,) = (finished[1] / "tensorboard").glob("events*")
    tags = {value.tag for event in tf.compat.v1.train.summary_iterator(str(events)) for value in event.summary.value}
    assert tags >= {
        *(f"{split}/{name}" for split in ("train", "thres") for name in ("total", "reconstruction", "latent")),
        *(f"step/{name}" for name in ("learning_rate", "momentum", "gradient_norm")),
        *(f"thres_mm/{name}" for name in ("mean", "median", "worst", "distances")),
        "latent_codes",
        "reconstructions",
    }


def test_a_run_that_is_ended_goes_on_bit_for_bit(finished, batches, tmp_path):
    framework, folder, whole = finished
    stopped = train(SMALL, batches, tmp_path / "run", framework=framework, on_step=stopping_at(3))
    assert (stopped.end, stopped.position.step) == ("SIGTERM", 3)
    ended = train(SMALL, batches, tmp_path / "run", framework=framework, resume=True)
    assert ended.position == whole.position
    ours, theirs = newest(folder), newest(tmp_path / "run")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if name != "rest" and ours[name].tobytes() != theirs[name].tobytes()] == []


@pytest.mark.slow
def test_a_run_of_compiled_steps_goes_on_bit_for_bit(batches, tmp_path):
    compiled = replace(SMALL, run=replace(SMALL.run, compiled=True))
    whole = train(compiled, batches, tmp_path / "whole")
    train(compiled, batches, tmp_path / "run", on_step=stopping_at(3))
    assert train(compiled, batches, tmp_path / "run", resume=True).position == whole.position
    ours, theirs = newest(tmp_path / "whole"), newest(tmp_path / "run")
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []


@pytest.mark.slow
def test_a_validation_that_is_ended_is_done_anew(batches, tmp_path):
    def on_step(doing, done, total):
        if (doing, done) == ("validating", 1):
            os.kill(os.getpid(), signal.SIGTERM)

    whole = train(SMALL, batches, tmp_path / "whole", framework="torch")
    stopped = train(SMALL, batches, tmp_path / "run", framework="torch", on_step=on_step)
    assert (stopped.end, stopped.position, stopped.best) == ("SIGTERM", Position(3, is_validation_due=True), None)
    ended = train(SMALL, batches, tmp_path / "run", framework="torch", resume=True)
    assert ended.position == whole.position
    ours, theirs = newest(tmp_path / "whole"), newest(tmp_path / "run")
    assert [name for name in ours if name != "rest" and ours[name].tobytes() != theirs[name].tobytes()] == []


def test_a_run_begun_otherwise_is_not_gone_on_with(finished, batches, tmp_path):
    framework, folder, _ = finished
    other = replace(SMALL, recipe=replace(RECIPE, seed=1))
    with pytest.raises(TrainingError, match=r"recipe\.seed: 0 then, 1 now"):
        train(other, batches, folder, framework=framework, resume=True)
    with pytest.raises(TrainingError, match="--resume"):
        train(SMALL, batches, folder, framework=framework)
    with pytest.raises(TrainingError, match="holds no run"):
        train(SMALL, batches, tmp_path / "nothing", framework=framework, resume=True)


def test_a_loss_that_is_not_finite_stops_with_its_batch(batches, tmp_path):
    steep = replace(SMALL, recipe=replace(RECIPE, schedule=Constant(learning_rate=1e20)))
    with pytest.raises(TrainingError, match="not finite") as raised:
        train(steep, batches, tmp_path / "run")
    assert "not_finite.h5" in str(raised.value)
    with h5py.File(tmp_path / "run" / "not_finite.h5") as file:
        (name,) = file["train"]
        assert file[f"train/{name}/streamline"].shape == (8, 64, 3)


@pytest.mark.slow
def test_mixed_float16_that_skips_step_after_step_ends_with_a_remedy(batches, tmp_path):
    loud = replace(
        SMALL,
        recipe=replace(RECIPE, steps_per_epoch=60, latent=Contrastive(weight=1e30), schedule=Constant(1e-4)),
        run=replace(SMALL.run, precision="mixed_float16", checkpoint_every=100),
    )
    with pytest.raises(TrainingError, match="50 steps in succession were skipped.*\\n.*mixed_bfloat16 or float32"):
        train(loud, batches, tmp_path / "run")


FLOAT64 = """
from finta.training.trainers import build_trainer, in_force
from parity_tests.finta.training.test_training_runs import SMALL, replace
settings = replace(SMALL, run=replace(SMALL.run, precision="float64"))
with in_force("keras", "float64", False):
    state = build_trainer(settings, 64, 3, "keras").state()
print({name.partition("/")[0]: str(array.dtype) for name, array in state.items() if "iteration" not in name})
"""


@pytest.mark.slow
def test_float64_is_not_float32_on_jax():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", FLOAT64], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "{'model': 'float64', 'optimiser': 'float64'}\n", done.stderr


def test_patience_ends_a_run_early(batches, tmp_path):
    frozen = replace(
        SMALL,
        recipe=replace(SIMPLE, batch_size=18, epochs=9, schedule=Constant(learning_rate=0.0)),
        run=replace(SMALL.run, patience=2),
    )
    ended = train(frozen, batches, tmp_path / "run", framework="torch")
    assert (ended.end, ended.position.step) == ("stopped early", 6)
    assert ended.position.best_epoch == 1


def test_a_damaged_state_gives_way_to_the_one_before(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.start({"a": 1})
    for step in (1, 2, 3):
        folder.keep(Position(step), {"weight": np.full(3, step)})
    states = sorted((tmp_path / "run" / "states").iterdir())
    assert len(states) == 2
    states[-1].write_bytes(states[-1].read_bytes()[:40])
    position, state = folder.go_on({"a": 1})
    assert position == Position(2)
    assert (state["weight"] == 2).all()
    states[0].write_bytes(b"")
    with pytest.raises(TrainingError, match="no state to go on from"):
        folder.go_on({"a": 1})


def test_a_full_disk_leaves_the_last_good_state(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.start({})
    folder.keep(Position(1), {"weight": np.ones(3)})
    with room_for(10_000), pytest.raises(TrainingError, match="make room"):
        folder.keep(Position(2), {"weight": np.ones(10_000)})
    assert folder.go_on({})[0] == Position(1)
    assert [path.name for path in (tmp_path / "run" / "states").iterdir()] == ["step-000000001.safetensors"]


def test_shipped_configurations_are_the_recipes():
    assert read_configuration("original").recipe == ORIGINAL
    assert read_configuration("simple").recipe == SIMPLE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("batch_size: 384", "batch_size: 384\n  colour: red"), r"line \d+: unknown key recipe.colour"),
        (("batch_size: 384", "batch_size: many"), r"line \d+: recipe.batch_size: Input should be a valid integer"),
        (("batch_size: 384", "batch_size: 10"), "must be a multiple of 4"),
        (("batch_size: 384", "batch_size: 384\n  batch_size: 8"), "batch_size is given twice"),
        (("epochs: 3", "# none"), "recipe.epochs is missing"),
        (("kind: one_cycle", "kind: two_cycle"), r"line \d+: recipe.schedule.kind"),
        (("pct_start: 0.3", "gamma: 0.3"), r"line \d+: unknown key recipe.schedule.gamma"),
        (("clip_norm: null", "clip_norm: 1.0\n  clip_value: 1.0 #"), "given twice"),
        (("latent_size: 32", "latent_size: 0"), "latent_size=0: must be at least 1"),
        (("recipe:", "recipe: ["), "It must be YAML"),
    ],
)
def test_a_configuration_that_cannot_be_used_names_its_line(tmp_path, change, message):
    from finta.training.configurations import SHIPPED

    path = tmp_path / "mine.yaml"
    path.write_text((SHIPPED / "original.yaml").read_text().replace(*change, 1))
    with pytest.raises(ConfigurationError, match=message) as raised:
        read_configuration(path)
    assert str(path) in str(raised.value)


def test_the_command_says_how_it_ended_and_how_to_go_on(batches, tmp_path, run_cli):
    run_finta = partial(run_cli, commands=app, expected=(TractographyError, FintaError))
    missing = run_finta("train", tmp_path / "no.yaml", "--batches", batches, "--output", tmp_path / "run")
    assert missing.status == 2
    assert "original, simple" in missing.err
    folder = run_finta("train", "simple", "--batches", tmp_path, "--output", tmp_path / "run")
    assert folder.status == 2
    assert "No HDF5 file of batches at" in folder.err
    configuration = tmp_path / "mine.yaml"
    configuration.write_text(json.dumps(SMALL.as_json()))
    arguments = ("train", configuration, "--batches", batches, "--output", tmp_path / "run", "--framework", "torch")
    shown = run_finta(*arguments)
    assert shown.status == 0, shown.err
    assert "finished after 6 steps" in shown.out
    assert "lowest validation loss" in shown.out
    again = run_finta(*arguments)
    assert again.status == 2
    assert "--resume" in again.err
    unseen = replace(SMALL, run=replace(SMALL.run, validate_every=9))
    configuration.write_text(json.dumps(unseen.as_json()))
    shown = run_finta(*(tmp_path / "other" if word == tmp_path / "run" else word for word in arguments))
    assert shown.out == "finished after 6 steps\nno validation yet\n"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_every_backend_trains_at_a_constant_rate(backend, precision, batches, tmp_path):
    constant = replace(RECIPE, schedule=Constant(learning_rate=1e-4))
    configuration = tmp_path / "mine.yaml"
    settings = replace(SMALL, recipe=constant, run=replace(SMALL.run, precision=precision, compiled=True))
    configuration.write_text(json.dumps(settings.as_json()))
    command = ["train", configuration, "--batches", batches, "--output", tmp_path / "run"]
    script = f"import sys; sys.argv = {['finta', *map(str, command)]!r}; from finta.cli import main; main()"
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "finished after 6 steps" in done.stdout
