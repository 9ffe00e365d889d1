"""``finta encode | reconstruct | thresholds | filter | evaluate``: files in, files out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import h5py
import nibabel as nib
import numpy as np
import pytest
from dipy.io.streamline import load_tractogram

import checkpoints
from finta.cli import app
from finta.coding.drafts import draft_of
from finta.coding.encoding import encode_tractogram
from finta.coding.rows import RANGE_SIZE
from finta.errors import FintaError
from finta.filtering.filtered import Settings
from finta.filtering.filtering import filter_tractogram
from parity_tests.full_disk import room_for
from porting.errors import OutputError
from tractography.errors import TractogramError, TractographyError
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.pieces import open_tractogram
from tractography.files.streamlines import Streamlines, concatenate
from tractography.files.writers import open_writer

BUNDLES = ("AF_L", "CC_ForcepsMajor", "CST_R")
MODEL = checkpoints.KERAS_CHECKPOINT
BROKEN = {"one point": 7, "not finite": 60, "no length": 100}
"""Streamlines of the subject that cannot be encoded."""
SHORT = 20
"""One of two points."""


def write(path, header, streamlines):
    path.parent.mkdir(exist_ok=True, parents=True)
    with open_writer(path, header) as writer:
        writer.append(streamlines)
    return path


def read(path):
    with open_tractogram(path) as file:
        return file.read(0, file.count)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An atlas, bundles to derive thresholds from, and implausible streamlines: the bundles, mirrored."""
    folder = tmp_path_factory.mktemp("filter")
    extract_minimal_bundles(folder / "dipy")
    mirrored = []
    for name in BUNDLES:
        with open_tractogram(folder / "dipy" / "sub_1" / f"{name}.trk") as file:
            lines, header = file.read(0, file.count), file.header
        write(folder / "atlas" / f"{name}.trk", header, lines.select(np.arange(0, 25)))
        write(folder / "known" / f"{name}.trk", header, lines.select(np.arange(25, 50)))
        mirrored.append(Streamlines(lines.points * np.float32([-1, 1, 1]), lines.lengths))
    write(folder / "implausible.trk", header, concatenate(mirrored))
    return folder


@pytest.fixture(scope="module")
def header(folder):
    with open_tractogram(folder / "known" / "AF_L.trk") as file:
        return file.header


@pytest.fixture(scope="module")
def subject(folder):
    """All known streamlines and half of the mirrored, some broken, with data."""
    parts = [read(folder / "known" / f"{name}.trk") for name in BUNDLES] + [read(folder / "implausible.trk")]
    lines = concatenate([Streamlines(part.points, part.lengths) for part in parts])
    split = [line.copy() for line in lines.split()]
    split[BROKEN["one point"]], split[SHORT] = split[BROKEN["one point"]][:1], split[SHORT][[0, -1]]
    split[BROKEN["not finite"]][3, 1] = np.nan
    split[BROKEN["no length"]][:] = split[BROKEN["no length"]][0]
    points, generator = np.concatenate(split), np.random.default_rng(1)
    return Streamlines(
        points,
        np.array([len(line) for line in split]),
        {"fa": generator.random((len(points), 1), np.float32)},
        {"weight": generator.random((len(split), 2), np.float32)},
    )


@pytest.fixture(scope="module")
def thresholds(folder):
    path = folder / "thresholds.json"
    path.write_text(json.dumps(dict.fromkeys(BUNDLES, 60.0)))
    return path


@pytest.fixture
def finta(run_cli):
    return lambda *arguments: run_cli(*arguments, commands=app, expected=(TractographyError, FintaError))


def found_ids(path):
    """The original numbers of a tractogram's streamlines."""
    if path.suffix == ".tck":
        return np.loadtxt(path.with_name(f"{path.stem}_ids.txt"), dtype=int, ndmin=1)
    return read(path).per_streamline["ids"][:, 0].astype(int)


