"""What binds a port to its evidence, and what happens when it no longer does."""

import json

import h5py
import pytest

import keras_model
from parity_tests.schemas import assert_as_schema_says
from porting import verify
from porting.errors import PortFileError
from porting.evidence.certificates import certificate_path, hash_file, read_certificate

FILES = ["small.golden.h5", "small.keras", "small.safetensors", "small.weights.h5"]


def test_certificate_binds_bytes_source_plan_probe_versions_and_verdict(small_port, small_checkpoint):
    certificate = read_certificate(small_port.with_name("small.certificate.json"))
    assert_as_schema_says(certificate, "porting-certificate/1")
    certified = certificate["port"]["files"]
    assert certified == {name: hash_file(small_port.with_name(name)) for name in FILES}
    assert certificate["source"]["sha256"] == hash_file(small_checkpoint)
    assert certificate["verdict"] == "PASS"
    assert len(certificate["plan_sha256"]) == len(certificate["probe"]["sha256"]) == 64
    assert {"torch", "keras", "tensorflow", "porting"} <= certificate["versions"].keys()
    assert certificate["sizes"] == {"latent_size": 4, "point_count": 64}
    assert certificate["report"]["layers"][0]["reference"] == "encod_conv1.1"


@pytest.mark.parametrize("lacking", ["verdict", "sizes", "port.files", "probe.sha256", "report.outputs"])
def test_a_certificate_that_lacks_something_is_refused_before_anything_runs(lacking, small_port, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "small.certificate.json"
    certificate = json.loads(path.read_text())
    part, _, key = lacking.rpartition(".")
    del (certificate[part] if part else certificate)[key]
    path.write_text(json.dumps(certificate))
    steps = []
    with pytest.raises(PortFileError, match=f"small.certificate.json .* {lacking} is missing. Convert again"):
        verify(tmp_path / "small.keras", on_step=lambda step, *counts: steps.append(step))
    assert steps == []


def test_changed_bytes_are_refused_by_verify_and_warned_of_on_loading(small_port, small_checkpoint, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    changed = tmp_path / "small.keras"
    keras_model.build_autoencoder(4, 64).save(changed)
    with pytest.raises(PortFileError, match="Refused: the bytes of .*small.keras are not those"):
        verify(changed)
    with pytest.raises(PortFileError, match="Refused"):
        verify(changed, small_checkpoint)
    with pytest.warns(UserWarning, match="the bytes of .*small.keras are not those"):
        keras_model.load_autoencoder(changed)


def test_a_changed_golden_file_is_refused(small_port, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with h5py.File(tmp_path / "small.golden.h5", "r+") as golden:
        golden["calls/0"].attrs["float32_rmse"] = 1e9
    with pytest.raises(PortFileError, match="Refused: the bytes of .*small.golden.h5 are not those"):
        verify(tmp_path / "small.keras")


def test_loading_a_port_that_failed_warns(small_port, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    certificate = tmp_path / "small.certificate.json"
    certificate.write_text(certificate.read_text().replace('"verdict": "PASS"', '"verdict": "FAIL"', 1))
    with pytest.warns(UserWarning, match="the verdict on .*small.keras is FAIL"):
        keras_model.load_autoencoder(tmp_path / "small.keras")


@pytest.mark.parametrize("name", ["../small.pt", "/etc/passwd", "..", "a\\b"])
def test_a_certificate_names_plain_files_alone(name, small_port, tmp_path):
    content = json.loads(certificate_path(small_port).read_text())
    content["port"]["files"][name] = "0" * 64
    (tmp_path / "small.certificate.json").write_text(json.dumps(content))
    with pytest.raises(PortFileError, match="among its files: no plain name"):
        read_certificate(tmp_path / "small.certificate.json")
