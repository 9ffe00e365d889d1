"""Real environments that hold one extra and nothing else: ``pytest -m slow parity_tests/package``."""

import re
import sys

import pytest

import finta.entry
import porting.entry
from finta import shipped
from parity_tests.package.processes import REPOSITORY, run, start
from parity_tests.package.test_missing_packages import COMMANDS
from porting.requirements import COMMAND_LINE, distribution

pytestmark = pytest.mark.slow

NEEDS = {"porting": porting.entry.NEEDS, "finta": finta.entry.NEEDS}

IMPORT = """
import importlib.util, sys
import numpy, keras_model
for name in ("torch", "typer", "einops", "safetensors", "dipy", "nibabel"):
    assert importlib.util.find_spec(name) is None, name
model = keras_model.load_autoencoder(sys.argv[1])
assert model.predict(numpy.zeros((2, 256, 3), "float32"), verbose=0).shape == (2, 256, 3)
"""

SHIPPED = "from finta import shipped; print(shipped.KERAS_CHECKPOINT)"
HAS = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"


class Environment:
    """A virtual environment, and an empty folder to use it in."""

    def __init__(self, folder, **variables):
        self.variables = variables
        self.folder = folder / "empty"
        self.folder.mkdir()
        run(folder, sys.executable, "-m", "venv", folder / "environment")
        self.programs = folder / "environment" / "bin"

    def install(self, *what):
        constraints = REPOSITORY / "constraints.txt"
        self.run("python", "-m", "pip", "install", "--quiet", *what, "--constraint", constraints)

    def run(self, program, *arguments):
        return run(self.folder, self.programs / program, *arguments, **self.variables)

    def start(self, program, *arguments):
        return start(self.folder, self.programs / program, *arguments, **self.variables)


@pytest.mark.parametrize(("extra", "backend"), [("tensorflow-cpu", "tensorflow"), ("jax", "jax")])
def test_one_backend_is_enough_to_load_and_predict_and_with_the_commands_to_verify(extra, backend, tmp_path):
    held = Environment(tmp_path, KERAS_BACKEND=backend)
    held.install("--editable", f"{REPOSITORY}[{extra}]")
    held.run("python", "-c", IMPORT, shipped.KERAS_CHECKPOINT)
    held.install("--editable", f"{REPOSITORY}[{extra},verify]")
    assert "PASS: the port computes" in held.run("porting", "verify", shipped.KERAS_CHECKPOINT)


@pytest.mark.parametrize("extra", ["", "jax", "verify", "convert", "streamlines", "filter", "cluster", "train"])
def test_with_one_extra_each_command_goes_to_work_or_says_what_to_install(extra, wheel, tmp_path):
    held = Environment(tmp_path)
    held.install(f"{wheel}[{extra}]" if extra else wheel)
    for program, commands in COMMANDS.items():
        assert held.run(program, "--version").startswith(program)
        for command in commands:
            modules, brings_all = NEEDS[program].get(command, ((), "verify"))
            needed = [*COMMAND_LINE, *modules]
            there = held.run("python", "-c", HAS, *needed).split()
            missing = [distribution(name) for name in needed if name not in there]
            done = held.start(program, *command.split())
            assert done.returncode == 2, (program, command, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
            assert done.stderr.startswith(f"Error: Not installed: {', '.join(missing)}. ") == bool(missing)
            if brings_all == extra:
                assert not missing
                assert "Usage" in held.run(program, *command.split(), "--help")


def test_whoever_does_what_the_messages_say_comes_to_a_verdict(wheel, tmp_path):
    held = Environment(tmp_path, KERAS_BACKEND="jax")
    held.install(wheel)
    port = held.run("python", "-c", SHIPPED).strip()
    assert port.startswith(str(tmp_path))
    for _ in range(3):
        done = held.start("porting", "verify", port)
        if done.returncode != 2:
            break
        said = re.search(r"^  pip install (.+)$", done.stderr, re.MULTILINE)
        assert said, done.stderr
        held.install(*said[1].split())
    assert done.returncode == 0, done.stderr
    assert "PASS: the port computes" in done.stdout


def test_the_line_for_an_index_adds_an_extra_to_what_is_installed(tmp_path):
    """To an editable install, too, without any index having this project."""
    held = Environment(tmp_path)
    held.install("--editable", REPOSITORY)
    said = re.search(r"pip install '(porting\[\w+\])'", held.start("porting", "verify", "port.keras").stderr)
    assert said
    held.install(said[1])
    assert "Usage" in held.run("porting", "verify", "--help")


def test_the_demo_runs_from_a_wheel_in_an_empty_folder(wheel, tmp_path):
    held = Environment(tmp_path, KERAS_BACKEND="jax")
    held.install(f"{wheel}[jax,convert,streamlines]")
    shown = held.run("porting", "demo")
    assert "PASS: the port computes" in shown
    assert "the two models are the same function" in " ".join(shown.split())
    assert not list(held.folder.iterdir())