def assert_sorted(output, suffix, subject, with_data=True):
    """Every streamline is in one tractogram with all that it had, or was skipped; returns what is where."""
    places = {}
    for path in sorted(output.glob(f"*{suffix}")):
        ids, held = found_ids(path), read(path)
        wanted = subject.select(ids)
        np.testing.assert_array_equal(held.lengths, wanted.lengths)
        np.testing.assert_allclose(held.points, wanted.points, rtol=0, atol=2e-5)
        for ours, theirs in ((held.per_point, wanted.per_point), (held.per_streamline, wanted.per_streamline)):
            assert set(ours) - {"ids"} == (set(theirs) if with_data else set())
            for name in set(ours) - {"ids"}:
                np.testing.assert_array_equal(ours[name], theirs[name])
        places |= {path.stem: ids}
    everywhere = np.sort(np.concatenate([*places.values(), list(BROKEN.values())]))
    np.testing.assert_array_equal(everywhere, np.arange(len(subject)))
    return places


def filtered(finta, folder, source, output, model, *options):
    command = ["filter", source, "--model", model, "--atlas", folder / "atlas"]
    if "--thresholds" not in options:
        command += ["--thresholds", folder / "thresholds.json"]
    return finta(*command, "--output", output, *options)


def test_thresholds_filtering_and_evaluation_with_the_shipped_model(folder, header, subject, tmp_path, finta):
    known = ["--model", MODEL, "--atlas", folder / "atlas", "--bundles", folder / "known"]
    known += ["--implausible", folder / "implausible.trk"]
    done = finta("thresholds", *known, "--output", tmp_path / "t.json")
    assert done.status == 0, done.err
    flat, roc = (json.loads((tmp_path / name).read_text()) for name in ("t.json", "t.roc.json"))
    assert sorted(flat) == sorted(roc) == list(BUNDLES)
    assert all(flat[name] == roc[name]["equal_error"] > 0 for name in BUNDLES)
    assert (tmp_path / "t.roc.png").read_bytes().startswith(b"\x89PNG")
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, folder, source, tmp_path / "out", MODEL, "--thresholds", tmp_path / "t.roc.json")
    assert done.status == 0, done.err
    assert "; 3 skipped: fewer than two points, no length, or not finite" in done.out
    places = assert_sorted(tmp_path / "out", ".trk", subject)
    own = [
        np.isin(places[name], np.arange(25 * number, 25 * number + 25)).mean() for number, name in enumerate(BUNDLES)
    ]
    assert min(own) > 0.8
    assert len(places["implausible"]) > 50
    done = finta("evaluate", *known, "--thresholds", tmp_path / "t.json", "--output", tmp_path / "judged")
    assert done.status == 0, done.err
    facts = json.loads((tmp_path / "judged" / "summary.json").read_text())["facts"]
    assert facts["accuracy"] > 0.8
    assert (tmp_path / "judged" / "confusion-matrix.png").is_file()


def test_codes_are_decoded_to_what_the_tractogram_is_reconstructed_to(folder, tmp_path, finta, small_port):
    source = folder / "known" / "AF_L.trk"
    codes, from_codes, direct = (tmp_path / name for name in ("codes.h5", "from_codes.trk", "direct.trk"))
    assert finta("encode", source, "--model", small_port, "--output", codes).status == 0
    done = finta("reconstruct", codes, "--model", small_port, "--output", from_codes, "--reference", source)
    assert done.status == 0, done.err
    done = finta("reconstruct", source, "--model", small_port, "--output", direct)
    assert "25 streamlines, " in done.out
    assert "mm from the originals on average" in done.out
    with h5py.File(codes) as file:
        assert file["latent_codes"].shape == (25, 4)
    assert read(from_codes).lengths.tolist() == [64] * 25
    np.testing.assert_allclose(read(from_codes).points, read(direct).points, atol=1e-4)
    refused = finta("reconstruct", codes, "--model", small_port, "--output", tmp_path / "none.trk")
    assert (refused.status, "Give one with --reference FILE" in refused.err) == (2, True)


