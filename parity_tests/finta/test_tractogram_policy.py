"""Every command, and `Finta`, makes of a tractogram what the policy says."""

import json
import re
import warnings

import h5py
import numpy as np
import pytest

from finta.cli import app
from finta.dipy_model import Finta
from finta.errors import FintaError
from parity_tests.tractography.files.handmade import COUNT, LINES, write_reference, write_trk
from parity_tests.tractography.files.policy import CASES, NO_SPACE, REFUSED, SKIPPED, WORDS, trk
from porting.statuses import EXIT_STATUS
from tractography.batches.batches import inspect_batches
from tractography.errors import TractogramWarning, TractographyError
from tractography.files.formats import format_of, name_of
from tractography.files.pieces import open_tractogram

SHOWN = [SKIPPED[-1], WORDS[-1], NO_SPACE[0], REFUSED[0]]
"""A row of each kind, by every command; the others by some commands, and all by all where slow tests run."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An atlas of two bundles, thresholds, and the image."""
    folder = tmp_path_factory.mktemp("policy")
    for name in ("atlas", "known"):
        (folder / name).mkdir()
        write_trk(folder / name / "other.trk", [line[:, [1, 0, 2]] + np.float32([40, 60, 0]) for line in LINES])
    write_trk(folder / "atlas" / "a.trk")
    (folder / "thresholds.json").write_text(json.dumps({"a": 1e9, "other": 1e9}))
    write_reference(folder / "image.nii.gz")
    return folder


def encode(path, out, model, folder):
    yield "encode", path, "--model", model, "--output", out / "codes.h5"
    with h5py.File(out / "codes.h5") as file:
        finite = np.isfinite(file["latent_codes"][:]).all(axis=1)
        assert file.attrs["skipped"] == (~finite).sum()
    yield int(finite.sum()), int((~finite).sum())


def build(path, out, model, folder):
    done = yield "batches", "build", path, "--output", out / "b.h5", "--split", "test", "--points", "16"
    yield inspect_batches(out / "b.h5").total("test"), told(done.err)


def reconstruct(path, out, model, folder):
    done = yield "reconstruct", path, "--model", model, "--output", out / "out.tck"
    yield open_tractogram(out / "out.tck").count, told(done.out)


def filter_(path, out, model, folder):
    command = "filter", path, "--model", model, "--atlas", folder / "atlas", "--format", "tck", "--output", out / "out"
    done = yield (*command, "--thresholds", folder / "thresholds.json")
    with h5py.File(out / "out" / "assignments.h5") as file:
        kept = file["kept"][:]
        np.testing.assert_array_equal(file["labels"][:] >= 0, kept)
    written = [open_tractogram(held) for held in (out / "out").glob("*.tck")]
    assert sum(held.count for held in written) == kept.sum()
    yield int(kept.sum()), told(done.out)


def known(path, folder):
    """A folder of known bundles with the tractogram among them, under a bundle's name."""
    place = path.parent / "known"
    place.mkdir()
    path.rename(place / f"a{path.name.removeprefix(name_of(path))}")
    return "--atlas", folder / "atlas", "--bundles", place


def thresholds(path, out, model, folder):
    done = yield "thresholds", "--model", model, *known(path, folder), "--output", out / "t.json"
    own = json.loads((out / "t.roc.json").read_text())
    yield sum(held["positives"] + held["negatives"] for held in own.values()), told(done.err)


def evaluate(path, out, model, folder):
    places = known(path, folder)
    done = yield (
        *("evaluate", "--model", model, *places, "--thresholds", folder / "thresholds.json"),
        *("--output", out / "out"),
    )
    summary = json.loads((out / "out" / "summary.json").read_text())
    yield summary["facts"]["streamlines"], told(done.err)


def sample(path, out, model, folder):
    lengths = "--min-length", "0", "--max-length", "1e9"
    draws = "--number", "2", "--draws", "4", "--max-sampled", "8"
    done = yield "sample", path, "--model", model, "--output", out / "out", *draws, *lengths
    summary = json.loads((out / "out" / "summary.json").read_text())
    yield summary["tables"]["bundles"][0]["seeds"], told(done.out)


def verify_decisions(path, out, model, folder):
    command = "verify-decisions", model.with_suffix(".pt"), model, path, "--draws", "4", "--backend", "tensorflow"
    places = "--atlas", folder / "atlas", "--bundles", folder / "known", "--json", out / "out.json"
    yield (*command, *places, "--min-length", "0", "--max-length", "1e9")
    found = json.loads((out / "out.json").read_text())
    (count,) = [held["streamlines"] for held in found["files"] if held["file"] == str(path)]
    skipped = found["skipped"].get(path.name, 0)
    yield count - skipped, skipped


