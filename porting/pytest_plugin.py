"""The pytest plugin: reports of `assert_parity` as files, and golden files for any array.

Imports neither a framework nor anything that needs one until a test asks for it.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from porting import testing

if TYPE_CHECKING:
    from porting.records.verdict import ParityReport

FOLDER = "golden"
"""Folder of golden files, beside the test file."""

RTOL = 1e-5
"""Greatest difference relative to the greatest recorded value, where a test states none."""

_LONGEST_NAME = 200

_written = pytest.StashKey[dict[Path, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("porting", "parity of ports")
    group.addoption(
        "--porting-report", type=Path, metavar="DIR", help="Write each report of assert_parity there, as JSON and HTML."
    )
    group.addoption("--porting-update-golden", action="store_true", help="Record what porting_golden is given.")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of reports before any test runs."""
    config.stash[_written] = {}
    if config.getoption("--porting-update-golden") and config.getoption("dist", "no") not in ("no", "loadfile"):
        raise pytest.UsageError(
            "--porting-update-golden: processes that share the tests of a file cannot see that two of them record one "
            "array. Give pytest-xdist --dist loadfile."
        )
    if folder := config.getoption("--porting-report"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--porting-report {folder}: no folder, {error.strerror}.") from error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write the reports of a test, and of the fixtures set up for it, under its name."""
    folder = item.config.getoption("--porting-report")
    if not folder:
        return (yield)
    with testing.listening(_writer(folder, item.nodeid)):
        return (yield)


def _writer(folder: Path, test: str) -> "Callable[[ParityReport], None]":
    name = re.sub(r"[^\w.=]+", "-", test).strip("-")[-_LONGEST_NAME:]
    count = 0

    def write(report: "ParityReport") -> None:
        nonlocal count
        count += 1
        _write_report(folder / (f"{name}-{count}" if count > 1 else name), report)

    return write


def _write_report(stem: Path, report: "ParityReport") -> None:
    from porting.files.placement import write_text
    from porting.reports.documents import as_json
    from porting.reports.page import render_page

    write_text(stem.with_name(f"{stem.name}.json"), json.dumps(as_json(report), indent=1) + "\n")
    write_text(stem.with_name(f"{stem.name}.html"), render_page(report))


@pytest.fixture
def porting_golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Hold arrays against the golden file of a name: ``porting_golden("latent", codes)``, or a mapping of several.

    The file is ``golden/MODULE/NAME.h5`` beside the test file; ``--porting-update-golden`` writes it. An array must
    have the recorded type and shape; floats may differ by `rtol` of the greatest recorded value, others must be equal.
    """

    def compare(name: str, arrays: Any, rtol: float = RTOL) -> None:
        __tracebackhide__ = True
        path = _golden_file(request, name)
        if message := _golden_difference(request.config, path, _as_arrays(arrays), rtol, request.node.nodeid):
            pytest.fail(message, pytrace=False)

    return compare


def _golden_file(request: pytest.FixtureRequest, name: str) -> Path:
    if not re.fullmatch(r"\w[\w.=+-]*", name):
        pytest.fail(f'porting_golden("{name}"): give a name of letters, digits and . _ = + - alone.', pytrace=False)
    return request.path.parent / FOLDER / request.path.stem / f"{name}.h5"


def _as_arrays(given: Any) -> dict[str, Any]:
    import numpy as np

    named = given if hasattr(given, "items") else {"array": given}
    return {name: np.asarray(array) for name, array in named.items()}


def _golden_difference(config: pytest.Config, path: Path, arrays: dict[str, Any], rtol: float, test: str) -> str:
    """Say how arrays differ from a golden file; where it is to be updated, write it and find no difference."""
    from porting.errors import PortingError

    try:
        if config.getoption("--porting-update-golden"):
            return _update(config, path, arrays, test)
        return _drift(path, arrays, rtol)
    except PortingError as error:
        return str(error)


def _drift(path: Path, arrays: dict[str, Any], rtol: float) -> str:
    from porting.evidence import recordings

    if not path.is_file():
        return f"No golden file at {path}. Record it with --porting-update-golden, and look at what you record."
    recorded, versions = recordings.read_recording(path)
    found = list(recordings.differences(recorded, arrays, rtol))
    return recordings.drift_message(path, found, versions) if found else ""


def _update(config: pytest.Config, path: Path, arrays: dict[str, Any], test: str) -> str:
    """Record arrays, unless they are recorded already to the bit, so that a repository sees only what changed."""
    from porting.evidence import recordings

    if (other := config.stash[_written].setdefault(path, test)) != test:
        return f"{path} is also what {other} records. Give each its own name, a parametrised test one per parameter."
    if not (path.is_file() and _holds(path, arrays)):
        recordings.write_recording(path, arrays)
    return ""


def _holds(path: Path, arrays: dict[str, Any]) -> bool:
    from porting.errors import InputError
    from porting.evidence import recordings

    try:
        recorded, _ = recordings.read_recording(path)
    except InputError:
        return False
    return not list(recordings.differences(recorded, arrays, 0.0))
