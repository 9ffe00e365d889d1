"""What `finta filter` refuses, before any work and with nothing written."""

import json
import os

import numpy as np
import pytest

from parity_tests.finta.tractograms import BUNDLES, filtered, write
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer


def test_a_tractogram_in_another_space_is_refused(collection, header, subject, thresholds, tmp_path, finta, small_port):
    elsewhere = Streamlines(subject.points + np.float32([0, 300, 0]), subject.lengths)
    source = write(tmp_path / "elsewhere.trk", header, elsewhere)
    refused = filtered(finta, collection, source, tmp_path / "out", small_port)
    assert refused.status == 2
    assert "elsewhere.trk and the atlas are not in one space: 0% of its points lie in the atlas' box" in refused.err
    assert "Register the tractogram to the atlas, and check the affine" in refused.err
    assert os.listdir(tmp_path) == ["elsewhere.trk"]
    assert filtered(finta, collection, source, tmp_path / "out", small_port, "--any-space").status == 0


def test_a_trk_file_has_no_room_for_numbers_beyond_its_floats(
    collection, header, thresholds, tmp_path, finta, small_port
):
    """16,777,218 streamlines of no points are as many zeros: a hole in the file."""
    with open_writer(tmp_path / "huge.trk", header):
        pass
    os.truncate(tmp_path / "huge.trk", 1000 + 4 * (2**24 + 2))
    refused = filtered(finta, collection, tmp_path / "huge.trk", tmp_path / "out", small_port)
    assert refused.status == 2
    words = "huge.trk cannot be sorted into .trk files: ids reaches 16777217, and its format keeps integers exactly up"
    assert words in refused.err
    assert os.listdir(tmp_path) == ["huge.trk"]


def test_what_the_wanted_format_cannot_hold_is_told_before_any_work(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    named = subject.with_data(**{"a name beyond twenty letters": np.arange(len(subject))})
    source = write(tmp_path / "subject.trx", header, named)
    refused = filtered(finta, collection, source, tmp_path / "out", small_port, "--format", "trk")
    assert refused.status == 2
    assert "subject.trx cannot be sorted into .trk files: " in refused.err
    assert "Rename it, or write TRX" in refused.err
    assert os.listdir(tmp_path) == ["subject.trx"]


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
    options, words, collection, header, subject, thresholds, tmp_path, finta, small_port, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "in" / "subject.trk", header, subject)
    held = dict.fromkeys(BUNDLES, 10.0)
    files = {"lacking": dict.fromkeys(BUNDLES[:2], 9.5), "foreign": held | {"ILF": 1}, "negative": held | {"AF_L": -1}}
    for name, values in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    (tmp_path / "damaged.keras").write_bytes(small_port.read_bytes()[:5000])
    before = sorted(os.listdir(tmp_path))
    refused = filtered(finta, collection, source, tmp_path / "out", small_port, *options)
    assert refused.status == 2, refused.out
    assert words in " ".join(refused.err.split()), refused.err
    assert "Traceback" not in refused.err
    assert sorted(os.listdir(tmp_path)) == before
