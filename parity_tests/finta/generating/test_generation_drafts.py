"""``finta sample --resume``: a run that is cut off loses no bundle that is finished."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from finta.cli import app
from finta.errors import FintaError
from finta.generating.anatomy_files import AnatomyFiles
from finta.generating.bundle_settings import Choices
from finta.generating.generation import sample_bundles
from parity_tests.full_disk import room_for
from porting.errors import OutputError
from tractography.errors import GenerationError, TractographyError
from tractography.files.headers import header_in_space
from tractography.files.streamlines import Streamlines
from tractography.generating.generation import Settings
from tractography.writing.writers import open_writer

CHOICES = Choices(Settings(30, draws=20), anatomy=AnatomyFiles(lengths=(0.0, 1e6)))
AFFINE = np.diag([2.0, 2, 2, 1])
NAMES = ("first", "second", "third")


def write(path, seed, broken=0):
    points = np.random.default_rng(seed).normal(0, 5, (20, 40, 3)).cumsum(axis=1)
    points[:broken] = np.nan
    path.parent.mkdir(exist_ok=True)
    with open_writer(path, header_in_space(path.suffix, AFFINE, (90, 90, 90))) as writer:
        writer.append(Streamlines.alike(points.astype(np.float32)))
    return path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Three bundles; one streamline of the first, and two of the second, cannot be encoded."""
    folder = tmp_path_factory.mktemp("bundles")
    return [write(folder / f"{name}.trk", seed, broken=(1, 2, 0)[seed]) for seed, name in enumerate(NAMES)]


@pytest.fixture(scope="module")
def whole(bundles, small_port, tmp_path_factory):
    """What a run writes that is not cut off."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    sample_bundles(bundles, small_port, folder, CHOICES)
    return contents(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Stopped(BaseException):
    """What ends a run from outside."""


def stop_at(words):
    def on_step(doing, done, total):
        if doing.startswith(words):
            raise Stopped

    return on_step


def begin(bundles, model, output, choices=CHOICES, words="second: round 1", **extra):
    with pytest.raises(Stopped):
        sample_bundles(bundles, model, output, choices, on_step=stop_at(words), **extra)
    assert os.listdir(output) == [".generated.unfinished"]


def go_on(bundles, model, output, choices=CHOICES, **extra):
    """Finish a run; gives the bundles that were generated for it."""
    told = []
    sample_bundles(bundles, model, output, choices, resume=True, on_step=lambda *step: told.append(step[0]), **extra)
    return [step.removesuffix(": round 1") for step in told if step.endswith(": round 1")]


KILLED = """
import os, signal, sys
from pathlib import Path
from finta.generating.generation import sample_bundles
from parity_tests.finta.generating.test_generation_drafts import CHOICES
def kill(doing, done, total):
    if doing == "second: round 1":
        os.kill(os.getpid(), signal.{signal})
sample_bundles([Path(path) for path in sys.argv[3:]], Path(sys.argv[1]), Path(sys.argv[2]), CHOICES, on_step=kill)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM"])
def test_a_run_that_was_killed_goes_on_to_the_same_files(sent, bundles, whole, small_port, tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, "-c", KILLED.format(signal=sent), small_port, output, *bundles]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == -signal.Signals[sent], done.stderr
    assert os.listdir(output) == [".generated.unfinished"]
    assert go_on(bundles, small_port, output) == ["second", "third"]
    assert contents(output) == whole


@pytest.mark.slow
def test_a_run_may_be_cut_off_wherever_it_is_and_more_than_once(bundles, whole, small_port, tmp_path):
    output = tmp_path / "out"
    begin(bundles, small_port, output, words="second: preparing")
    for words in ("encoding third", "third: round 2", "writing"):
        with pytest.raises(Stopped):
            sample_bundles(bundles, small_port, output, CHOICES, resume=True, on_step=stop_at(words))
    assert go_on(bundles, small_port, output) == []
    assert contents(output) == whole
    assert json.loads(whole["summary.json"])["facts"]["skipped in the input"] == 3


def test_other_files_of_the_folder_stay(bundles, whole, small_port, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Stopped):
        sample_bundles(bundles, small_port, tmp_path, CHOICES, on_step=stop_at("third: round 1"))
    assert go_on(bundles, small_port, tmp_path) == ["third"]
    assert contents(tmp_path) == whole | {"mine.txt": b"mine"}


