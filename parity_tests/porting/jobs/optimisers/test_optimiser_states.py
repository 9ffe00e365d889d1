"""An optimiser's state moves with the weights: training goes on in the other framework."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import torch

import keras_model
from finta.cli import app as finta
from finta.errors import FintaError
from finta.pair import FINTA
from finta.recipe import ORIGINAL, SGD, Adam, Constant, StepDecay
from keras_model.training.trainer import Trainer
from parity_tests.streamlines import write_walks
from porting import convert, export
from porting.errors import CheckpointError, OutputError, PairError, PortFileError
from porting.jobs.optimisers import optimiser_states
from porting.jobs.optimisers.states import OptimiserState
from porting.plans.plan import LayerPair, Transfer, TransferPlan
from porting.port import side as keras_side
from porting.rules.table import LAYER_RULES
from reference_torch import trainer as torch_trainer
from tractography.errors import TractographyError

SIZES = {"latent_size": 4, "point_count": 64}
CYCLE = replace(ORIGINAL, batch_size=8, epochs=2, steps_per_epoch=5)
RECIPES = {
    "original": CYCLE,
    "AdamW": replace(CYCLE, schedule=Constant(1e-3), optimiser=Adam(weight_decay=0.01, decoupled=True)),
    "SGD": replace(CYCLE, schedule=StepDecay(1e-7, 1), optimiser=SGD(0.9, nesterov=True)),
}


def batches(count):
    walks = np.random.default_rng(3).normal(size=(count, 8, 64, 3)).cumsum(axis=2)
    return (4 * walks).astype(np.float32)


def in_keras(recipe, dtype="float32"):
    """A trainer that needs no time to compile."""
    autoencoder = keras_model.build_autoencoder(**SIZES, dtype=dtype)
    keras_model.initialise(autoencoder, 0)
    return Trainer(autoencoder, recipe, compiled=False)


def trained(recipe, steps, folder):
    """The checkpoint of a trainer of the reference that has taken some steps."""
    trainer = torch_trainer.build_trainer(recipe, **SIZES)
    for batch in batches(steps):
        trainer.step(batch)
    trainer.save(folder / "trained.pt", 1, 0.5)
    return folder / "trained.pt"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return trained(CYCLE, 4, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def port(checkpoint):
    convert(checkpoint, checkpoint.parent, with_optimiser=True)
    return checkpoint.with_suffix(".keras")


def in_keras_axes(name, tensor):
    layer, kind = name.replace(".1.", ".").split(".")
    return f"{layer}/{'kernel' if kind == 'weight' else 'bias'}", tensor.transpose(*reversed(range(tensor.ndim)))


def distance(ours, theirs):
    """The greatest of all weights of two trainers, as a share of how large each tensor is."""
    moved = dict(in_keras_axes(name, tensor.numpy()) for name, tensor in ours.model.state_dict().items())
    weights = {variable.path: np.asarray(variable) for variable in theirs.autoencoder.weights}
    assert moved.keys() == weights.keys()
    return max(np.abs(one - weights[path]).max() / np.abs(one).max() for path, one in moved.items())


def assert_same_steps(reference, port, given):
    """In float64, so that nothing but rounding is between them."""
    for batch in given:
        ours, theirs = reference.step(batch), port.step(batch)
        assert theirs.losses["total"] == pytest.approx(ours.losses["total"], rel=1e-10)
        assert (theirs.learning_rate, theirs.momentum) == pytest.approx((ours.learning_rate, ours.momentum), rel=1e-12)
    assert distance(reference, port) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_keras_goes_on_where_torch_was(recipe, tmp_path):
    path = trained(recipe, 4, tmp_path)
    conversion = convert(path, tmp_path, with_optimiser=True)
    assert "28 parameters" in conversion.optimiser
    reference = torch_trainer.build_trainer(recipe, precision="float64", **SIZES)
    with keras_side.precision("float64"):
        port = in_keras(recipe, "float64")
        assert reference.load(path, with_optimiser=True) == 4
        assert port.load(path.with_suffix(".keras"), with_optimiser=True) == 4
        assert_same_steps(reference, port, batches(7)[4:])


@pytest.mark.slow
def test_torch_goes_on_where_keras_was(port, tmp_path):
    ours = in_keras(CYCLE)
    ours.load(port, with_optimiser=True)
    for batch in batches(6)[4:]:
        ours.step(batch)
    ours.save(tmp_path / "further.keras", 1, 0.5)
    back = export(tmp_path / "further.keras", tmp_path / "further.pt", with_optimiser=True)
    reference = torch_trainer.build_trainer(CYCLE, precision="float64", **SIZES)
    assert reference.load(back, with_optimiser=True) == 6
    with keras_side.precision("float64"):
        port = in_keras(CYCLE, "float64")
        port.load(tmp_path / "further.keras", with_optimiser=True)
        assert_same_steps(reference, port, batches(9)[6:])


def test_without_further_training_the_state_comes_back_bit_for_bit(port, checkpoint, tmp_path):
    original = torch.load(checkpoint, weights_only=True)["optimizer"]
    exported = torch.load(export(port, tmp_path / "back.pt", with_optimiser=True), weights_only=True)["optimizer"]
    assert exported["param_groups"] == original["param_groups"]
    for number, held in original["state"].items():
        assert exported["state"][number].keys() == held.keys()
        assert all(torch.equal(exported["state"][number][name], value) for name, value in held.items())
    torch.optim.Adam(torch_trainer.Autoencoder(**SIZES).parameters()).load_state_dict(exported)


@pytest.mark.slow
def test_the_schedule_of_a_run_in_keras_is_one_that_torch_takes_up(tmp_path):
    ours = in_keras(CYCLE)
    for batch in batches(3):
        ours.step(batch)
    ours.save(tmp_path / "run.keras", 1, 0.5)
    exported = torch.load(export(tmp_path / "run.keras", tmp_path / "run.pt", with_optimiser=True), weights_only=True)
    model = torch_trainer.Autoencoder(**SIZES)
    optimiser = torch.optim.Adam(model.parameters())
    optimiser.load_state_dict(exported["optimizer"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=10, last_epoch=2)
    assert schedule.get_last_lr()[0] == pytest.approx(ours.step(batches(4)[3]).learning_rate, rel=1e-6)


def test_plain_keras_loads_the_port_with_its_optimiser(port):
    loaded = keras.saving.load_model(port, safe_mode=True)
    assert isinstance(loaded.optimizer, keras_model.TorchAdam)
    assert int(loaded.optimizer.iterations) == 4
    assert keras_model.load_autoencoder(port).compiled is False
    assert int(keras_model.load_autoencoder(port, with_optimiser=True).optimizer.iterations) == 4


def wrong(change):
    def make(content):
        change(content["optimizer"])
        return content

    return make


UNUSABLE = {
    "none": (lambda content: content | {"optimizer": None}, "holds no optimiser's state"),
    "of fewer parameters": (
        wrong(lambda held: held["param_groups"][0]["params"].pop()),
        "it is of 27 parameters, the model has 28",
    ),
    "of another shape": (
        wrong(lambda held: held["state"][3].update(exp_avg=torch.zeros(5))),
        r"its exp_avg of encod_conv2.1.bias has shape \(5,\), the parameter \(64,\)",
    ),
    "of frozen parameters": (
        wrong(lambda held: held["state"].pop(3)),
        "it has none for encod_conv2.1.bias",
    ),
    "in another precision": (
        wrong(lambda held: held["state"][3].update(exp_avg=torch.zeros(64, dtype=torch.float64))),
        "is torch.float64, the port's torch.float32",
    ),
    "at several steps": (
        wrong(lambda held: held["state"][3].update(step=torch.tensor(9.0))),
        "different numbers of steps: 4 to 9",
    ),
    "in groups without names": (
        wrong(lambda held: held["param_groups"].append(held["param_groups"][0] | {"params": []})),
        "in 2 groups, and it does not say which are whose",
    ),
}


@pytest.mark.parametrize(("change", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_state_that_cannot_be_moved_is_refused_before_anything_is_written(change, message, checkpoint, tmp_path):
    path = tmp_path / "wrong.pt"
    torch.save(change(torch.load(checkpoint, weights_only=True)), path)
    with pytest.raises(CheckpointError, match=message) as raised:
        convert(path, tmp_path / "port", with_optimiser=True)
    assert str(path) in str(raised.value)
    assert list(tmp_path.iterdir()) == [path]


def test_an_optimiser_without_a_twin_is_refused(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    content["optimizer"]["param_groups"][0]["amsgrad"] = True
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(PairError, match="amsgrad"):
        convert(tmp_path / "other.pt", tmp_path / "port", with_optimiser=True)


def test_only_a_graph_and_a_pair_that_says_how_can_hold_an_optimiser(checkpoint, tmp_path):
    with pytest.raises(OutputError, match="add keras"):
        convert(checkpoint, tmp_path, formats=("safetensors",), with_optimiser=True)
    with pytest.raises(PairError, match="does not say how its optimisers correspond"):
        convert(checkpoint, tmp_path / "port", pair=replace(FINTA, optimiser=None), with_optimiser=True)


@pytest.mark.slow
def test_a_port_without_a_known_optimiser_is_exported_without_one(small_port, tmp_path):
    with pytest.raises(PortFileError, match="holds no optimiser's state"):
        export(small_port, tmp_path / "back.pt", with_optimiser=True)
    tuned = keras_model.load_autoencoder(small_port)
    tuned.compile(optimizer=keras.optimizers.Adam())
    tuned.optimizer.build(tuned.trainable_variables)
    tuned.save(tmp_path / "tuned.keras")
    with pytest.raises(PortFileError, match="Adam steps otherwise than PyTorch's"):
        export(tmp_path / "tuned.keras", tmp_path / "back.pt", with_optimiser=True)
    assert export(tmp_path / "tuned.keras", tmp_path / "back.pt").is_file()


def test_a_run_does_not_start_from_an_optimiser_of_another_kind(port, small_port, tmp_path):
    other = in_keras(RECIPES["SGD"])
    with pytest.raises(ValueError, match="its optimiser keeps exp_avg, exp_avg_sq, the recipe's momentum_buffer"):
        other.load(port, with_optimiser=True)
    tuned = keras_model.load_autoencoder(small_port)
    tuned.compile(optimizer=keras.optimizers.Adam())
    tuned.optimizer.build(tuned.trainable_variables)
    tuned.save(tmp_path / "tuned.keras")
    with pytest.raises(ValueError, match="Adam steps otherwise than PyTorch's"):
        in_keras(CYCLE).load(tmp_path / "tuned.keras", with_optimiser=True)


def test_weights_alone_are_started_from(port, small_port):
    trainer = in_keras(CYCLE)
    assert trainer.load(port, with_optimiser=False) == 0
    saved = keras_model.load_autoencoder(port)
    for ours, theirs in zip(trainer.autoencoder.weights, saved.weights, strict=True):
        assert np.array_equal(ours, theirs)
    assert not any(np.asarray(moment).any() for moment in trainer.optimiser.exp_avg)


def test_states_of_tensors_that_keras_adds_up_are_refused():
    summed = Transfer(("bias_ih", "bias_hh"), "lstm/bias", "bias=2 unit -> unit", (2, 3), (3,))
    plan = TransferPlan((LayerPair("lstm", "lstm", LAYER_RULES[0], (summed,), "", ""),))
    state = OptimiserState(1, {"exp_avg": {"bias_ih": np.ones(3), "bias_hh": np.ones(3)}})
    with pytest.raises(PairError, match="bias_ih, bias_hh are one variable"):
        optimiser_states.to_port(state, plan)


@pytest.mark.slow
def test_a_run_starts_from_a_port_and_from_its_optimiser(port, checkpoint, tmp_path, run_cli):
    import json

    from finta.training.configurations import Configuration, RunSettings

    file = write_walks(tmp_path / "walks.h5")
    settings = Configuration(CYCLE, RunSettings(latent_size=4, compiled=False, validation_steps=1))
    (tmp_path / "mine.yaml").write_text(json.dumps(settings.as_json()))

    def train(*arguments):
        command = ("train", tmp_path / "mine.yaml", "--batches", file, *arguments)
        return run_cli(*command, commands=finta, expected=(TractographyError, FintaError))

    for name, path, framework in (("ours", port, "keras"), ("theirs", checkpoint, "torch")):
        options = ("--output", tmp_path / name, "--framework", framework)
        done = train(*options, "--start", path, "--with-optimizer")
        assert "finished after 10 steps" in done.out, done.err
        assert sorted(state.name for state in (tmp_path / name / "states").iterdir())[0] == "step-000000004.safetensors"
        assert "finished after 10 steps" in train(*options, "--start", path, "--resume").out
        assert "start: None then" not in train(*options, "--start", checkpoint.with_name("x.pt"), "--resume").out
        assert "finished after 10 steps" in train(*options, "--resume").out
    fresh = train("--output", tmp_path / "fresh", "--start", port)
    assert "finished after 10 steps" in fresh.out, fresh.err
    other = train("--output", tmp_path / "other", "--start", checkpoint)
    assert other.status == 2
    assert "porting convert makes one of a checkpoint" in other.err
    assert not (tmp_path / "other").exists()
    spent = replace(settings, recipe=replace(CYCLE, epochs=1, steps_per_epoch=4))
    (tmp_path / "mine.yaml").write_text(json.dumps(spent.as_json()))
    for path, framework in ((port, "keras"), (checkpoint, "torch")):
        options = ("--framework", framework, "--output", tmp_path / "spent")
        done = train(*options, "--start", path, "--with-optimizer")
        assert "has taken 4 steps, the recipe has 4" in done.err
