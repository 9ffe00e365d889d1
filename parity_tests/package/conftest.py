import shutil
import sys

import pytest

from parity_tests.package.processes import PACKAGES, REPOSITORY, run


@pytest.fixture(scope="package")
def wheel(tmp_path_factory):
    """Build it from a copy, so that nothing of an earlier build gets into it and none is left here."""
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("made")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "checkpoints"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=unwanted)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run(copy, sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", made, copy)
    return next(made.glob("porting-*.whl"))
