import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from finta.batches.building import build_batches, parse_splits
from finta.cli import app
from tractography.batches.batches import inspect_batches, read_in_batches
from tractography.batches.packing import pack_batches
from tractography.errors import BatchError, TractographyError
from tractography.files.tractograms import read_streamlines

SUBJECTS = ["train=sub_1,sub_2,sub_3", "thres=sub_4", "test=sub_5"]


def test_subjects_are_split_by_folder_and_labelled_by_file(subjects, tmp_path):
    held = build_batches([subjects], tmp_path / "batches.h5", splits=SUBJECTS)
    assert held.point_count == 256
    classes = {"AF_L": 50, "CC_ForcepsMajor": 50, "CST_R": 50}
    assert held.counts == {"test": classes, "thres": classes, "train": dict.fromkeys(classes, 150)}


def test_streamlines_are_those_of_the_files(subjects, tmp_path):
    build_batches([subjects / "sub_5"], tmp_path / "batches.h5", splits=["test"])
    (read,) = [rows for name, _, rows in read_in_batches(tmp_path / "batches.h5", "test", 100) if name == "CST_R"]
    originals = read_streamlines(subjects / "sub_5" / "CST_R.trk")
    ends = np.stack([line[[0, -1]] for line in originals])
    np.testing.assert_allclose(read[:, [0, -1]], ends, atol=1e-4)


def test_shares_are_dealt_out_within_each_class_and_nothing_is_lost(subjects, tmp_path):
    held = build_batches([subjects], tmp_path / "batches.h5", splits=["train=0.5", "thres=0.3", "test=0.2"])
    assert held.counts["train"] == dict.fromkeys(("AF_L", "CC_ForcepsMajor", "CST_R"), 125)
    assert (held.total("thres"), held.total("test")) == (225, 150)


def test_classes_can_come_from_folders(subjects, tmp_path):
    held = build_batches([subjects], tmp_path / "batches.h5", splits=["test"], label="folder", point_count=64)
    assert held.counts == {"test": {f"sub_{number}": 150 for number in range(1, 6)}}


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        (["validation=0.5", "train=0.5"], "unknown split validation, must be one of train, thres, test"),
        (["train=0.5", "test=0.2"], "the shares sum to 0.7, must be 1"),
        (["train=0.5", "test=sub_5"], "give shares or names, not both"),
        (["train=1.5", "test=-0.5"], "must be 1"),
        (["train=nan"], "must be 1"),
    ],
)
def test_splits_that_contradict_themselves_are_refused(splits, words):
    with pytest.raises(BatchError, match=words):
        parse_splits(splits)


def test_a_bundle_in_no_split_or_in_two_is_refused(subjects, tmp_path):
    with pytest.raises(BatchError, match="belongs to no split"):
        build_batches([subjects], tmp_path / "batches.h5", splits=["train=sub_1"])
    with pytest.raises(BatchError, match="belongs to train and test"):
        build_batches([subjects], tmp_path / "batches.h5", splits=["train=sub_*", "test=sub_5"])
    assert not (tmp_path / "batches.h5").exists()


def test_the_commands_build_and_show(subjects, tmp_path, run_cli):
    command = ["batches", "build", subjects, "--output", tmp_path / "new" / "batches.h5"]
    command += [word for split in SUBJECTS for word in ("--split", split)]
    built = run_cli(*command, commands=app, expected=(TractographyError,))
    assert built.status == 0, built.err
    assert inspect_batches(tmp_path / "new" / "batches.h5").total("train") == 450
    shown = run_cli("batches", "info", tmp_path / "new" / "batches.h5", commands=app, expected=(TractographyError,))
    assert "streamlines of 256 points" in shown.out
    assert "450" in shown.out


def test_mistakes_are_one_message_and_status_2(subjects, tmp_path, run_cli):
    (tmp_path / "there.h5").write_bytes(b"mine")
    (tmp_path / "cut.trk").write_bytes((subjects / "sub_1" / "AF_L.trk").read_bytes()[:5000])
    mistakes = {
        "exists. Replace it with --force": ("batches", "build", subjects, "--output", tmp_path / "there.h5"),
        "no such file": ("batches", "build", tmp_path / "gone.trk", "--output", tmp_path / "new.h5"),
        "cut.trk": ("batches", "build", tmp_path / "cut.trk", "--output", tmp_path / "new.h5"),
        "No batch file": ("batches", "info", tmp_path / "gone.h5"),
        "--label": ("batches", "build", subjects, "--output", tmp_path / "new.h5", "--label", "subject"),
        "--points": ("batches", "build", subjects, "--output", tmp_path / "new.h5", "--points", "1"),
    }
    for words, command in mistakes.items():
        done = run_cli(*command, commands=app, expected=(TractographyError,))
        assert done.status == 2, command
        assert words in done.err.replace("\n", " "), done.err
        assert "Traceback" not in done.err
    assert (tmp_path / "there.h5").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["cut.trk", "there.h5"]


