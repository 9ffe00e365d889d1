"""Who may import whom: a fresh interpreter with a framework blocked must still do its part."""

import pytest

from finta import shipped
from parity_tests.package.blocking import run_without

LIGHT = {"torch", "tensorflow", "jax", "keras"}
TOOLS = {"typer", "einops", "safetensors", "dipy", "nibabel", "trx", "torch"}

WORKS_WITHOUT = {
    "porting without any framework": (
        LIGHT,
        "import porting, porting.rules.table, porting.plans.mapper, porting.proof.judgement",
    ),
    "porting's command line without any framework": (LIGHT, "import porting.commands.cli, finta.cli"),
    "the pair as data without any framework": (LIGHT, "import finta.pair, finta.recipe"),
    "reference_torch without keras": (
        {"keras", "tensorflow", "jax"},
        "import reference_torch.training, reference_torch.recipe",
    ),
    "tractography without any framework": (
        LIGHT,
        "import tractography.batches.batches, tractography.files.tractograms",
    ),
    "generation without any framework": (
        LIGHT,
        "import tractography.generating.generation, tractography.generating.volumes, finta.generating.generation",
    ),
    "feeds and packing with nothing but numpy and h5py": (
        LIGHT | TOOLS | {"scipy", "rich"},
        "import tractography.batches.feeds, tractography.batches.packing",
    ),
    "the reference's feed without keras": (
        {"keras", "tensorflow", "jax", "tractography"},
        "import reference_torch.feeding",
    ),
    "keras' feed without tensorflow or torch": (
        {"torch", "tensorflow"},
        "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras_model.feeding",
    ),
    "loading and predicting with nothing but keras and what it needs": (
        TOOLS,
        "import numpy, keras_model\n"
        f"model = keras_model.load_autoencoder({str(shipped.KERAS_CHECKPOINT)!r})\n"
        "assert model.predict(numpy.zeros((2, 256, 3), 'float32'), verbose=0).shape == (2, 256, 3)",
    ),
}

WITHOUT_TORCH = (
    f"import porting; assert porting.verify({str(shipped.KERAS_CHECKPOINT)!r}).verdict.value == 'PASS'\n"
    "import keras_model.training.recipe, keras_model.training.trainee"
)


@pytest.mark.parametrize(("blocked", "code"), WORKS_WITHOUT.values(), ids=WORKS_WITHOUT)
def test_works_without(blocked, code):
    done = run_without(blocked, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_golden_replay_and_training_work_without_torch():
    done = run_without({"torch"}, WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr


def test_the_block_is_one_that_can_fail():
    for module in sorted(LIGHT | TOOLS):
        done = run_without({module}, f"import {module}")
        assert done.returncode == 1
        assert f"No module named '{module}'" in done.stderr
    assert run_without({"torch"}, "import reference_torch").returncode == 1
    assert run_without({"keras"}, "import keras_model").returncode == 1


def test_the_command_line_imports_no_framework_to_show_its_help():
    code = (
        "import sys, porting.commands.cli\n"
        "sys.argv = ['porting', '--help']\n"
        "assert porting.commands.cli.run(porting.commands.cli.app) == 0\n"
        "assert not {'torch', 'keras', 'numpy', 'einops', 'h5py'} & set(sys.modules)"
    )
    done = run_without((), code)
    assert done.returncode == 0, done.stderr
