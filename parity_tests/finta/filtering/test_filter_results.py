"""The results of `finta filter`: begun, gone on with, replaced, and never in the place of anything else."""

import os
import shutil

import pytest

from finta.coding.drafts import draft_of
from finta.coding.rows import RANGE_SIZE
from finta.filtering.filtered import Settings
from finta.filtering.filtering import filter_tractogram
from parity_tests.finta.tractograms import Stopped, assert_sorted, filtered, many, stop_when, write
from parity_tests.full_disk import room_for


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["filtering", "writing the bundles"])
def test_a_filtering_that_was_stopped_goes_on_to_the_same_files(
    stage, collection, header, subject, thresholds, tmp_path, finta, small_port
):
    source = write(tmp_path / "many.trk", header, many(subject, RANGE_SIZE + 100))
    settings, output = Settings(collection / "atlas", thresholds), tmp_path / "out"
    with pytest.raises(Stopped):
        filter_tractogram(source, small_port, output, settings, on_step=stop_when(stage, RANGE_SIZE))
    assert not output.exists()
    assert sorted(path.suffix for path in draft_of(output).iterdir()) == [".unfinished"]
    again = filtered(finta, collection, source, output, small_port)
    assert (again.status, "Go on with --resume" in again.err) == (2, True)
    assert filtered(finta, collection, source, output, small_port, "--resume").status == 0
    assert filtered(finta, collection, source, tmp_path / "whole", small_port).status == 0
    assert sorted(os.listdir(output)) == sorted(os.listdir(tmp_path / "whole"))
    for path in output.glob("*.trk"):
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    assert (output / "assignments.h5").read_bytes() == (tmp_path / "whole" / "assignments.h5").read_bytes()
    assert not draft_of(output).exists()


@pytest.mark.parametrize(
    ("size", "kept"), [(4_000, False), (16_000, True), (60_000, True)], ids=["rows", "tractograms", "summary"]
)
def test_a_full_disk_is_one_error_and_what_is_computed_is_kept(
    size, kept, collection, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    with room_for(size):
        done = filtered(finta, collection, source, output, small_port)
    assert done.status == 2
    assert done.err.startswith(f"Error: Cannot write {output}: File too large. "), done.err
    assert ("go on with --resume" in done.err) == kept
    assert not output.exists()
    assert draft_of(output).exists() == kept
    if kept:
        assert filtered(finta, collection, source, output, small_port, "--resume").status == 0
        assert_sorted(output, ".trk", subject)


def test_results_are_replaced_only_by_force_and_never_what_is_no_result(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    for options, words in (([], "exists. Replace it with --force"), (["--force"], "holds no results")):
        refused = filtered(finta, collection, source, output, small_port, *options)
        assert (refused.status, words in refused.err) == (2, True), refused.err
    (output / "mine.txt").rename(output / "summary.json")  # as other commands write it
    assert filtered(finta, collection, source, output, small_port, "--force").status == 2
    (output / "summary.json").rename(output / "assignments.h5")
    assert filtered(finta, collection, source, output, small_port, "--force").status == 0
    assert_sorted(output, ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["out", "subject.trk"]


@pytest.mark.parametrize("inside", ["atlas", "thresholds.json", "subject.trk"])
def test_a_folder_that_holds_an_input_is_not_replaced(
    inside, collection, header, subject, thresholds, tmp_path, finta, small_port
):
    output = tmp_path / "out"
    output.mkdir()
    (output / "assignments.h5").write_text("of an earlier run")
    shutil.copytree(collection / "atlas", output / "atlas" if inside == "atlas" else tmp_path / "atlas")
    kept = output if inside == "thresholds.json" else tmp_path
    shutil.copy(thresholds, kept / "thresholds.json")
    source = write((output if inside == "subject.trk" else tmp_path) / "subject.trk", header, subject)
    atlas = (output if inside == "atlas" else tmp_path) / "atlas"
    command = ["filter", source, "--model", small_port, "--atlas", atlas, "--thresholds", kept / "thresholds.json"]
    refused = finta(*command, "--output", output, "--force")
    assert (refused.status, f"{output / inside} would be replaced by {output}" in refused.err) == (2, True)
    assert (output / inside).exists()


@pytest.mark.slow
def test_what_a_link_points_to_is_replaced_and_not_the_link(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    source = write(tmp_path / "subject.trk", header, subject)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    for options in ([], ["--force"], ["--force"]):
        assert filtered(finta, collection, source, tmp_path / "link", small_port, *options).status == 0
        assert (tmp_path / "link").is_symlink()
        assert_sorted(tmp_path / "disk", ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["disk", "link", "subject.trk"]


def test_results_come_back_where_a_process_was_killed_as_it_replaced_them(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    source, output = write(tmp_path / "subject.trk", header, subject), tmp_path / "out"
    assert filtered(finta, collection, source, output, small_port).status == 0
    output.rename(tmp_path / ".out.replaced")
    assert filtered(finta, collection, source, output, small_port).status == 2
    assert_sorted(output, ".trk", subject)
    assert sorted(os.listdir(tmp_path)) == ["out", "subject.trk"]


def test_the_folder_that_one_is_in_is_refused_with_one_error(
    collection, header, subject, thresholds, tmp_path, finta, small_port, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "subject.trk", header, subject)
    refused = filtered(finta, collection, source, ".", small_port, "--force")
    assert (refused.status, f"{tmp_path} holds no results that could be replaced" in refused.err) == (2, True)
