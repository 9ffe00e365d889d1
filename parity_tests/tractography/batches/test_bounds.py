"""Batch files that somebody made to lead elsewhere, or to take more memory than they have."""

import shutil

import h5py
import numpy as np
import pytest
from h5py import h5d, h5g, h5p, h5s, h5t

from parity_tests.streamlines import write_walks
from tractography.batches.batches import draw_balanced, inspect_batches
from tractography.batches.caches import _places
from tractography.batches.packing import pack_batches
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError

POINTS = 16


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_walks(tmp_path_factory.mktemp("batches") / "batches.h5", points=POINTS)


@pytest.fixture(scope="module")
def packed(published):
    return pack_batches(published, published.with_name("packed.h5")).path


def _replace(file, name, link):
    del file[name]
    file[name] = link


def _declare(file, name, rows, **layout):
    file.create_dataset(name, (rows, POINTS, 3), "<f4", **layout)


def _store_outside(file):
    outside = [("/etc/hostname", 0, 2 * POINTS * 12)]
    file.create_dataset("train/outside/streamline", (2, POINTS, 3), "<f4", external=outside)


def _map_outside(file):
    layout = h5py.VirtualLayout((2, POINTS, 3), "<f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", (2, POINTS, 3))
    file.create_virtual_dataset("train/mapped/streamline", layout)


def _name_in_latin(file):
    group = h5py.h5g.create(file["train"].id, b"stra\xdfe")
    h5d.create(group, b"streamline", h5t.IEEE_F32LE, h5s.create_simple((2, POINTS, 3)), h5p.create(h5p.DATASET_CREATE))


HOSTILE = {
    "/train/loop: a soft link, which is not followed": lambda file: (
        _replace(file, "train/up", h5py.SoftLink("/train/loop"))
        or file["train"].__setitem__("loop", h5py.SoftLink("/train/loop"))
    ),
    "/train: a soft link": lambda file: _replace(file, "train", h5py.SoftLink("/thres")),
    "/train: an external link": lambda file: _replace(file, "train", h5py.ExternalLink("/etc/passwd", "/")),
    "/train/up/streamline: a soft link|/train/up: a soft link": lambda file: _replace(
        file, "train/up/streamline", h5py.SoftLink("/train/along/streamline")
    ),
    "/train/up: an external link": lambda file: _replace(file, "train/up", h5py.ExternalLink("other.h5", "/")),
    "/train/outside/streamline: its values lie in other files": _store_outside,
    "/train/mapped/streamline: its values lie in other files": _map_outside,
    "[0-9,]+ bytes are declared, and the file has": lambda file: _declare(
        file, "train/vast/streamline", 10**12, chunks=(1, POINTS, 3), compression="gzip"
    ),
    "/train/big/streamline: chunks of 1,536,000,000 bytes": lambda file: _declare(
        file, "train/big/streamline", 8 * 10**6, chunks=(8 * 10**6, POINTS, 3), compression="gzip"
    ),
    r"/train/'stra\\udcdfe': a class whose name is not in UTF-8": _name_in_latin,
    r"/'\\x1b\[2J': unknown split": lambda file: file.create_group("\x1b[2J"),
}


@pytest.mark.parametrize("finding", HOSTILE)
def test_what_leads_elsewhere_or_is_declared_too_large_is_refused_by_name(finding, published, tmp_path):
    path = shutil.copyfile(published, tmp_path / "batches.h5")
    with h5py.File(path, "a") as file:
        HOSTILE[finding](file)
    for read in (inspect_batches, BatchSource, lambda path: draw_balanced(path, 4)):
        with pytest.raises(BatchError, match=f"(?s)batches.h5 .*{finding}"):
            read(path)


def test_a_group_that_holds_itself_is_no_loop(published, tmp_path):
    path = shutil.copyfile(published, tmp_path / "batches.h5")
    with h5py.File(path, "a") as file:
        file["train/itself"] = file["train"]
    with pytest.raises(BatchError, match="/train/itself: no data set called streamline"):
        inspect_batches(path)


DAMAGES = {
    "train: streamlines is of shape": lambda file: _replace(file, "train/streamlines", np.zeros(9, "f4")),
    "train: class_names is of shape": lambda file: _replace(file, "train/class_names", np.arange(3)),
    "train/class_names holds no names": lambda file: _replace(
        file, "train/class_names", np.array([b"\xff", b"a", b"b"])
    ),
    "train: class_starts is of shape": lambda file: _replace(file, "train/class_starts", np.zeros(4)),
    "class_starts does not share out": lambda file: _replace(file, "train/class_starts", np.array([0, 2**62, 1, 36])),
    "train/class_starts: a soft link": lambda file: _replace(
        file, "train/class_starts", h5py.SoftLink("/thres/class_starts")
    ),
    "train/class_starts: 8,000,000,000,000 bytes are declared": lambda file: (
        file["train"].__delitem__("class_starts"),
        file.create_dataset("train/class_starts", (10**12,), "i8", chunks=(1,)),
    ),
}


@pytest.mark.parametrize("finding", DAMAGES)
def test_packed_files_are_typed_as_they_are_read(finding, packed, tmp_path):
    path = shutil.copyfile(packed, tmp_path / "packed.h5")
    with h5py.File(path, "a") as file:
        DAMAGES[finding](file)
    with pytest.raises(BatchError, match=f"(?s)packed.h5 .*/{finding}"):
        inspect_batches(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays["train.extents"].__setitem__((1, 0), 10**15),
        lambda arrays: arrays["train.extents"].__setitem__((0, 0), -7),
        lambda arrays: arrays["train.starts"].__setitem__(-1, 10**9),
        lambda arrays: arrays.__setitem__("train.starts", np.arange(3)),
        lambda arrays: arrays["facts"].__setitem__(1, -1),
    ],
)
def test_a_kept_index_that_leads_nowhere_is_not_believed(change, published, tmp_path):
    path = shutil.copyfile(published, tmp_path / "batches.h5")
    with BatchSource(path) as source:
        wanted = source.read("train", range(36))
    place = next(_places(path))
    with np.load(place) as held:
        arrays = dict(held)
    change(arrays)
    np.savez(place, **arrays)
    with BatchSource(path) as source:
        np.testing.assert_array_equal(source.read("train", range(36)), wanted)


def test_files_are_the_same_whenever_they_are_written(published, packed, tmp_path):
    again = write_walks(tmp_path / "batches.h5", points=POINTS)
    assert again.read_bytes() == published.read_bytes()
    assert pack_batches(again, tmp_path / "packed.h5").path.read_bytes() == packed.read_bytes()
    for path, name in ((published, b"train/up/streamline"), (packed, b"train/streamlines")):
        with h5py.File(path) as file:
            assert h5g.get_objinfo(file.id, name).mtime == 0
