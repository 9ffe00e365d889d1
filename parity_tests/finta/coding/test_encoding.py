"""``finta encode | reconstruct``: latent codes and what they are decoded to, interrupted and gone on with."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from finta import shipped
from finta.coding.drafts import draft_of
from finta.coding.encoding import encode_tractogram
from finta.coding.rows import RANGE_SIZE
from parity_tests.finta.tractograms import Stopped, many, read, stop_when, write
from parity_tests.full_disk import room_for
from porting.errors import OutputError
from tractography.errors import TractogramError

MODEL = shipped.KERAS_CHECKPOINT


def test_codes_are_decoded_to_what_the_tractogram_is_reconstructed_to(collection, tmp_path, finta, small_port):
    source = collection / "known" / "AF_L.trk"
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


KILLED = """
import os, signal, sys
from pathlib import Path
from finta.coding.encoding import encode_tractogram
def kill(doing, done, total):
    if done:
        os.kill(os.getpid(), signal.{signal})
encode_tractogram(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), on_step=kill)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM"])
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
    source, output = write(tmp_path / "many.trk", header, many(subject, 3 * RANGE_SIZE)), tmp_path / "codes.h5"

    def interrupt():
        while not draft_of(output).exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    done = finta("encode", source, "--model", small_port, "--output", output)
    assert done.status == 130
    assert done.err.startswith("Interrupted. What is computed is kept: go on with --resume"), done.err
    assert not output.exists()


def test_a_run_does_not_go_on_with_another_tractogram_or_model(collection, header, subject, tmp_path, small_port):
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


def test_a_full_disk_leaves_nothing_of_codes_and_reconstructions(header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    with room_for(3_000):
        for command, name in (("encode", "codes.h5"), ("reconstruct", "lines.trk"), ("reconstruct", "lines.trx")):
            done = finta(command, source, "--model", small_port, "--output", tmp_path / name)
            assert (done.status, f"Error: Cannot write {tmp_path / name}" in done.err) == (2, True), done.err
            assert os.listdir(tmp_path) == ["subject.trk"]


def test_codes_and_reconstructions_do_not_replace_what_they_are_made_from(collection, tmp_path, finta, small_port):
    source = shutil.copy(collection / "known" / "AF_L.trk", tmp_path)
    for command in ("encode", "reconstruct"):
        refused = finta(command, source, "--model", small_port, "--output", source, "--force")
        assert (refused.status, f"{source} would be replaced by {source}" in refused.err) == (2, True)


def test_streamlines_that_end_in_the_middle_are_refused(header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "cut.trk", header, subject)
    os.truncate(source, source.stat().st_size - 10)
    refused = finta("encode", source, "--model", small_port, "--output", tmp_path / "codes.h5")
    assert (refused.status, "is truncated" in refused.err) == (2, True)
    with pytest.raises(TractogramError):
        encode_tractogram(tmp_path / "none.trk", small_port, tmp_path / "codes.h5")