@pytest.mark.parametrize("words", ["encoding third", "first: round 1"])
def test_nothing_is_left_where_no_bundle_was_finished(words, bundles, small_port, tmp_path):
    with pytest.raises(Stopped):
        sample_bundles(bundles, small_port, tmp_path / "new" / "out", CHOICES, on_step=stop_at(words))
    assert not list(tmp_path.iterdir())


def test_a_bundle_that_cannot_be_generated_from_is_told_before_any_is_generated(bundles, small_port, tmp_path):
    lines = np.full((20, 40, 3), np.float32(1)).cumsum(axis=1)
    with open_writer(tmp_path / "second.trk", header_in_space(".trk", AFFINE, (90, 90, 90))) as writer:
        writer.append(Streamlines.alike(lines))
    given, done = [bundles[0], tmp_path / "second.trk"], []
    with pytest.raises(GenerationError, match=r"second.trk: All 20 seeds are identical"):
        sample_bundles(given, small_port, tmp_path / "out", CHOICES, on_step=lambda *step: done.append(step[0]))
    assert all(doing.startswith("encoding ") for doing in done)
    assert os.listdir(tmp_path) == ["second.trk"]


def test_what_was_begun_is_gone_on_with_only_by_resume_and_resume_wants_something_begun(bundles, small_port, tmp_path):
    output = tmp_path / "out"
    with pytest.raises(OutputError, match=r"Nothing was left of .*out/generated to go on with. Start without --resume"):
        go_on(bundles, small_port, output)
    assert not output.exists()
    begin(bundles, small_port, output)
    with pytest.raises(OutputError, match=r"was begun and not finished. Go on with --resume, or remove .*unfinished"):
        sample_bundles(bundles, small_port, output, CHOICES)
    assert go_on(bundles, small_port, output) == ["second", "third"]
    with pytest.raises(OutputError, match="Nothing was left of"):
        go_on(bundles, small_port, output, force=True)


@pytest.fixture
def atlas(tmp_path):
    for seed, name in enumerate(NAMES):
        write(tmp_path / "atlas" / f"{name}.trk", seed + 10)
    return tmp_path / "atlas"


def test_a_run_goes_on_only_with_what_it_was_begun_with(bundles, atlas, small_port, small_checkpoint, tmp_path):
    own = [write(tmp_path / "own" / path.name, seed) for seed, path in enumerate(bundles)]
    affine = np.diag([20.0, 20, 20, 1])
    affine[:3, 3] = -900
    mask, sampling = tmp_path / "wm.nii", tmp_path / "sampling.json"
    nib.save(nib.Nifti1Image(np.ones((90, 90, 90), np.uint8), affine), mask)
    sampling.write_text(json.dumps(dict.fromkeys(NAMES, 60)))
    masked = replace(CHOICES.anatomy, white_matter=mask)
    choices = replace(CHOICES, anatomy=masked, files={"max_total_sampling": sampling})
    output = tmp_path / "out"
    begin(own, small_port, output, choices, atlas=atlas)

    def differing(bundles=own, model=small_port, choices=choices):
        with pytest.raises(OutputError, match="out/generated was begun otherwise") as caught:
            go_on(bundles, model, output, choices, atlas=atlas)
        return [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:-1]]

    assert differing(model=small_checkpoint) == ["framework", "model"]
    assert differing(bundles=own[:2]) == ["atlas' third", "bundle third"]
    assert differing(choices=replace(choices, ratio=(1.0, 0.0))) == [*(f"atlas' {name}" for name in NAMES), "ratio"]
    longer = replace(choices, anatomy=replace(choices.anatomy, lengths=(1.0, 1e6)), max_seeds=7)
    assert differing(choices=longer) == ["lengths", "max seeds"]
    assert differing(choices=replace(choices, settings=Settings(31, draws=20, seed=1))) == ["number", "seed"]
    for path, name in ((own[1], "bundle second"), (atlas / "first.trk", "atlas' first")):
        before = path.read_bytes()
        write(path, 99)
        assert differing() == [name]
        path.write_bytes(before)
    sampling.write_text(json.dumps(dict.fromkeys(NAMES, 61)))
    nib.save(nib.Nifti1Image(np.full((90, 90, 90), 2, np.uint8), affine), mask)
    assert differing() == ["max total sampling", "white matter"]
    sampling.write_text(json.dumps(dict.fromkeys(NAMES, 60)))
    nib.save(nib.Nifti1Image(np.ones((90, 90, 90), np.uint8), affine), mask)
    assert go_on(own, small_port, output, choices, atlas=atlas) == ["second", "third"]


