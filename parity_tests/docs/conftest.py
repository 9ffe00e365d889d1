import os
import sys

import pytest

from parity_tests.docs.running import REPOSITORY, forget_modules_of


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """An empty folder with the clone's checkpoints to work in, on a console of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["python"])
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tmp_path / "checkpoints").symlink_to(REPOSITORY / "checkpoints")
    yield tmp_path
    forget_modules_of(tmp_path)