@pytest.fixture(scope="module")
def unpacked(subjects, tmp_path_factory):
    path = tmp_path_factory.mktemp("unpacked") / "batches.h5"
    build_batches([subjects], path, splits=SUBJECTS, point_count=32)
    return path


def test_the_commands_pack_and_show_it(unpacked, tmp_path, run_cli):
    output = tmp_path / "new" / "packed.h5"
    done = run_cli("batches", "pack", unpacked, "--output", output, commands=app, expected=(TractographyError,))
    assert done.status == 0, done.err
    assert "streamlines of 32 points, RAS+ mm, packed" in done.out
    assert os.listdir(output.parent) == ["packed.h5"]
    shown = run_cli("batches", "info", output, commands=app, expected=(TractographyError,))
    assert shown.out == done.out
    plain = run_cli("batches", "info", unpacked, commands=app, expected=(TractographyError,))
    assert plain.out.splitlines()[1:] == shown.out.splitlines()[1:]


def test_packing_tells_its_progress(unpacked, tmp_path, monkeypatch):
    monkeypatch.setattr("tractography.batches.packing.BLOCK_BYTES", 200 * 32 * 12)
    told = []
    pack_batches(unpacked, tmp_path / "packed.h5", on_rows=lambda *facts: told.append(facts))
    assert told == [
        ("packing test", 150, 750),
        ("packing thres", 300, 750),
        ("packing train", 500, 750),
        ("packing train", 700, 750),
        ("packing train", 750, 750),
    ]


def test_packing_refuses_nan_by_class_and_row_and_leaves_nothing(unpacked, tmp_path, run_cli):
    path = tmp_path / "bad.h5"
    path.write_bytes(unpacked.read_bytes())
    with h5py.File(path, "a") as file:
        file["train/CST_R/streamline"][17, 3, 2] = np.nan
    (tmp_path / "there.h5").write_bytes(b"mine")
    command = "batches", "pack", path, "--output", tmp_path / "there.h5", "--force"
    done = run_cli(*command, commands=app, expected=(TractographyError,))
    assert done.status == 2
    assert done.err == (
        f"Error: {path} cannot be used:\n  /train/CST_R row 17: NaN or infinite coordinates\n"
        "Remove these streamlines and build the file again.\n"
    )
    assert (tmp_path / "there.h5").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["bad.h5", "there.h5"]


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.argv = ["finta", "batches", "pack", sys.argv[1], "--output", sys.argv[2]]
from finta.cli import main
main()
"""


def test_a_disk_that_takes_no_more_is_one_message_and_nothing_half_written(unpacked, tmp_path):
    command = [sys.executable, "-c", FULL, unpacked, tmp_path / "packed.h5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"Error: Cannot write {tmp_path / 'packed.h5'}: ")
    assert "It takes 288,000 bytes. Nothing was changed; choose another --output or make room." in done.stderr
    assert os.listdir(tmp_path) == []


def test_mistakes_in_packing_are_one_message_and_status_2(unpacked, tmp_path, run_cli):
    there = tmp_path / "there.h5"
    there.write_bytes(b"mine")
    broken = {
        "no data set called class_starts": lambda file: file["test"].pop("class_starts"),
        "class_starts does not share out": lambda file: file["test/class_starts"].write_direct(
            np.array([0, 9, 5, 150])
        ),
    }
    mistakes = {
        "exists. Replace it with --force": ("pack", unpacked, "--output", there),
        "No batch file": ("pack", tmp_path / "gone.h5", "--output", tmp_path / "new.h5"),
        "is no readable HDF5 file": ("info", there),
    }
    for number, (words, damage) in enumerate(broken.items()):
        path = pack_batches(unpacked, tmp_path / f"{number}.h5").path
        with h5py.File(path, "a") as file:
            damage(file)
        mistakes[words] = ("info", path)
    for words, command in mistakes.items():
        done = run_cli("batches", *command, commands=app, expected=(TractographyError,))
        assert done.status == 2, command
        assert words in done.err.replace("\n", " "), done.err
        assert "Traceback" not in done.err
    assert there.read_bytes() == b"mine"
