"""What a wheel holds, and that it is enough where there is no clone."""

import sys
import zipfile

import pytest

from finta import shipped
from parity_tests.package.processes import PACKAGES, REPOSITORY, run

LARGEST = 25_000_000
"""Bytes."""

FOUND = """
import sys
from pathlib import Path
from finta import pair, shipped
from porting.evidence.certificates import broken_seal
assert shipped.FOLDER == Path(sys.argv[1], "finta", "checkpoints")
assert not shipped.TORCH_CHECKPOINT.exists()
assert not broken_seal(shipped.KERAS_CHECKPOINT)
print(pair.read_probe({}, None, 9).arrays[0].shape)
"""


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Its content, where Python finds it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_a_wheel_holds_every_module_and_the_weights_once(wheel, installed):
    held = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    modules = {str(path.relative_to(REPOSITORY)) for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")}
    assert {name for name in held if name.endswith(".py")} == modules
    assert {name.partition("/")[0] for name in held if ".dist-info" not in name} == set(PACKAGES)
    assert {name for name in held if name.startswith("finta/checkpoints/")} == {
        f"finta/checkpoints/{name}"
        for name in (
            "README.md",
            "dipy_bundles_test.h5",
            "finta_dipy.certificate.json",
            "finta_dipy.golden.h5",
            "finta_dipy.keras",
        )
    }
    assert {f"{name}/py.typed" for name in PACKAGES} <= held
    assert wheel.stat().st_size <= LARGEST


def test_what_is_no_module_is_in_a_wheel_too(installed):
    """Files that the code reads: pages, recipes, SLURM scripts, the checkpoint."""
    found = {
        path.relative_to(REPOSITORY)
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert found
    assert not [str(path) for path in found if not (installed / path).is_file()]
    for path in shipped.FOLDER.glob("*.keras"):
        assert (installed / "finta" / "checkpoints" / path.name).read_bytes() == path.read_bytes()


def test_an_installed_wheel_finds_what_is_shipped_with_it(installed, tmp_path):
    told = run(tmp_path, sys.executable, "-c", FOUND, installed, PYTHONPATH=str(installed))
    assert told == "(9, 256, 3)\n"


def test_the_pytorch_checkpoint_that_a_wheel_lacks_is_exported_bit_for_bit(tmp_path, monkeypatch):
    import torch

    own = torch.load(shipped.TORCH_CHECKPOINT, weights_only=True)
    monkeypatch.setattr(shipped, "TORCH_CHECKPOINT", tmp_path / "not shipped" / "finta_dipy.pt")
    made = torch.load(shipped.torch_checkpoint(tmp_path), weights_only=True)
    weights, own_weights = made.pop("state_dict"), own.pop("state_dict")
    assert made == own
    assert list(weights) == list(own_weights)
    assert all(torch.equal(weights[name], own_weights[name]) for name in weights)