def test_two_processes_do_not_work_at_one_run(bundles, whole, small_port, tmp_path):
    def begin_again(doing, done, total):
        with pytest.raises(OutputError, match=r"Another process is writing .*out/generated. Let it end, or"):
            go_on(bundles, small_port, tmp_path / "out")

    sample_bundles(bundles, small_port, tmp_path / "out", CHOICES, on_step=begin_again)
    assert contents(tmp_path / "out") == whole


def sampled(bundles, model, output, run_cli, *options):
    command = ["sample", *bundles, "--model", model, "--number", 30, "--draws", 20, "--min-length", 0]
    command += ["--max-length", 1e6, "--output", output, *options]
    return run_cli(*command, commands=app, expected=(TractographyError, FintaError))


def test_ctrl_c_tells_how_to_go_on(bundles, small_port, tmp_path, run_cli):
    output, numbers = tmp_path / "out", tmp_path / "numbers.json"
    numbers.write_text(json.dumps({"first": 20, "second": 100_000, "third": 100_000}))

    def interrupt():
        while not list(output.glob(".generated.unfinished/bundle-first.npz")):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    options = ["--number", 100_000, "--max-total-sampling", numbers]
    done = sampled(bundles, small_port, output, run_cli, *options)
    assert done.status == 130
    assert done.err.startswith("Interrupted. What is computed is kept: go on with --resume"), done.err
    assert os.listdir(output) == [".generated.unfinished"]


@pytest.mark.parametrize(("room", "kept"), [(10_000, False), (80_000, True)], ids=["first bundle", "summary"])
def test_a_full_disk_is_one_error_and_finished_bundles_are_kept(
    room, kept, bundles, whole, small_port, tmp_path, run_cli
):
    output = tmp_path / "out"
    with room_for(room):
        done = sampled(bundles, small_port, output, run_cli)
    assert done.status == 2
    assert done.err.startswith(f"Error: Cannot write {output}/generated: File too large. "), done.err
    assert ("make room, then go on with --resume" in done.err) == kept
    assert output.exists() == kept
    if kept:
        assert os.listdir(output) == [".generated.unfinished"]
        assert sampled(bundles, small_port, output, run_cli, "--resume").status == 0
        assert contents(output) == whole


def test_a_run_that_was_killed_as_its_files_came_into_place_is_finished_with_them(bundles, whole, small_port, tmp_path):
    output = tmp_path / "out"
    begin(bundles, small_port, output)
    committed = output / ".generated.committed"
    committed.mkdir()
    for name, content in whole.items():
        (committed / name).write_bytes(content)
    (committed / "superseded").write_text("")
    with pytest.raises(OutputError, match="out is complete: the run was cut off as its files came into place"):
        go_on(bundles, small_port, output)
    assert contents(output) == whole


def test_a_damaged_draft_is_one_error_that_names_it(bundles, whole, small_port, tmp_path):
    output = tmp_path / "out"
    begin(bundles, small_port, output)
    (path,) = output.glob(".generated.unfinished/*.npz")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match=f"{path} is damaged. Remove it"):
        go_on(bundles, small_port, output)
    path.unlink()
    assert go_on(bundles, small_port, output) == ["first"]
    assert contents(output) == whole


def test_pictures_are_found_by_the_names_that_they_get(bundles, small_port, tmp_path, run_cli):
    source = write(tmp_path / "in" / "two words.trk", 1)
    (tmp_path / "two-words-generated.png").write_text("mine")
    refused = sampled([source], small_port, tmp_path, run_cli)
    assert (refused.status, "already holds two-words-generated.png" in refused.err) == (2, True), refused.err
    assert (tmp_path / "two-words-generated.png").read_text() == "mine"


def test_no_input_is_replaced_not_even_by_force(bundles, small_port, run_cli):
    before = {path: path.read_bytes() for path in bundles}
    refused = sampled(bundles, small_port, bundles[0].parent, run_cli, "--force")
    assert (refused.status, f"{bundles[0]} would be replaced by" in refused.err) == (2, True), refused.err
    assert {path: path.read_bytes() for path in bundles} == before
