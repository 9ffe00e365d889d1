"""What is not installed is one message with the line that installs it, and exit status 2: for every command."""

import json
import tomllib
from pathlib import Path

import pytest
import typer

import finta.cli
import finta.entry
import porting.commands.cli
import porting.entry
from finta import shipped
from parity_tests.package.blocking import run_without
from porting.errors import PairError
from porting.pairs.finding import resolve
from porting.requirements import COMMAND_LINE, EXTRAS, distribution
from porting.version import __version__

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]
NEEDS = {"porting": porting.entry.NEEDS, "finta": finta.entry.NEEDS}
BEYOND_THE_BASE = {module for modules in EXTRAS.values() for module in modules}


def names_of(command, before=""):
    for name, held in command.commands.items():
        called = f"{before} {name}".strip()
        yield from names_of(held, called) if hasattr(held, "commands") else [called]


COMMANDS = {
    "porting": sorted(names_of(typer.main.get_command(porting.commands.cli.app))),
    "finta": sorted(names_of(typer.main.get_command(finta.cli.app))),
}

TRY_EACH = """
import contextlib, io, json, sys
import {program}.entry
found = {{}}
for module in {modules!r}:
    hidden[:] = [module]
    sys.argv = [{program!r}, *{command!r}.split()]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            {program}.entry.main()
        except SystemExit as exit_:
            found[module] = exit_.code, told.getvalue()
print(json.dumps([found, sorted(set(sys.modules) & {modules!r})]))
"""


def run_command(program, arguments, hidden, **variables):
    words = [program, *map(str, arguments)]
    return run_without(
        hidden, f"import sys, {program}.entry; sys.argv = {words!r}; {program}.entry.main()", **variables
    )


def test_needs_are_those_of_commands_that_there_are():
    for program, needs in NEEDS.items():
        assert set(needs) <= set(COMMANDS[program])


@pytest.mark.parametrize(("program", "command"), [(name, command) for name in COMMANDS for command in COMMANDS[name]])
def test_each_command_says_of_each_package_that_it_needs_what_installs_it(program, command):
    modules, extra = NEEDS[program].get(command, ((), "verify"))
    code = TRY_EACH.format(program=program, command=command, modules={*COMMAND_LINE, *modules})
    done = run_without((), code)
    assert done.returncode == 0, done.stderr
    found, imported = json.loads(done.stdout)
    assert not imported  # so nothing was there that the message could have needed
    assert set(found) == {*COMMAND_LINE, *modules}
    for module, (status, told) in found.items():
        name = distribution(module)
        assert status == 2
        assert told.startswith(f"Error: Not installed: {name}. {program} {command} needs it:\n  pip install {name}\n")
        assert f"pip install 'porting[{extra}]', or in a clone pip install '.[{extra}]'" in told


@pytest.mark.parametrize("program", COMMANDS)
def test_the_base_install_tells_the_version_and_what_everything_else_needs(program):
    told = run_command(program, ["--version"], BEYOND_THE_BASE)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"{program} {__version__}\n", "")
    for arguments in ([], ["--help"], ["verify", "port.keras"]):
        done = run_command(program, arguments, BEYOND_THE_BASE)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "\n  pip install einops jinja2 rich safetensors typer\n" in done.stderr


LINES = {"porting": "porting.commands.cli", "finta": "finta.cli"}
HELP = """
import contextlib, io, sys
import {program}.entry
from porting.entry import enter
def shown():
    from {line} import app, run
    return run(app)
for command in {commands!r}:
    sys.argv = [{program!r}, *command.split(), "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert enter({program!r}, "__main__:shown", {program}.entry.NEEDS) == 0, command
    assert "Usage" in told.getvalue(), command
"""
"""Without the guard of the command line, which forks."""


@pytest.mark.parametrize(("program", "commands"), COMMANDS.items(), ids=COMMANDS)
def test_help_needs_nothing_but_what_every_command_does(program, commands):
    others = BEYOND_THE_BASE - {*COMMAND_LINE, "pydantic"}  # which typer's newer releases bring
    done = run_without(others, HELP.format(program=program, line=LINES[program], commands=commands))
    assert done.returncode == 0, done.stderr


MODEL = ("--model", shipped.KERAS_CHECKPOINT)
AT_SOME_TIME = {
    "a cluster": (
        ["encode", "a.trk", "--output", "b.h5", "--scheduler", "tcp://c:1", *MODEL],
        "distributed",
        "distributed",
        "cluster",
    ),
    "an approximate index": (
        ["filter", "a.trk", "--atlas", "b", "--thresholds", "c", "--output", "d", "--index", "approximate", *MODEL],
        "faiss",
        "faiss-cpu",
        "filter",
    ),
}


@pytest.mark.parametrize(("arguments", "hidden", "name", "extra"), AT_SOME_TIME.values(), ids=AT_SOME_TIME)
def test_what_an_option_needs_is_told_before_any_work(arguments, hidden, name, extra):
    done = run_command("finta", arguments, {hidden})
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"Error: Not installed: {name}. ")
    assert f"  pip install {name}\n" in done.stderr
    assert f"'porting[{extra}]'" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["verify", shipped.TORCH_CHECKPOINT, shipped.KERAS_CHECKPOINT], ["inspect", shipped.TORCH_CHECKPOINT]]
)
def test_a_pytorch_checkpoint_needs_torch_of_which_a_cpu_build_is_enough(arguments):
    done = run_command("porting", arguments, {"torch"})
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: Not installed: torch. The reference needs it:\n  pip install torch\n")
    assert "A CPU build of torch is enough." in done.stderr


def test_keras_without_any_backend_or_the_chosen_one_is_told():
    port = shipped.KERAS_CHECKPOINT
    done = run_command("porting", ["verify", port], {"tensorflow", "jax", "torch"}, KERAS_BACKEND="")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: Not installed: tensorflow, jax or torch. Keras needs one of them")
    done = run_command("porting", ["verify", port], {"jax"}, KERAS_BACKEND="jax")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: Not installed: jax. KERAS_BACKEND=jax needs it:\n  pip install jax\n")


def test_what_a_pair_of_ones_own_imports_is_told_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "own_pair.py").write_text("import a_package_of_models\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PairError, match=r"No module named 'a_package_of_models' \(.*own_pair.py, line 1\)"):
        resolve("own_pair:PAIR")


def test_the_table_of_extras_is_that_of_the_package():
    for extra, modules in EXTRAS.items():
        assert {distribution(module).lower() for module in modules} <= brought_by(extra) | {"distributed"}, extra
    listed = {distribution(module).lower() for module in BEYOND_THE_BASE}
    for extra in ("verify", "convert", "streamlines", "filter", "cluster", "train"):
        assert brought_by(extra) <= listed, extra


def brought_by(extra):
    """All packages that an extra brings, those of the extras that it is built on among them."""
    found = set()
    for requirement in OPTIONAL[extra]:
        name, _, rest = requirement.partition(">=")[0].partition("[")
        inner = rest.rstrip("]").split(",")
        found |= set().union(*map(brought_by, inner)) if name == "porting" else {name.lower()}
    return found
