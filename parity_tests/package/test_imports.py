"""Who may import whom: a fresh interpreter with a framework blocked must still do its part."""

import subprocess
import sys

import pytest

from finta import shipped

HIDE = """
from importlib.machinery import PathFinder
find_spec = PathFinder.find_spec
PathFinder.find_spec = lambda name, *where: None if name.partition(".")[0] in {hidden} else find_spec(name, *where)
"""


def run_without(hidden, code):
    """Run code in a fresh interpreter in which some packages are as good as not installed."""
    script = HIDE.format(hidden=sorted(hidden)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


LIGHT = {"torch", "tensorflow", "jax", "keras"}
TOOLS = {"typer", "einops", "safetensors", "dipy", "nibabel", "trx", "torch"}

WORKS_WITHOUT = {
    "porting without any framework": (
        LIGHT,
        "import porting, porting.rules.table, porting.plans.mapper, porting.proof.judgement",
    ),
    "porting's command line without any framework": (LIGHT, "import porting.cli, finta.cli"),
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
    "golden replay and keras_model without torch": (
        {"torch"},
        f"import porting; assert porting.verify({str(shipped.KERAS_CHECKPOINT)!r}).verdict.value == 'PASS'\n"
        "import keras_model.training.recipe, keras_model.training.trainee",
    ),
}


@pytest.mark.parametrize(("blocked", "code"), WORKS_WITHOUT.values(), ids=WORKS_WITHOUT)
def test_works_without(blocked, code):
    done = run_without(blocked, code)
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
        "import sys, porting.cli\n"
        "sys.argv = ['porting', '--help']\n"
        "assert porting.cli.run(porting.cli.app) == 0\n"
        "assert not {'torch', 'keras', 'numpy', 'einops', 'h5py'} & set(sys.modules)"
    )
    done = run_without((), code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "hidden", "words"),
    [
        ("encode a.trk --output b.h5", "dipy", "dipy. This command needs it: pip install 'porting[filter]'."),
        ("encode a.trx --output b.h5", "trx", "trx-python. This command needs it: pip install 'porting[filter]'."),
        ("reconstruct a.trk --output b.trk", "nibabel", "nibabel. This command needs it: pip install"),
        (
            "encode a.trk --output b.h5 --scheduler tcp://c:1",
            "distributed",
            "distributed. --scheduler needs it: pip install 'porting[cluster]'.",
        ),
        (
            "thresholds --atlas a --bundles b --output c.json",
            "sklearn",
            "scikit-learn. Filtering needs it: pip install",
        ),
        (
            "filter a.trk --atlas b --thresholds c --output d",
            "matplotlib",
            "matplotlib. Filtering needs it: pip install",
        ),
        (
            "filter a.trk --atlas b --thresholds c --output d --index approximate",
            "faiss",
            "faiss-cpu. Filtering needs it: pip install 'porting[filter]'.",
        ),
        ("evaluate --atlas a --bundles b --thresholds c --output d", "sklearn", "scikit-learn. Filtering needs it"),
    ],
)
def test_the_commands_that_use_a_model_say_what_to_install(command, hidden, words):
    arguments = [*command.split(), "--model", str(shipped.KERAS_CHECKPOINT)]
    code = f"import sys, finta.cli; sys.argv = ['finta', *{arguments!r}]; finta.cli.main()"
    done = run_without({hidden}, code)
    assert done.returncode == 2, done.stderr
    assert f"Error: Not installed: {words}" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "{pt}", "{keras}"],
        ["plan", "finta", "{pt}"],
        ["convert", "{pt}", "--output", "nowhere/"],
        ["export", "{keras}", "--output", "nowhere.pt"],
        ["inspect", "{pt}"],
    ],
    ids=lambda command: command[0],
)
def test_what_needs_torch_says_so(command):
    named = {"pt": shipped.TORCH_CHECKPOINT, "keras": shipped.KERAS_CHECKPOINT}
    arguments = [word.format(**named) for word in command]
    code = f"import sys, porting.cli; sys.argv = ['porting', *{arguments!r}]; porting.cli.main()"
    done = run_without({"torch"}, code)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: This needs PyTorch: pip install torch.")
