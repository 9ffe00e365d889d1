"""The recipe on every backend, a process each: ``pytest -m slow parity_tests/keras_model/test_recipe_backends.py``."""

import os
import subprocess
import sys

import numpy as np
import pytest

from parity_tests.keras_model.trajectories import LOSSES, ON_BACKENDS, RECIPES, SHAPES, STEPS, greatest_error, of_torch
from porting.requirements import BACKENDS

pytestmark = pytest.mark.slow

KERAS_UNDER_NUMPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


def run(backend, path, **environment):
    command = [
        sys.executable,
        *("-W", "error", "-W", KERAS_UNDER_NUMPY),
        "-m",
        "parity_tests.keras_model.trajectories",
        path,
    ]
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONWARNINGS": "", **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(np.load(path))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backends")
    wide = {backend: run(backend, folder / f"{backend}.npz", JAX_ENABLE_X64="1") for backend in BACKENDS}
    return wide | {"jax, 32 bits": run("jax", folder / "narrow.npz")}


def trajectory(arrays, name):
    return [[arrays[f"{name}/{step}/{number}"] for number in range(len(SHAPES))] for step in range(STEPS)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_parameter_is_torchs_after_every_step(backend, found):
    for name in ON_BACKENDS:
        assert greatest_error(trajectory(found[backend], name), of_torch(RECIPES[name])) <= 1e-12, name


def test_jax_without_float64_rounds_and_no_more(found):
    for name in ON_BACKENDS:
        ours = trajectory(found["jax, 32 bits"], name)
        assert ours[0][0].dtype == "float32"
        assert greatest_error(ours, of_torch(RECIPES[name], "float32")) <= 2e-6, name


def test_initial_weights_are_the_same_to_the_bit(found):
    names = [name for name in found["jax"] if name.startswith("weights/")]
    assert len(names) == 28
    for arrays in found.values():
        assert all(np.array_equal(arrays[name], found["tensorflow"][name]) for name in names)


def test_losses_are_the_same(found):
    for name in LOSSES:
        for part in ("reconstruction", "latent"):
            values = [float(found[backend][f"{name}/{part}"]) for backend in BACKENDS]
            assert values == pytest.approx([values[0]] * 3, rel=1e-14)


def test_as_a_pure_function_and_in_fit_it_is_the_same(found):
    for backend in ("jax", "torch", "jax, 32 bits"):
        assert found[backend]["pure"] == pytest.approx(found[backend]["original/0/0"], rel=1e-6)
    for arrays in found.values():
        assert arrays["fit/loss"] == pytest.approx(found["tensorflow"]["fit/loss"], rel=1e-5)
