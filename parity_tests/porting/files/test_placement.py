"""A text is written whole or not at all, where a name allows it, and over nothing that is read."""

import os

import pytest

from porting.errors import OutputError
from porting.files import placement


def test_a_text_is_written_whole_or_not_at_all(tmp_path):
    report = tmp_path / "report.json"
    placement.write_text(report, "first")
    with pytest.raises(UnicodeEncodeError):
        placement.write_text(report, "second \ud800")
    assert report.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    placement.write_text(report, "third")
    assert report.read_text() == "third"


def test_a_text_goes_where_a_link_points_and_into_a_pipe(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "report.json")
    placement.write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "report.json").read_text() == "text"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    placement.write_text(tmp_path / "pipe", "text")
    assert os.read(reader, 99) == b"text"
    os.close(reader)


def test_a_text_that_cannot_be_written_is_one_error(tmp_path):
    with pytest.raises(OutputError, match="Cannot write the report to .*No such file"):
        placement.write_text(tmp_path / "gone" / "report.json", "text")


@pytest.mark.parametrize("name", ["nul\0byte", "long" * 60])
def test_names_that_no_file_system_takes_are_one_error(name, tmp_path):
    with pytest.raises(OutputError, match=r"cannot hold the character NUL|is longer than 200 bytes"):
        placement.check_free([tmp_path / name], force=True)


def test_outputs_are_kept_apart_from_inputs_and_from_each_other(tmp_path):
    source = tmp_path / "net.pt"
    source.write_text("weights")
    (tmp_path / "hard.json").hardlink_to(source)
    (tmp_path / "soft.json").symlink_to(source)
    for place in (source, tmp_path / "hard.json", tmp_path / "soft.json", tmp_path):
        with pytest.raises(OutputError, match=r"net\.pt would be replaced by"):
            placement.check_apart([place], [source])
    with pytest.raises(OutputError, match="is to be written twice"):
        placement.check_apart([tmp_path / "a", tmp_path / "sub" / ".." / "a"], [source])
