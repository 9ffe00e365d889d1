import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

# Before any framework, and for the processes that tests start. OpenMP's threads wait for work busily: with one for each
# core in each of two processes, the tests took twice the processor's time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Chosen, so that not every verification starts a process for TensorFlow's other setting.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from finta import shipped
from porting import convert
from porting.commands import cli
from porting.port import side as keras_side


def pytest_collectstart():
    """Import Keras before any test does; pytest-xdist's first process, which only shares tests out, never does."""
    keras_side.prepare()


def pytest_addoption(parser):
    group = parser.getgroup("parity", "parity of a port of your own")
    group.addoption("--checkpoint", type=Path, default=shipped.TORCH_CHECKPOINT, help="PyTorch checkpoint")
    group.addoption("--port", type=Path, default=shipped.KERAS_CHECKPOINT, help="its converted checkpoint")
    group.addoption("--batches", type=Path, default=shipped.DIPY_BATCHES, help="HDF5 batches of streamlines")


@pytest.fixture(scope="session")
def checkpoint(request):
    return request.config.getoption("--checkpoint")


@pytest.fixture(scope="session")
def port(request):
    return request.config.getoption("--port")


@pytest.fixture(scope="session")
def batches(request):
    return request.config.getoption("--batches")


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Fill a folder in whichever process of a run needs it first; the others read what is there."""
    own = tmp_path_factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def filled(name, fill):
        with FileLock(base / f"{name}.lock"):
            if not (base / name).exists():
                fill(part := tmp_path_factory.mktemp(name))
                part.rename(base / name)
        return base / name

    return filled


@pytest.fixture(scope="session")
def small_checkpoint(once):
    """The published layout at the smallest sizes, with weights as large as trained ones."""
    return once("small", _save_small) / "small.pt"


def _save_small(folder):
    import torch

    import reference_torch
    from parity_tests.porting.zoo.weights import randomise

    state_dict = randomise(reference_torch.Autoencoder(latent_size=4, point_count=64)).state_dict()
    torch.save({"epoch": 3, "state_dict": state_dict, "lowest_loss": 0.5, "optimizer": {}}, folder / "small.pt")


@pytest.fixture(scope="session")
def small_port(small_checkpoint, once):
    """Its conversion in all formats."""
    formats = ("keras", "weights.h5", "safetensors")
    return once("converted", lambda folder: convert(small_checkpoint, folder, formats=formats)) / "small.keras"


@pytest.fixture
def run_cli(capsys, monkeypatch):
    """Run a command line in this process: its exit status, and what it printed on a wide console."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, commands=cli.app, expected=()):
        monkeypatch.setattr(sys, "argv", ["porting", *map(str, arguments)])
        capsys.readouterr()
        status = cli.run(commands, *expected)
        printed = capsys.readouterr()
        return SimpleNamespace(status=status, out=printed.out, err=printed.err)

    return run
