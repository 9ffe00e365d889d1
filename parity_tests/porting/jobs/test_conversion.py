import gc
import json
import os
import weakref

import h5py
import keras
import numpy as np
import pytest
import torch

import keras_model
from finta.pair import FINTA
from parity_tests.full_disk import room_for
from parity_tests.schemas import assert_as_schema_says
from porting import Status, convert, export, verify
from porting.errors import OutputError, ProbeError
from porting.evidence.certificates import hash_file, read_certificate
from porting.evidence.golden import read_golden
from porting.jobs import verification
from porting.proof import port_runs
from tractography.batches.batches import SPLITS, write_batches

FILES = ["small.certificate.json", "small.golden.h5", "small.keras", "small.safetensors", "small.weights.h5"]


def contents(folder):
    return {path.name: hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all_formats_certificate_and_golden_file_are_in_place(small_port):
    assert sorted(contents(small_port.parent)) == FILES


@pytest.mark.slow
def test_every_format_verifies_against_the_checkpoint(small_port, small_checkpoint):
    for suffix in (".keras", ".weights.h5", ".safetensors"):
        path = small_port.with_name(f"small{suffix}")
        assert verify(path, small_checkpoint).verdict is Status.PASS, suffix


def test_the_port_loads_with_plain_keras_and_through_its_package(small_port):
    streamlines = np.random.default_rng(0).normal(scale=50, size=(3, 64, 3)).astype(np.float32)
    plain = keras.saving.load_model(small_port, safe_mode=True)
    expected = np.asarray(plain.predict_on_batch(streamlines))
    for suffix in (".keras", ".safetensors"):
        loaded = keras_model.load_autoencoder(small_port.with_suffix(suffix))
        assert isinstance(loaded, keras_model.Autoencoder)
        assert np.array_equal(np.asarray(loaded.predict_on_batch(streamlines)), expected)


def test_golden_file_holds_probe_activations_and_outputs_below_5_mb(small_port):
    golden = small_port.with_name("small.golden.h5")
    run, about = read_golden(golden)
    assert golden.stat().st_size < 5e6
    assert about["pair"] == "finta"
    assert [call.name.split(".")[0] for call in run.trace.calls][6:8] == ["fc1", "fc2"]
    assert all(call.output.dtype == np.float64 for call in run.trace.calls)
    assert run.trace.outputs[0].shape == (len(run.probe), 3, 64)


def test_export_gives_back_the_published_layout_bit_for_bit(small_port, small_checkpoint, tmp_path):
    original = torch.load(small_checkpoint, weights_only=True)
    for suffix in (".keras", ".weights.h5", ".safetensors"):
        path = export(small_port.with_name(f"small{suffix}"), tmp_path / f"back{suffix}.pt")
        exported = torch.load(path, weights_only=True)
        assert list(exported["state_dict"]) == list(original["state_dict"])
        assert all(torch.equal(exported["state_dict"][name], held) for name, held in original["state_dict"].items())
        assert (exported["epoch"], exported["lowest_loss"]) == (3, 0.5)


def test_a_port_that_was_trained_further_is_exported_without_a_certificate(small_port, tmp_path):
    model = keras_model.load_autoencoder(small_port)
    model.encoder.get_layer("fc1").bias.assign([1.0, 2.0, 3.0, 4.0])
    model.save(tmp_path / "tuned.keras")
    exported = torch.load(export(tmp_path / "tuned.keras", tmp_path / "tuned.pt"), weights_only=True)
    assert exported["state_dict"]["fc1.bias"].tolist() == [1, 2, 3, 4]


@pytest.mark.slow
def test_other_weights_fail_the_transfer_by_name(small_port, small_checkpoint, tmp_path):
    model = keras_model.load_autoencoder(small_port)
    bias = model.decoder.get_layer("decod_conv2").bias
    bias.assign(np.nextafter(np.asarray(bias), np.float32(np.inf)))
    model.save(tmp_path / "off.keras")
    report = verify(tmp_path / "off.keras", small_checkpoint)
    assert report.transfer.status is Status.FAIL
    assert "decod_conv2.1.bias" in " ".join(report.transfer.lines)


def test_a_port_of_other_sizes_is_refused(small_checkpoint, tmp_path):
    keras_model.build_autoencoder(5, 64).save(tmp_path / "other.keras")
    with pytest.raises(Exception, match="fc1.weight does not fit fc1/kernel"):
        verify(tmp_path / "other.keras", small_checkpoint)


def test_existing_files_are_kept_without_force_and_replaced_as_a_set_with_it(small_checkpoint, tmp_path):
    (tmp_path / "small.keras").write_bytes(b"mine")
    (tmp_path / "small.safetensors").write_bytes(b"mine, too")
    (tmp_path / "smaller.keras").write_bytes(b"another model")
    with pytest.raises(OutputError, match=r"already holds small.keras, small.safetensors. Replace with --force"):
        convert(small_checkpoint, tmp_path)
    assert (tmp_path / "small.keras").read_bytes() == b"mine"
    convert(small_checkpoint, tmp_path, force=True)
    assert sorted(contents(tmp_path)) == [*FILES[:4], "smaller.keras"]
    assert (tmp_path / "smaller.keras").read_bytes() == b"another model"


@pytest.mark.slow
def test_output_is_a_folder_or_a_stem(small_checkpoint, tmp_path):
    assert {path.name for path in convert(small_checkpoint, f"{tmp_path}/new/").files} == set(FILES[:3])
    assert (tmp_path / "new" / "small.keras").is_file()
    stem = convert(small_checkpoint, tmp_path / "other.name").files
    assert {path.name for path in stem} == {"other.name.keras", "other.name.certificate.json", "other.name.golden.h5"}
    assert convert(small_checkpoint, tmp_path / "third.keras").files[-1].name == "third.keras"


def test_an_unknown_format_is_refused(small_checkpoint, tmp_path):
    with pytest.raises(OutputError, match="Unknown format onnx: choose among keras, weights.h5, safetensors"):
        convert(small_checkpoint, tmp_path / "port", formats=("onnx",))


@pytest.fixture
def streamlines():
    return np.random.default_rng(0).normal(scale=50, size=(60, 64, 3)).astype(np.float32)


@pytest.mark.slow
def test_a_probe_of_ones_own_is_used_and_recorded(small_checkpoint, tmp_path, streamlines):
    batches = write_batches(tmp_path / "mine.h5", {"thres": {"7": streamlines}}).path
    report = convert(small_checkpoint, tmp_path / "port", probe=batches).report
    assert report.probe["source"] == "mine.h5, thres split, 1 classes"
    assert report.probe["samples"] == 60


def bad_probe(tmp_path, streamlines, fault):
    path = tmp_path / "probe.h5"
    if fault == "missing":
        return path
    if fault == "no HDF5":
        path.write_text("streamlines")
        return path
    with h5py.File(path, "w") as file:
        if fault == "NaN":
            streamlines[33, 5, 1] = np.nan
        if fault == "no streamlines":
            streamlines = streamlines[:0]
        if fault == "flat":
            streamlines = streamlines.reshape(-1, 192)
        if fault == "points":
            streamlines = streamlines[:, :32]
        split = "validation" if fault == "split" else "test"
        file.create_dataset(f"{split}/AF_L/streamline", data=streamlines)
    return path


BAD_PROBES = {
    "missing": "No probe at",
    "no HDF5": "no readable HDF5 file",
    "NaN": "/test/AF_L/streamline: 1 streamlines hold NaN or infinite coordinates, the first in row 33",
    "no streamlines": "no streamlines",
    "flat": r"/test/AF_L/streamline: shape \(60, 192\), must be \(streamline, point, coordinate\)",
    "points": "its streamlines have 32 points, the models take 64",
    "split": f"/validation: unknown split, must be one of {', '.join(SPLITS)}",
}


@pytest.mark.parametrize(("fault", "words"), BAD_PROBES.items(), ids=BAD_PROBES)
def test_a_bad_probe_is_refused_and_nothing_is_written(fault, words, small_checkpoint, tmp_path, streamlines):
    path = bad_probe(tmp_path, streamlines, fault)
    with pytest.raises(ProbeError, match=words):
        convert(small_checkpoint, tmp_path / "out" / "port", probe=path)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_failing_port_is_kept_where_one_asks_for_it(small_checkpoint, tmp_path):
    wrong = faulty_pair()
    kept = convert(small_checkpoint, tmp_path / "port", pair=wrong, keep_failed=True)
    assert read_certificate(tmp_path / "port.certificate.json")["verdict"] == "FAIL"
    assert len(kept.files) == 3


def faulty_pair():
    """The port as it was published: its decoder reads the flattened channels as points."""
    from dataclasses import replace

    from parity_tests.porting.causes.faults import FAULTS

    return replace(FINTA, port=FAULTS["decoder unflattened point by point"].model_pair().port)


@pytest.fixture
def full_disk():
    """Files may grow to 4 MB, less than a port needs: what a full disk does to the writer."""
    with room_for(4_000_000):
        yield


@pytest.mark.parametrize("formats", ["keras", "weights.h5", "safetensors"])
def test_without_room_nothing_is_left_and_the_old_files_stay(formats, small_checkpoint, tmp_path, run_cli, full_disk):
    (tmp_path / "small.keras").write_bytes(b"mine")
    done = run_cli("convert", small_checkpoint, "--output", tmp_path, "--force", "--formats", formats)
    assert done.status == 2, done.err
    assert "Traceback" not in done.err
    assert "Cannot write" in done.err
    assert os.listdir(tmp_path) == ["small.keras"]
    assert (tmp_path / "small.keras").read_bytes() == b"mine"


@pytest.mark.slow
def test_the_json_report_is_as_its_schema_says(small_checkpoint, tmp_path, run_cli):
    run_cli("convert", small_checkpoint, "--output", tmp_path / "port", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert_as_schema_says(report, "porting-report/1")
    assert report["first_divergence"] is None
    assert report["layers"][6]["landmark"] == "latent code"


def test_the_checkpoint_itself_and_files_of_others_are_never_removed(small_checkpoint, tmp_path):
    from safetensors.torch import save_file

    source = tmp_path / "small.safetensors"
    save_file(torch.load(small_checkpoint, weights_only=True)["state_dict"], source)
    with pytest.raises(OutputError, match=r"small.safetensors would be replaced by .*small.safetensors"):
        convert(source, tmp_path, force=True)
    assert sorted(contents(tmp_path)) == ["small.safetensors"]
    source.write_bytes(b"of another tool")
    convert(small_checkpoint, tmp_path, force=True)
    assert source.read_bytes() == b"of another tool"


@pytest.mark.slow
def test_formats_of_an_earlier_conversion_are_removed_with_it(small_port, small_checkpoint, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    convert(small_checkpoint, tmp_path, force=True)
    assert sorted(contents(tmp_path)) == FILES[:3]


@pytest.mark.parametrize("force", [True, False])
def test_a_folder_in_the_place_of_a_file_is_refused_and_stays_usable(force, small_port, tmp_path):
    (tmp_path / "back.pt").mkdir()
    with pytest.raises(OutputError, match=r"holds folders called back.pt"):
        export(small_port, tmp_path / "back.pt", force=force)
    (tmp_path / "back.pt").rmdir()
    export(small_port, tmp_path / "back.pt")


@pytest.mark.slow
def test_models_of_one_file_are_let_go_before_those_of_the_next_are_built(small_checkpoint, tmp_path, monkeypatch):
    models = []

    def run_port(*arguments):
        gc.collect()
        assert not any(model() for model in models)
        run = port_runs.run_port(*arguments)
        models.extend(map(weakref.ref, (run.narrow.model, run.wide.model)))
        return run

    monkeypatch.setattr(verification, "run_port", run_port)
    convert(small_checkpoint, tmp_path, formats=("keras", "safetensors"))
    assert len(models) == 4