def test_trk_keeps_header_affine_and_data(folder, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, folder, source, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    for name, ids in assert_sorted(tmp_path / "out", ".trk", subject).items():
        before, after = (nib.streamlines.load(path) for path in (source, tmp_path / "out" / f"{name}.trk"))
        np.testing.assert_array_equal(before.header["voxel_to_rasmm"], after.header["voxel_to_rasmm"])
        for field in ("dimensions", "voxel_sizes", "voxel_order"):
            np.testing.assert_array_equal(before.header[field], after.header[field])
        np.testing.assert_array_equal(after.tractogram.data_per_streamline["ids"][:, 0], ids)
        state = load_tractogram(str(tmp_path / "out" / f"{name}.trk"), "same", bbox_valid_check=False)
        assert len(state) == len(ids)
        assert state.data_per_point["fa"][0].shape == (len(state.streamlines[0]), 1)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    facts, rows = summary["facts"], summary["tables"]["bundles"]
    assert facts["kept"] + facts["removed"] + facts["skipped"] == facts["streamlines"] == len(subject)
    assert facts["kept"] == sum(row["kept"] for row in rows)
    with h5py.File(tmp_path / "out" / "assignments.h5") as file:
        labels = file["labels"][:]
        assert list(file.attrs["bundles"]) == list(BUNDLES)
    assert np.flatnonzero(labels == -1).tolist() == sorted(BROKEN.values())


def test_trx_keeps_header_and_data(folder, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trx", header, subject)
    done = filtered(finta, folder, source, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    for name, ids in assert_sorted(tmp_path / "out", ".trx", subject).items():
        state = load_tractogram(str(tmp_path / "out" / f"{name}.trx"), "same", bbox_valid_check=False)
        np.testing.assert_array_equal(np.ravel(state.data_per_streamline["ids"]), ids)
        np.testing.assert_allclose(state.affine, header.affine)


def test_tck_has_its_numbers_beside_it(folder, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.tck", header, subject)
    done = filtered(finta, folder, source, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    for name, ids in assert_sorted(tmp_path / "out", ".tck", subject, with_data=False).items():
        assert len(nib.streamlines.load(tmp_path / "out" / f"{name}.tck").streamlines) == len(ids)
    refused = filtered(finta, folder, source, tmp_path / "trk", small_port, "--format", "trk")
    assert (refused.status, "says nothing of the image space that .trk files need" in refused.err) == (2, True)
    reference = ["--format", "trk", "--reference", folder / "known" / "AF_L.trk"]
    assert filtered(finta, folder, source, tmp_path / "trk", small_port, *reference).status == 0
    assert_sorted(tmp_path / "trk", ".trk", subject, with_data=False)


def test_published_thresholds_and_classes_are_read(folder, header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    (tmp_path / "thresholds_x.json").write_text('{"AF_L": 1e9, "CC_ForcepsMajor": 0, "CST_R": 1e9}')
    (tmp_path / "classes.json").write_text('{"AF_L": 40, "CC_ForcepsMajor": 7, "CST_R": 1, "ILF": 3}')
    options = ["--thresholds", tmp_path / "thresholds_x.json", "--classes", tmp_path / "classes.json"]
    done = filtered(finta, folder, source, tmp_path / "out", small_port, *options)
    assert done.status == 0, done.err
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["tables"]["bundles"]
    assert [row["class"] for row in rows] == [40, 7, 1]
    assert [row["threshold"] for row in rows] == [1e9, 0, 1e9]
    assert [row["kept"] == row["nearest"] for row in rows] == [True, rows[1]["nearest"] == 0, True]
    assert rows[1]["kept"] == 0


def test_an_approximate_index_tells_its_recall(folder, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, folder, source, tmp_path / "out", small_port, "--index", "approximate")
    assert "the approximate index finds 100.00% of nearest neighbours" in done.out, done.err
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["facts"]["recall of the approximate index"] == 1


class Stopped(BaseException):
    """What ends a run from outside."""


def stop_when(words, enough):
    def on_step(doing, done, total):
        if doing.startswith(words) and done >= enough:
            raise Stopped

    return on_step


def many(subject, count):
    return subject.select(np.arange(count) % 10 + 30).with_data(turn=np.arange(count))


@pytest.mark.parametrize("stage", [pytest.param("filtering", marks=pytest.mark.slow), "writing the bundles"])
def test_a_filtering_that_was_stopped_goes_on_to_the_same_files(
    stage, folder, header, subject, thresholds, tmp_path, finta, small_port
):
    source = write(tmp_path / "many.trk", header, many(subject, RANGE_SIZE + 100))
    settings, output = Settings(folder / "atlas", thresholds), tmp_path / "out"
    with pytest.raises(Stopped):
        filter_tractogram(source, small_port, output, settings, on_step=stop_when(stage, RANGE_SIZE))
    assert not output.exists()
    assert sorted(path.suffix for path in draft_of(output).iterdir()) == [".unfinished"]
    again = filtered(finta, folder, source, output, small_port)
    assert (again.status, "Go on with --resume" in again.err) == (2, True)
    assert filtered(finta, folder, source, output, small_port, "--resume").status == 0
    assert filtered(finta, folder, source, tmp_path / "whole", small_port).status == 0
    assert sorted(os.listdir(output)) == sorted(os.listdir(tmp_path / "whole"))
    for path in output.glob("*.trk"):
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    with h5py.File(output / "assignments.h5") as ours, h5py.File(tmp_path / "whole" / "assignments.h5") as theirs:
        for name in ("labels", "distances"):
            np.testing.assert_array_equal(ours[name][:], theirs[name][:])
    assert not draft_of(output).exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from finta.coding.encoding import encode_tractogram
def kill(doing, done, total):
    if done:
        os.kill(os.getpid(), signal.{signal})
encode_tractogram(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), on_step=kill)
"""


@pytest.mark.parametrize("sent", ["SIGKILL", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_an_encoding_that_was_killed_goes_on_to_the_same_codes(sent, header, subject, tmp_path, small_port):
    source, output = write(tmp_path / "many.trk", header, many(subject, RANGE_SIZE + 100)), tmp_path / "codes.h5"
    script = KILLED.format(signal=sent)
    done = subprocess.run([sys.executable, "-c", script, source, small_port, output], check=False, capture_output=True)
    assert done.returncode == -signal.Signals[sent], done.stderr
    assert not output.exists()
    with pytest.raises(OutputError, match="was begun and not finished. Go on with --resume"):
        encode_tractogram(source, small_port, output)
    steps = []
    encode_tractogram(source, small_port, output, resume=True, on_step=lambda *step: steps.append(step[1]))
    assert steps == [RANGE_SIZE, RANGE_SIZE + 100]
    encode_tractogram(source, small_port, tmp_path / "whole.h5")
    with h5py.File(output) as ours, h5py.File(tmp_path / "whole.h5") as theirs:
        np.testing.assert_array_equal(ours["latent_codes"][:], theirs["latent_codes"][:])


def test_ctrl_c_tells_how_to_go_on(header, subject, tmp_path, finta, small_port):
    source, output = write(tmp_path / "many.trk", header, many(subject, RANGE_SIZE + 100)), tmp_path / "codes.h5"

    def interrupt():
        while not draft_of(output).exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    done = finta("encode", source, "--model", small_port, "--output", output)
    assert done.status == 130
    assert done.err.startswith("Interrupted. What is computed is kept: go on with --resume"), done.err
    assert not output.exists()


def test_a_run_does_not_go_on_with_another_tractogram_or_model(folder, header, subject, tmp_path, small_port):
    source, output = write(tmp_path / "many.trk", header, many(subject, RANGE_SIZE + 100)), tmp_path / "codes.h5"
    with pytest.raises(Stopped):
        encode_tractogram(source, small_port, output, on_step=stop_when("encoding", 1))
    with pytest.raises(OutputError, match=r"codes.h5 was begun otherwise:\n  model: "):
        encode_tractogram(source, MODEL, output, resume=True)
    write(source, header, many(subject, RANGE_SIZE + 101))
    with pytest.raises(OutputError, match=f"streamlines: {RANGE_SIZE + 100}, now {RANGE_SIZE + 101}"):
        encode_tractogram(source, small_port, output, resume=True)
    with pytest.raises(OutputError, match="Nothing was left of .*other.h5 to go on with"):
        encode_tractogram(source, small_port, tmp_path / "other.h5", resume=True)


def test_two_processes_do_not_write_one_file(header, subject, tmp_path, small_port):
    source, output = write(tmp_path / "few.trk", header, many(subject, 20)), tmp_path / "codes.h5"

    def begin_again(doing, done, total):
        with pytest.raises(OutputError, match="Another process is writing"):
            encode_tractogram(source, small_port, output, resume=True)

    assert encode_tractogram(source, small_port, output, on_step=begin_again).count == 20


@pytest.mark.parametrize(
    ("size", "kept"), [(4_000, False), (9_000, True), (60_000, True)], ids=["rows", "tractograms", "summary"]
)
def test_a_full_disk_is_one_error_and_what_is_computed_is_kept(
    size, kept, folder, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    with room_for(size):
        done = filtered(finta, folder, source, output, small_port)
    assert done.status == 2
    assert done.err.startswith(f"Error: Cannot write {output}: File too large. "), done.err
    assert ("go on with --resume" in done.err) == kept
    assert not output.exists()
    assert draft_of(output).exists() == kept
    if kept:
        assert filtered(finta, folder, source, output, small_port, "--resume").status == 0
        assert_sorted(output, ".trk", subject)


def test_a_full_disk_leaves_nothing_of_codes_and_reconstructions(header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    with room_for(3_000):
        for command, name in (("encode", "codes.h5"), ("reconstruct", "lines.trk"), ("reconstruct", "lines.trx")):
            done = finta(command, source, "--model", small_port, "--output", tmp_path / name)
            assert (done.status, f"Error: Cannot write {tmp_path / name}" in done.err) == (2, True), done.err
            assert os.listdir(tmp_path) == ["subject.trk"]


def test_results_are_replaced_only_by_force_and_never_what_is_no_result(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    for options, words in (([], "exists. Replace it with --force"), (["--force"], "holds no results")):
        refused = filtered(finta, folder, source, output, small_port, *options)
        assert (refused.status, words in refused.err) == (2, True), refused.err
    (output / "mine.txt").rename(output / "summary.json")  # as other commands write it
    assert filtered(finta, folder, source, output, small_port, "--force").status == 2
    (output / "summary.json").rename(output / "assignments.h5")
    assert filtered(finta, folder, source, output, small_port, "--force").status == 0
    assert_sorted(output, ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["out", "subject.trk"]


def test_tractograms_of_nothing_are_refused_and_of_nothing_usable_skipped(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    empty, broken = tmp_path / "empty.trk", tmp_path / "broken.trk"
    with open_writer(empty, header):
        pass
    write(broken, header, subject.select(np.array(list(BROKEN.values()))))
    refused = filtered(finta, folder, empty, tmp_path / "out", small_port)
    assert (refused.status, refused.err) == (2, f"Error: {empty} holds no streamlines.\n")
    done = filtered(finta, folder, broken, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    assert "0 of 3 streamlines kept (0.0%); 3 skipped" in done.out
    assert not list((tmp_path / "out").glob("*.trk"))
    done = finta("encode", broken, "--model", small_port, "--output", tmp_path / "codes.h5")
    assert "3 latent codes; 3 skipped" in done.out
    with h5py.File(tmp_path / "codes.h5") as file:
        assert np.isnan(file["latent_codes"]).all()


def test_a_tractogram_in_another_space_is_refused(folder, header, subject, thresholds, tmp_path, finta, small_port):
    elsewhere = Streamlines(subject.points + np.float32([0, 300, 0]), subject.lengths)
    source = write(tmp_path / "elsewhere.trk", header, elsewhere)
    refused = filtered(finta, folder, source, tmp_path / "out", small_port)
    assert refused.status == 2
    assert "elsewhere.trk and the atlas are not in one space: 0% of its points lie in the atlas' box" in refused.err
    assert "Register the tractogram to the atlas, and check the affine" in refused.err
    assert os.listdir(tmp_path) == ["elsewhere.trk"]
    assert filtered(finta, folder, source, tmp_path / "out", small_port, "--any-space").status == 0


def test_a_trk_file_has_no_room_for_numbers_beyond_its_floats(folder, header, thresholds, tmp_path, finta, small_port):
    """16,777,218 streamlines of no points are as many zeros: a hole in the file."""
    with open_writer(tmp_path / "huge.trk", header):
        pass
    os.truncate(tmp_path / "huge.trk", 1000 + 4 * (2**24 + 2))
    refused = filtered(finta, folder, tmp_path / "huge.trk", tmp_path / "out", small_port)
    assert refused.status == 2
    words = "huge.trk cannot be sorted into .trk files: ids reaches 16777217, and its format keeps integers exactly up"
    assert words in refused.err
    assert os.listdir(tmp_path) == ["huge.trk"]


def test_what_the_wanted_format_cannot_hold_is_told_before_any_work(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    named = subject.with_data(**{"a name beyond twenty letters": np.arange(len(subject))})
    source = write(tmp_path / "subject.trx", header, named)
    refused = filtered(finta, folder, source, tmp_path / "out", small_port, "--format", "trk")
    assert refused.status == 2
    assert "subject.trx cannot be sorted into .trk files: " in refused.err
    assert "Rename it, or write TRX" in refused.err
    assert os.listdir(tmp_path) == ["subject.trx"]


def test_numbers_that_a_filtered_tractogram_brings_are_kept(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    earlier = np.arange(len(subject)) * 3
    source = write(tmp_path / "subject.trk", header, subject.with_data(ids=earlier))
    assert filtered(finta, folder, source, tmp_path / "out", small_port).status == 0
    for path in (tmp_path / "out").glob("*.trk"):
        held = read(path).per_streamline
        np.testing.assert_array_equal(held["ids_before"][:, 0], earlier[held["ids"][:, 0].astype(int)])


@pytest.mark.parametrize("inside", ["atlas", "thresholds.json", "subject.trk"])
def test_a_folder_that_holds_an_input_is_not_replaced(
    inside, folder, header, subject, thresholds, tmp_path, finta, small_port
):
    output = tmp_path / "out"
    output.mkdir()
    (output / "assignments.h5").write_text("of an earlier run")
    shutil.copytree(folder / "atlas", output / "atlas" if inside == "atlas" else tmp_path / "atlas")
    kept = output if inside == "thresholds.json" else tmp_path
    shutil.copy(thresholds, kept / "thresholds.json")
    source = write((output if inside == "subject.trk" else tmp_path) / "subject.trk", header, subject)
    atlas = (output if inside == "atlas" else tmp_path) / "atlas"
    command = ["filter", source, "--model", small_port, "--atlas", atlas, "--thresholds", kept / "thresholds.json"]
    refused = finta(*command, "--output", output, "--force")
    assert (refused.status, f"{output / inside} would be replaced by {output}" in refused.err) == (2, True)
    assert (output / inside).exists()


def test_codes_and_reconstructions_do_not_replace_what_they_are_made_from(folder, tmp_path, finta, small_port):
    source = shutil.copy(folder / "known" / "AF_L.trk", tmp_path)
    for command in ("encode", "reconstruct"):
        refused = finta(command, source, "--model", small_port, "--output", source, "--force")
        assert (refused.status, f"{source} would be replaced by {source}" in refused.err) == (2, True)


def test_what_a_link_points_to_is_replaced_and_not_the_link(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    source = write(tmp_path / "subject.trk", header, subject)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    for options in ([], ["--force"], ["--force"]):
        assert filtered(finta, folder, source, tmp_path / "link", small_port, *options).status == 0
        assert (tmp_path / "link").is_symlink()
        assert_sorted(tmp_path / "disk", ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["disk", "link", "subject.trk"]


def test_results_come_back_where_a_process_was_killed_as_it_replaced_them(
    folder, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    assert filtered(finta, folder, source, output, small_port).status == 0
    output.rename(tmp_path / ".out.replaced")
    assert filtered(finta, folder, source, output, small_port).status == 2
    assert_sorted(output, ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["out", "subject.trk"]


def test_the_folder_that_one_is_in_is_refused_with_one_error(
    folder, header, subject, thresholds, tmp_path, finta, small_port, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "subject.trk", header, subject)
    refused = filtered(finta, folder, source, ".", small_port, "--force")
    assert (refused.status, f"{tmp_path} holds no results that could be replaced" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--thresholds", "lacking.json"], "in the atlas, without threshold: CST_R"),
        (["--thresholds", "foreign.json"], "not in the atlas: ILF"),
        (["--thresholds", "none.json"], "none.json cannot be read: No such file"),
        (["--thresholds", "negative.json"], "AF_L has no distance for equal_error: -1"),
        (["--point", "youden"], "has no distance for youden"),
        (["--point", "middle"], "must be one of equal_error, youden, best_accuracy"),
        (["--classes", "lacking.json"], "gives no class to AF_L, CC_ForcepsMajor, CST_R"),
        (["--index", "fast"], "must be exact or approximate"),
        (["--neighbours", "1000"], "1000 neighbours are wanted of 150 reference codes"),
        (["--format", "vtk"], ".vtk is no format of tractograms"),
        (["--model", "none.keras"], "No model at none.keras: no such file"),
        (["--model", "foreign.json"], "foreign.json"),
        (["--model", "damaged.keras"], "damaged.keras"),
        (["--model", "."], "No model at .: it is a folder"),
        (["--atlas", "none"], "No tractogram at none: no such file"),
        (["--resume"], "Nothing was left of"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(
    options, words, folder, header, subject, thresholds, tmp_path, finta, small_port, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "in" / "subject.trk", header, subject)
    held = dict.fromkeys(BUNDLES, 10.0)
    files = {"lacking": dict.fromkeys(BUNDLES[:2], 9.5), "foreign": held | {"ILF": 1}, "negative": held | {"AF_L": -1}}
    for name, values in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    (tmp_path / "damaged.keras").write_bytes(small_port.read_bytes()[:5000])
    before = sorted(os.listdir(tmp_path))
    refused = filtered(finta, folder, source, tmp_path / "out", small_port, *options)
    assert refused.status == 2, refused.out
    assert words in " ".join(refused.err.split()), refused.err
    assert "Traceback" not in refused.err
    assert sorted(os.listdir(tmp_path)) == before


def test_streamlines_that_end_in_the_middle_are_refused(header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "cut.trk", header, subject)
    os.truncate(source, source.stat().st_size - 10)
    refused = finta("encode", source, "--model", small_port, "--output", tmp_path / "codes.h5")
    assert (refused.status, "is truncated" in refused.err) == (2, True)
    with pytest.raises(TractogramError):
        encode_tractogram(tmp_path / "none.trk", small_port, tmp_path / "codes.h5")