QUICK = (build, encode, reconstruct, filter_, thresholds, evaluate, sample)
TAKES_REFERENCE = (build, encode, reconstruct, filter_)


def told(text):
    """The number of streamlines that a command says it skipped."""
    found = re.search(r"([\d,]+)(?: of \S+)? skipped: fewer than two points, no length, or not finite", text)
    return int(found[1]) if found else 0


def check(command, case, folder, model, tmp_path, run_cli):
    path, out = tmp_path / case.name, tmp_path / "out"
    case.make(path)
    if command in (thresholds, evaluate) and not format_of(path):
        pytest.skip("in a folder it is none of the tractograms")
    out.mkdir()
    steps = command(path, out, model, folder)
    arguments = next(steps)
    found = run_cli(*arguments, commands=app, expected=(TractographyError, FintaError))
    if case.needs_space:
        assert (found.status, "--reference" in found.err) == (2, True), found.err
        if command not in TAKES_REFERENCE:
            return
        arguments = (*arguments, "--reference", folder / "image.nii.gz")
        found = run_cli(*arguments, commands=app, expected=(TractographyError, FintaError))
    if case.refused:
        assert found.status == 2, found.out
        assert re.search(f"(?s)Error: .*{re.escape(case.name)}.*({case.refused})", found.err), found.err
        assert "Traceback" not in found.err
        assert not any(out.iterdir())
        return
    passed = (EXIT_STATUS["PASS"], EXIT_STATUS["FAIL"]) if command is verify_decisions else (0,)
    assert found.status in passed, found.err
    words = [line for line in found.err.splitlines() if line.startswith(f"Warning: {tmp_path}")]
    assert len(words) == bool(case.word)
    assert re.search(case.word, found.err), found.err
    assert steps.send(found) == (COUNT, case.skipped)


@pytest.mark.parametrize("case", SHOWN, ids=str)
@pytest.mark.parametrize("command", QUICK)
def test_a_row_of_each_kind_is_the_same_to_every_command(command, case, folder, small_port, tmp_path, run_cli):
    check(command, case, folder, small_port, tmp_path, run_cli)


@pytest.mark.parametrize("case", [case for case in CASES if case not in SHOWN], ids=str)
def test_every_row_is_the_same_to_those_who_build_batches(case, folder, small_port, tmp_path, run_cli):
    check(build, case, folder, small_port, tmp_path, run_cli)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("command", QUICK[1:])
def test_every_row_is_the_same_to_every_command(command, case, folder, small_port, tmp_path, run_cli):
    check(command, case, folder, small_port, tmp_path, run_cli)


@pytest.mark.slow
@pytest.mark.parametrize("case", SHOWN, ids=str)
def test_a_row_of_each_kind_is_the_same_to_two_models(case, folder, small_port, small_checkpoint, tmp_path, run_cli):
    port = tmp_path / "models" / "small.keras"
    port.parent.mkdir()
    port.write_bytes(small_port.read_bytes())
    port.with_suffix(".pt").write_bytes(small_checkpoint.read_bytes())
    check(verify_decisions, case, folder, port, tmp_path, run_cli)


@pytest.mark.parametrize("case", [*SKIPPED, *WORDS, REFUSED[0], NO_SPACE[0]], ids=str)
def test_rows_are_the_same_to_those_who_use_dipys_interface(case, small_port, tmp_path):
    case.make(path := tmp_path / case.name)
    model = Finta(small_port)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if case.refused or case.needs_space:
            with pytest.raises(TractographyError, match=case.refused or "does not say where its voxels lie"):
                model.encode(path)
            return
        codes = model.encode(path)
    finite = np.isfinite(codes).all(axis=1)
    assert (finite.sum(), (~finite).sum()) == (COUNT, case.skipped)
    words = [str(held.message) for held in said if held.category is TractogramWarning]
    assert len(words) == bool(case.word) + bool(case.skipped)
    assert all(re.search(f"{case.word or 'never'}|{case.skipped} of .* skipped", word) for word in words)


def test_a_file_of_nothing_that_can_be_used_is_refused_where_it_would_be_a_class(tmp_path, run_cli):
    trk("", lines=[LINES[0][:1]]).make(path := tmp_path / "a.trk")
    command = "batches", "build", path, "--output", tmp_path / "b.h5"
    done = run_cli(*command, commands=app, expected=(TractographyError,))
    assert (done.status, "holds no streamlines that can be resampled" in done.err) == (2, True)
    assert not (tmp_path / "b.h5").exists()
