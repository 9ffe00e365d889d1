"""``finta thresholds | filter | evaluate``: files in, files out."""

import json
import zipfile

import h5py
import nibabel as nib
import numpy as np
import pytest
from dipy.io.streamline import load_tractogram
from h5py import h5g

from finta import shipped
from parity_tests.finta.tractograms import BROKEN, BUNDLES, assert_sorted, filtered, read, write
from parity_tests.schemas import assert_as_schema_says
from tractography.writing.writers import open_writer

MODEL = shipped.KERAS_CHECKPOINT


def test_thresholds_filtering_and_evaluation_with_the_shipped_model(collection, header, subject, tmp_path, finta):
    known = ["--model", MODEL, "--atlas", collection / "atlas", "--bundles", collection / "known"]
    known += ["--implausible", collection / "implausible.trk"]
    done = finta("thresholds", *known, "--output", tmp_path / "t.json")
    assert done.status == 0, done.err
    flat, roc = (json.loads((tmp_path / name).read_text()) for name in ("t.json", "t.roc.json"))
    assert sorted(flat) == sorted(roc) == list(BUNDLES)
    assert all(flat[name] == roc[name]["equal_error"] > 0 for name in BUNDLES)
    assert (tmp_path / "t.roc.png").read_bytes().startswith(b"\x89PNG")
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, collection, source, tmp_path / "out", MODEL, "--thresholds", tmp_path / "t.roc.json")
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
    summary = json.loads((tmp_path / "judged" / "summary.json").read_text())
    assert_as_schema_says(summary, "finta-evaluation/1")
    assert summary["facts"]["accuracy"] > 0.8
    assert (tmp_path / "judged" / "shares-of-the-confusion-matrix.png").is_file()


def test_trk_keeps_header_affine_and_data(collection, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, collection, source, tmp_path / "out", small_port)
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
    assert_as_schema_says(summary, "finta-filtering/1")
    facts, rows = summary["facts"], summary["tables"]["bundles"]
    assert facts["kept"] + facts["removed"] + facts["skipped"] == facts["streamlines"] == len(subject)
    assert facts["kept"] == sum(row["kept"] for row in rows)
    with h5py.File(tmp_path / "out" / "assignments.h5") as file:
        labels = file["labels"][:]
        assert list(file.attrs["bundles"]) == list(BUNDLES)
    assert np.flatnonzero(labels == -1).tolist() == sorted(BROKEN.values())


def test_every_streamline_has_its_nearest_bundle_and_whether_it_is_kept(
    collection, header, subject, tmp_path, finta, small_port
):
    source, mean = write(tmp_path / "subject.trk", header, subject), {}
    assert filtered(finta, collection, source, tmp_path / "all", small_port).status == 0
    with h5py.File(tmp_path / "all" / "assignments.h5") as file:
        for number, name in enumerate(BUNDLES):
            mean[name] = float(np.median(file["distances"][:][file["labels"][:] == number], axis=0).item())
    (tmp_path / "half.json").write_text(json.dumps({name: mean[name] for name in BUNDLES}))
    options = "--thresholds", tmp_path / "half.json"
    assert filtered(finta, collection, source, tmp_path / "out", small_port, *options).status == 0
    places = assert_sorted(tmp_path / "out", ".trk", subject)
    with h5py.File(tmp_path / "out" / "assignments.h5") as file:
        labels, distances, kept = (file[name][:] for name in ("labels", "distances", "kept"))
        assert "also of a streamline that was removed" in file.attrs["columns"]
    assert kept.dtype == bool
    for number, name in enumerate(BUNDLES):
        np.testing.assert_array_equal(np.flatnonzero(kept & (labels == number)), places.get(name, []))
    removed = places["implausible"]
    assert not kept[removed].any()
    assert (labels[removed] >= 0).all()
    assert (distances[removed] > [mean[BUNDLES[label]] for label in labels[removed]]).all()


