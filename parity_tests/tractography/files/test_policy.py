"""Every row of the policy, by the one reader."""

import re
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import tractography
from parity_tests.tractography.files.handmade import LINES, write_reference, write_trk
from parity_tests.tractography.files.policy import CASES, NO_SPACE, WORDS, trk
from tractography.errors import TractogramError, TractogramWarning
from tractography.files.formats import find_tractograms, name_of
from tractography.files.pieces import open_tractogram
from tractography.files.references import header_of
from tractography.files.tractograms import Skips, open_filled, read_resampled

DOCUMENTED = Path(tractography.__file__).parents[1] / "docs" / "finta" / "tractograms.md"


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    return header_of(write_reference(tmp_path_factory.mktemp("space") / "image.nii.gz"))


def assert_read(path, skipped, space=None):
    """All ten streamlines are read as they are, and others counted."""
    with open_filled(path, space) as file:
        held = file.read(0, file.count)
        halves = [file.read(0, 6), file.read(6, file.count)]
    usable = held.select(held.usable())
    assert [len(line) for line in usable.split()] == [len(line) for line in LINES]
    np.testing.assert_allclose(usable.points, np.concatenate(LINES), rtol=0, atol=1e-4)
    assert len(held) - len(usable) == skipped
    np.testing.assert_array_equal(np.concatenate([half.points for half in halves]), held.points)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_of_the_policy_holds(case, space, tmp_path):
    path = tmp_path / case.name
    case.make(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if case.refused or case.needs_space:
            pattern = case.refused or "does not say where its voxels lie.*--reference"
            with pytest.raises(TractogramError, match=f"(?s){re.escape(str(path))}.*{pattern}"):
                assert_read(path, 0)
        if not case.refused:
            assert_read(path, case.skipped, space if case.needs_space else None)
            skips = Skips()
            with warnings.catch_warnings(action="ignore"):
                read = list(read_resampled(path, 16, skips, space if case.needs_space else None))
            assert (sum(map(len, read)), skips.total()) == (10, case.skipped)
    words = [str(held.message) for held in said if held.category is TractogramWarning]
    assert len(words) == bool(case.word)
    if case.word:
        assert re.search(case.word, words[0])
        assert str(path) in words[0]


def test_the_documentation_has_a_row_for_each_and_no_other():
    table = DOCUMENTED.read_text().split("| what is in the file", 1)[1].split("\n\n", 1)[0]
    documented = set(re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE))
    assert {case.row for case in CASES} == documented


@pytest.mark.parametrize("case", [case for case in WORDS if case.name.endswith("k")], ids=str)
def test_what_is_repaired_is_what_nibabel_reads(case, tmp_path):
    path = tmp_path / case.name
    case.make(path)
    with warnings.catch_warnings(action="ignore"):
        held, theirs = open_tractogram(path), nib.streamlines.load(str(path)).streamlines
        ours = held.read(0, held.count)
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours.points, theirs.get_data(), rtol=0, atol=1e-4)


def test_a_word_is_said_once_and_not_again_by_those_who_are_handed_the_file(tmp_path):
    path = tmp_path / "a.trk"
    trk("", nb_streamlines=10, tail=bytes(16)).make(path)
    with pytest.warns(TractogramWarning) as said:
        file = open_tractogram(path)
    assert len(said) == 1
    assert len(open_tractogram(path, file.index()).read(0, 10)) == 10


def test_a_reference_of_other_voxels_is_refused(tmp_path):
    path, image = tmp_path / "a.trk", tmp_path / "b.nii.gz"
    NO_SPACE[0].make(path)
    nib.save(nib.Nifti1Image(np.zeros((9, 9, 9), np.uint8), np.diag([1, 1, 1, 1])), image)
    with pytest.raises(TractogramError, match="has voxels of 2 x 2 x 2 mm, the reference of 1 x 1 x 1 mm"):
        open_tractogram(path, space=header_of(image))


def test_a_reference_does_not_move_what_has_a_space(space, tmp_path):
    write_trk(tmp_path / "a.trk")
    moved = header_of(tmp_path / "a.trk")
    moved.affine[:3, 3] += 50
    assert_read(tmp_path / "a.trk", 0, moved)


def test_folders_are_searched_for_all_names_and_hidden_files_left_aside(tmp_path):
    names = ["a.trk", "b.TCK", "c.trk.gz", "._a.trk", "notes.txt", "in/d.Trx", "e.trx.gz", "f.trk.bz2"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.trx").mkdir()
    (tmp_path / "folder.trk").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = find_tractograms([tmp_path])
    assert [path.name for path in found] == ["a.trk", "b.TCK", "c.trk.gz", "folder.trx", "d.Trx"]
    assert [name_of(path) for path in found] == ["a", "b", "c", "folder", "d"]


def test_an_unpacked_trx_file_of_another_name_is_told_what_to_be_called(tmp_path):
    for name in ("header.json", "positions.3.float32"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(TractogramError, match=rf"it is an unpacked TRX file. Call it {tmp_path.name}\.trx"):
        find_tractograms([tmp_path])
