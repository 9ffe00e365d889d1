"""An interrupt or a kill at any moment leaves the old files or the new ones, never a mixture."""

import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from keras_model import load_autoencoder
from porting.errors import OutputError
from porting.evidence.certificates import broken_seal, hash_file, read_certificate
from porting.files import staging

SUFFIXES = (".a", ".b", ".c")


def write_set(stem, text, suffixes=SUFFIXES):
    with staging.staging(stem, [stem.name + suffix for suffix in SUFFIXES]) as staged:
        for suffix in suffixes:
            staged.stem.with_name(staged.stem.name + suffix).write_text(text)
        return staged.commit()


def held(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_committed_set_replaces_the_old_one_whole(tmp_path):
    write_set(tmp_path / "model", "old")
    (tmp_path / "other.a").write_text("not ours")
    files = write_set(tmp_path / "model", "new", suffixes=(".a", ".c"))
    assert held(tmp_path) == {"model.a": "new", "model.c": "new", "other.a": "not ours"}
    assert files == (tmp_path / "model.a", tmp_path / "model.c")


def test_without_a_commit_nothing_changes(tmp_path):
    write_set(tmp_path / "model", "old")
    with staging.staging(tmp_path / "model") as staged:
        staged.stem.with_suffix(".a").write_text("new")
    assert held(tmp_path) == dict.fromkeys(("model.a", "model.b", "model.c"), "old")


def test_folders_made_for_what_was_not_committed_are_removed_again(tmp_path):
    with staging.staging(tmp_path / "new" / "deep" / "model") as staged:
        staged.stem.with_suffix(".a").write_text("new")
    assert held(tmp_path) == {}
    write_set(tmp_path / "new" / "deep" / "model", "new")
    assert (tmp_path / "new" / "deep" / "model.a").read_text() == "new"


def test_an_interrupt_changes_nothing(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        write_set(tmp_path / "model", "old")
        with pytest.raises(KeyboardInterrupt), staging.staging(tmp_path / "model") as staged:
            staged.stem.with_suffix(".a").write_text("new")
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert held(tmp_path) == dict.fromkeys(("model.a", "model.b", "model.c"), "old")


KILLED_AT_RENAME = """
import os, sys
from pathlib import Path
from porting.files import placement, staging
stem, fatal = Path(sys.argv[1]), int(sys.argv[2])
calls = 0
def counted(original):
    def call(*arguments, **keywords):
        global calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), 9)
        return original(*arguments, **keywords)
    return call
for name in ("rename", "replace", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
with staging.staging(stem, ("model.a", "model.b", "model.c")) as staged:
    for suffix in (".a", ".c"):
        staged.stem.with_name(staged.stem.name + suffix).write_text("new")
    staged.commit()
print("done")
"""


@pytest.mark.parametrize("fatal", range(1, 8))
def test_killed_at_any_step_of_the_move_the_set_is_whole_for_the_next_who_looks(fatal, tmp_path):
    write_set(tmp_path / "model", "old")
    script = [sys.executable, "-c", KILLED_AT_RENAME, str(tmp_path / "model"), str(fatal)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL or done.stdout == "done\n", done.stderr
    staging.finish_moves(tmp_path / "model")
    old = dict.fromkeys(("model.a", "model.b", "model.c"), "old")
    new = dict.fromkeys(("model.a", "model.c"), "new")
    assert held_visible(tmp_path) in (old, new)
    write_set(tmp_path / "model", "newer")
    assert held(tmp_path) == dict.fromkeys(("model.a", "model.b", "model.c"), "newer")


def held_visible(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


@pytest.mark.parametrize("fatal", range(1, 6))
def test_the_last_file_of_a_set_is_never_beside_files_of_another_set(fatal, tmp_path, monkeypatch):
    own_names = staging.OwnNames(last="b")

    def write(text):
        with staging.staging(tmp_path / "set", own_names=own_names) as staged:
            for name in "abc":
                (staged.stem.parent / name).write_text(text)
            staged.commit()

    steps = count(1)

    def interrupted(done):
        def call(*places, **keywords):
            if next(steps) == fatal:
                raise KeyboardInterrupt
            return done(*places, **keywords)

        return call

    write("old")
    for name in ("replace", "unlink"):
        monkeypatch.setattr(staging.os, name, interrupted(getattr(os, name)))
    with pytest.raises(KeyboardInterrupt):
        write("new")
    monkeypatch.undo()
    found = held_visible(tmp_path)
    assert "b" not in found or found == dict.fromkeys("abc", found["b"])
    staging.finish_moves(tmp_path / "set", own_names=own_names)
    assert held_visible(tmp_path) in (dict.fromkeys("abc", "old"), dict.fromkeys("abc", "new"))


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    folder = Path("/sys") if os.geteuid() == 0 else tmp_path
    if folder is tmp_path:
        tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=f"Cannot write {folder}/model: .*Nothing was changed"):
        write_set(folder / "model", "new")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="Cannot write"):
        write_set(tmp_path / "taken" / "model", "new")


MOMENTS = [
    pytest.param(signal.SIGKILL, ".certificate.json", id="SIGKILL", marks=pytest.mark.slow),
    pytest.param(signal.SIGINT, ".golden.h5", id="SIGINT", marks=pytest.mark.slow),
    pytest.param(signal.SIGTERM, ".keras", id="SIGTERM"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "begun"), MOMENTS)
def test_a_conversion_that_is_ended_in_mid_run_leaves_a_whole_set(sent, begun, small_checkpoint, small_port, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    old = {path.name: hash_file(path) for path in tmp_path.iterdir()}
    command = [sys.executable, "-m", "porting", "convert", str(small_checkpoint), "--output", f"{tmp_path}/", "--force"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob(f".small.writing-*/*{begun}")):
        time.sleep(0.002)
    process.send_signal(sent)
    _, complaint = process.communicate()
    assert "Traceback" not in complaint
    assert broken_seal(tmp_path / "small.keras") == ""
    now = {path.name: hash_file(path) for path in tmp_path.iterdir() if not path.name.startswith(".")}
    certified = read_certificate(tmp_path / "small.certificate.json")["port"]["files"]
    assert now == old or {name: now[name] for name in certified} == certified


def test_whoever_verifies_or_loads_finishes_the_moves_of_a_killed_conversion(small_port, tmp_path):
    committed = tmp_path / ".small.committed"
    committed.mkdir()
    for path in small_port.parent.iterdir():
        (committed / path.name).write_bytes(path.read_bytes())
    load_autoencoder(tmp_path / "small.keras")
    assert broken_seal(tmp_path / "small.keras") == ""
    assert not committed.exists()


def hostile(tmp_path, files, superseded=""):
    committed = tmp_path / ".model.committed"
    committed.mkdir()
    for name in files:
        (committed / name).write_text("theirs")
    (committed / "superseded").write_text(superseded)
    return committed


@pytest.mark.parametrize(
    "listed", ["../precious", "{tmp_path}/precious", "other.a", "sub/model.a", "model.a/../other.a"]
)
def test_a_list_that_was_found_removes_nothing_but_files_of_its_stem(listed, tmp_path):
    folder = tmp_path / "downloaded"
    folder.mkdir()
    for path in (tmp_path / "precious", folder / "other.a", folder / "model.a"):
        path.write_text("mine")
    hostile(folder, ["model.a"], listed.format(tmp_path=tmp_path))
    with pytest.raises(OutputError, match=r"Refused: .*\.model\.committed names .*Nothing was changed"):
        staging.finish_moves(folder / "model")
    assert {path.read_text() for path in (tmp_path / "precious", folder / "other.a", folder / "model.a")} == {"mine"}


def test_a_folder_that_was_found_replaces_nothing_but_files_of_its_stem(tmp_path):
    (tmp_path / "other.a").write_text("mine")
    hostile(tmp_path, ["other.a"])
    with pytest.raises(OutputError, match="names 'other.a', which no unfinished conversion of model does"):
        staging.finish_moves(tmp_path / "model")
    assert (tmp_path / "other.a").read_text() == "mine"


def test_links_in_a_folder_that_was_found_are_refused(tmp_path):
    (tmp_path / "precious").write_text("mine")
    committed = hostile(tmp_path, [])
    (committed / "model.a").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="holds links or folders"):
        staging.finish_moves(tmp_path / "model")
    assert not (tmp_path / "model.a").exists()


def test_files_of_another_stem_are_not_superseded(tmp_path):
    (tmp_path / "precious").write_text("mine")
    with (
        pytest.raises(OutputError, match="no file of .*model, so it is not removed"),
        staging.staging(tmp_path / "model", ["precious"]),
    ):
        pass
    assert held(tmp_path) == {"precious": "mine"}


WRITER = """
import sys
from pathlib import Path
from porting.files import staging
for round in range(20):
    with staging.staging(Path(sys.argv[1]), ("model.a", "model.b", "model.c")) as staged:
        for suffix in (".a", ".b", ".c"):
            staged.stem.with_name(staged.stem.name + suffix).write_text(sys.argv[2])
        staged.commit()
"""


def test_two_writers_of_one_stem_leave_each_other_whole_sets(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "model")]
    writers = [subprocess.Popen([*command, text], stderr=subprocess.PIPE, text=True) for text in ("first", "second")]
    complaints = [writer.communicate()[1] for writer in writers]
    assert complaints == ["", ""]
    assert set(held(tmp_path)) == {"model.a", "model.b", "model.c"}
    assert len(set(held(tmp_path).values())) == 1


def test_what_another_process_is_writing_stays_and_what_a_killed_one_left_goes(tmp_path):
    left = tmp_path / ".model.writing-0123456789abcdef"
    named = tmp_path / ".model.writing-abc"
    left.mkdir()
    named.mkdir()
    with staging.staging(tmp_path / "model") as first:
        write_set(tmp_path / "model", "second")
        assert first.stem.parent.is_dir()
        assert not left.exists()
        first.stem.with_suffix(".a").write_text("first")
        first.commit()
    assert named.is_dir()
    assert (tmp_path / "model.a").read_text() == "first"