def test_two_runs_write_the_same_bytes_and_no_times(collection, header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trx", header, subject)
    for name in ("one", "two"):
        assert filtered(finta, collection, source, tmp_path / name, small_port).status == 0
        assert finta("encode", source, "--model", small_port, "--output", tmp_path / f"{name}.h5").status == 0
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    ours = [path for path in (tmp_path / "one").iterdir() if path.suffix in (".h5", ".trx")]
    assert len(ours) > 1
    for path in ours:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
        if path.suffix == ".trx":
            assert {info.date_time[0] for info in zipfile.ZipFile(path).infolist()} == {1980}
    with h5py.File(tmp_path / "one" / "assignments.h5") as file:
        assert {h5g.get_objinfo(file.id, name.encode()).mtime for name in file} == {0}


def test_trx_keeps_header_and_data(collection, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trx", header, subject)
    done = filtered(finta, collection, source, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    for name, ids in assert_sorted(tmp_path / "out", ".trx", subject).items():
        state = load_tractogram(str(tmp_path / "out" / f"{name}.trx"), "same", bbox_valid_check=False)
        np.testing.assert_array_equal(np.ravel(state.data_per_streamline["ids"]), ids)
        np.testing.assert_allclose(state.affine, header.affine)


@pytest.mark.slow
def test_tck_has_its_numbers_beside_it(collection, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.tck", header, subject)
    done = filtered(finta, collection, source, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    for name, ids in assert_sorted(tmp_path / "out", ".tck", subject, with_data=False).items():
        assert len(nib.streamlines.load(tmp_path / "out" / f"{name}.tck").streamlines) == len(ids)
    refused = filtered(finta, collection, source, tmp_path / "trk", small_port, "--format", "trk")
    assert (refused.status, "says nothing of the image space that .trk files need" in refused.err) == (2, True)
    reference = ["--format", "trk", "--reference", collection / "known" / "AF_L.trk"]
    assert filtered(finta, collection, source, tmp_path / "trk", small_port, *reference).status == 0
    assert_sorted(tmp_path / "trk", ".trk", subject, with_data=False)


def test_published_thresholds_and_classes_are_read(collection, header, subject, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    (tmp_path / "thresholds_x.json").write_text('{"AF_L": 1e9, "CC_ForcepsMajor": 0, "CST_R": 1e9}')
    (tmp_path / "classes.json").write_text('{"AF_L": 40, "CC_ForcepsMajor": 7, "CST_R": 1, "ILF": 3}')
    options = ["--thresholds", tmp_path / "thresholds_x.json", "--classes", tmp_path / "classes.json"]
    done = filtered(finta, collection, source, tmp_path / "out", small_port, *options)
    assert done.status == 0, done.err
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["tables"]["bundles"]
    assert [row["class"] for row in rows] == [40, 7, 1]
    assert [row["threshold"] for row in rows] == [1e9, 0, 1e9]
    assert [row["kept"] == row["nearest"] for row in rows] == [True, rows[1]["nearest"] == 0, True]
    assert rows[1]["kept"] == 0


def test_an_approximate_index_tells_its_recall(collection, header, subject, thresholds, tmp_path, finta, small_port):
    source = write(tmp_path / "subject.trk", header, subject)
    done = filtered(finta, collection, source, tmp_path / "out", small_port, "--index", "approximate")
    assert "the approximate index finds 100.00% of nearest neighbours" in done.out, done.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert_as_schema_says(summary, "finta-filtering/1")
    assert summary["facts"]["recall of the approximate index"] == 1


def test_where_nothing_is_kept_the_least_distances_and_the_thresholds_are_told(collection, tmp_path, finta, small_port):
    (tmp_path / "none.json").write_text(json.dumps(dict.fromkeys(BUNDLES, 1e-9)))
    options = ["--thresholds", tmp_path / "none.json", "--any-space"]
    done = filtered(finta, collection, collection / "implausible.trk", tmp_path / "out", small_port, *options)
    assert done.status == 0, done.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert_as_schema_says(summary, "finta-filtering/1")
    with h5py.File(tmp_path / "out" / "assignments.h5") as file:
        labels, distances = file["labels"][:], file["distances"][:]
    for number, row in enumerate(summary["tables"]["bundles"]):
        own = distances[labels == number]
        assert row["least distance"] == (own.min() if len(own) else None)
    (note,) = summary["notes"]
    assert note.startswith("Nothing was kept.")
    assert f"{distances.min():.4g}, its threshold 1e-09" in note
    assert note in (tmp_path / "out" / "summary.html").read_text()


def test_tractograms_of_nothing_are_refused_and_of_nothing_usable_skipped(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    empty, broken = tmp_path / "empty.trk", tmp_path / "broken.trk"
    with open_writer(empty, header):
        pass
    write(broken, header, subject.select(np.array(list(BROKEN.values()))))
    refused = filtered(finta, collection, empty, tmp_path / "out", small_port)
    assert (refused.status, refused.err) == (2, f"Error: {empty} holds no streamlines.\n")
    done = filtered(finta, collection, broken, tmp_path / "out", small_port)
    assert done.status == 0, done.err
    assert "0 of 3 streamlines kept (0.0%); 3 skipped" in done.out
    assert not list((tmp_path / "out").glob("*.trk"))
    done = finta("encode", broken, "--model", small_port, "--output", tmp_path / "codes.h5")
    assert "3 latent codes; 3 skipped" in done.out
    with h5py.File(tmp_path / "codes.h5") as file:
        assert np.isnan(file["latent_codes"]).all()


def test_numbers_that_a_filtered_tractogram_brings_are_kept(
    collection, header, subject, thresholds, tmp_path, finta, small_port
):
    earlier = np.arange(len(subject)) * 3
    source = write(tmp_path / "subject.trk", header, subject.with_data(ids=earlier))
    assert filtered(finta, collection, source, tmp_path / "out", small_port).status == 0
    for path in (tmp_path / "out").glob("*.trk"):
        held = read(path).per_streamline
        np.testing.assert_array_equal(held["ids_before"][:, 0], earlier[held["ids"][:, 0].astype(int)])
