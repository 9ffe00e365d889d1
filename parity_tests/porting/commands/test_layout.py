import re
import signal
import subprocess
import sys
import time

import pytest

from finta.cli import app as finta
from porting.commands.cli import app as porting

COMMANDS = [
    *[(porting, name) for name in ("", "plan", "convert", "verify", "inspect", "export", "demo", "verify-training")],
    *[(finta, name) for name in ("", "batches", "batches build", "batches pack", "batches info", "train", "encode")],
    *[(finta, name) for name in ("reconstruct", "thresholds", "filter", "evaluate", "sample", "verify-decisions")],
]


def help_of(run_cli, monkeypatch, app, name, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    return run_cli(*name.split(), "--help", commands=app)


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_help_fits_and_cuts_nothing(app, name, columns, run_cli, monkeypatch):
    wide = help_of(run_cli, monkeypatch, app, name, 400).out
    shown = help_of(run_cli, monkeypatch, app, name, columns)
    assert shown.status == 0
    assert max(map(len, shown.out.splitlines())) <= columns
    whole, folded = ("".join(text.replace("\\", "").split()) for text in (wide, shown.out))
    assert folded == whole
    assert "…" not in shown.out


@pytest.mark.parametrize(("app", "name"), [(app, name) for app, name in COMMANDS if name not in ("", "batches")])
def test_each_command_shows_an_example_and_can_be_quiet(app, name, run_cli, monkeypatch):
    shown = help_of(run_cli, monkeypatch, app, name, 80).out
    program = "finta" if app is finta else "porting"
    assert f"Example:\n  {program} {name}" in shown
    assert "-q, --quiet" in shown


def test_options_stand_in_groups_and_brackets_stay(run_cli, monkeypatch):
    shown = help_of(run_cli, monkeypatch, finta, "sample", 80).out
    assert re.findall(r"^(\w.*):$", shown, re.MULTILINE) == [
        "Arguments",
        "Options",
        "Writing",
        "Anatomy",
        "Drawing",
        "Settings of each bundle, in the published files",
        "Example",
    ]
    assert "--number-rejection-sampling FILE" in shown
    assert "ratio.json: [subject, atlas] of each bundle." in shown


@pytest.mark.parametrize("app", [porting, finta])
def test_versions_completion_and_what_was_meant_are_told(app, run_cli):
    import porting as package

    name = "finta" if app is finta else "porting"
    assert run_cli("--version", commands=app).out == f"{name} {package.__version__}\n"
    assert "--install-completion" in run_cli("--help", commands=app).out
    assert (
        "Did you mean --force" in run_cli(*(["encode"] if app is finta else ["convert"]), "--forse", commands=app).err
    )


@pytest.mark.slow
def test_quiet_shows_nothing_and_keeps_the_status(small_port, run_cli):
    done = run_cli("verify", small_port, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert "PASS" in run_cli("verify", small_port).out
    assert run_cli("verify", "gone.keras", "-q").err.startswith("Error: No converted checkpoint")


def test_ctrl_c_prints_its_line(small_checkpoint, tmp_path):
    command = [sys.executable, "-m", "porting", "convert", str(small_checkpoint), "-o", str(tmp_path / "port")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2.5)  # it is loading the frameworks, or running the models
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert said.endswith("Error: Interrupted. Nothing was changed.\n")
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())
