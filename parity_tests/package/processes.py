"""Processes that must succeed, and the repository that they install."""

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("finta", "keras_model", "porting", "reference_torch", "tractography")


def start(folder, *command, **variables):
    """Run a command in a folder, without the paths of this process' Python unless they are given."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    words = [*map(str, command)]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def run(folder, *command, **variables):
    """Run a command that must succeed, and give its output."""
    done = start(folder, *command, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
