"""What a report says when versions, figures or the golden file are no longer those of the certificate."""

import json
import shutil
from dataclasses import replace

import h5py
import pytest

import reference_torch
from finta.pair import FINTA
from parity_tests.porting.zoo.pairs import CLASSIFIER
from porting import Status, verify
from porting.errors import PortFileError
from porting.evidence.certificates import hash_file, read_certificate
from porting.evidence.drift import changed_versions, drift_lines
from porting.evidence.golden import write_golden
from porting.pairs.finding import draw_probe
from porting.proof.runs import run_reference
from porting.proof.transfer import hash_weights
from porting.reference import side as torch_side
from porting.reports.console import as_text
from porting.reports.documents import as_json
from porting.reports.page import render_page


@pytest.fixture
def port(small_port, tmp_path):
    """A converted checkpoint of one's own to spoil, with its certificate and golden file."""
    for path in small_port.parent.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path / small_port.name


@pytest.fixture(scope="module")
def report(small_port):
    return verify(small_port)


@pytest.fixture
def certificate(small_port):
    return read_certificate(small_port.with_name("small.certificate.json"))


def seal_again(port):
    """Certify the golden file as it lies there."""
    path = port.with_name("small.certificate.json")
    certificate = json.loads(path.read_text())
    certificate["port"]["files"]["small.golden.h5"] = hash_file(port.with_name("small.golden.h5"))
    path.write_text(json.dumps(certificate))


def test_nothing_is_said_where_nothing_changed(report, certificate):
    lines = drift_lines(certificate, report)
    assert all(line.startswith("worst") for line in lines)
    certificate["report"] = as_json(report)
    assert drift_lines(certificate, report) == ()


def test_nothing_is_said_without_a_certificate(report):
    assert drift_lines(None, report) == ()


def test_other_versions_are_told_one_line_each(report, certificate):
    certificate["versions"] |= {"keras": "3.12.0", "tensorflow": "2.20.0", "porting": "0.0.9"}
    lines = drift_lines(certificate, report)
    assert f"keras 3.12.0 when recorded, {report.versions['keras']} now" in lines
    assert f"tensorflow 2.20.0 when recorded, {report.versions['tensorflow']} now" in lines
    assert f"porting 0.0.9 when recorded, {report.versions['porting']} now" in lines
    assert not any(line.startswith("torch") for line in lines)


def test_changed_figures_are_told_then_and_now(report, certificate):
    certificate["probe"]["sha256"] = report.probe["sha256"]
    certificate["report"] = as_json(report)
    certificate["report"]["layers"][3] |= {"float64_output_error": 3e-9, "float32_ratio": 77.0}
    error, ratio = drift_lines(certificate, report)
    assert error.startswith("worst float64 error 3.0e-09 when recorded, ")
    assert ratio.startswith("worst float32 ratio 77.00 when recorded, ")
    assert " now" in error


def test_figures_of_another_probe_are_told_with_the_samples_and_only_beside_other_versions(report, certificate):
    certificate["probe"] |= {"sha256": "another", "samples": 9999}
    certificate["report"]["layers"][3]["float32_ratio"] = "inf"
    assert drift_lines(certificate, report) == ()
    certificate["versions"]["keras"] = "3.12.0"
    told = drift_lines(certificate, report)[-1]
    assert told.startswith("worst float32 ratio inf when recorded")
    assert "(9999 samples then" in told


def test_figures_of_all_samples_are_not_those_of_the_probe_among_them(report, certificate):
    streamed = replace(report, probe={**report.probe, "streamed": 23_456})
    certificate["probe"]["sha256"] = report.probe["sha256"]
    certificate["report"]["layers"][3]["float32_ratio"] = 77.0
    assert drift_lines(certificate, streamed) == ()
    certificate["versions"]["keras"] = "3.12.0"
    assert drift_lines(certificate, streamed)[-1].endswith("(64 samples then, 23456 now)")


def test_figures_of_some_values_of_a_golden_file_are_not_those_of_all(report, certificate):
    in_part = replace(report, probe={**report.probe, "holds": "64 values of each activation at most"})
    certificate["probe"]["sha256"] = report.probe["sha256"]
    certificate["report"]["layers"][3]["float32_ratio"] = 77.0
    assert drift_lines(certificate, in_part) == ()
    certificate["versions"]["keras"] = "3.12.0"
    assert drift_lines(certificate, in_part)[-1].endswith("now, of the values that the golden file holds)")


def test_a_gpu_that_only_one_had_is_told():
    told = list(changed_versions({"keras": "3", "TF32": "off", "GPU": "H100"}, {"keras": "3", "jax": "1"}))
    assert told == ["GPU H100 when recorded, none now"]


def test_drift_is_in_the_report(report):
    notes = ("keras 3.12.0 when recorded, 3.15.1 now",)
    drifted = replace(report, drift=notes)
    assert notes[0] in as_text(drifted, 100)
    assert as_json(drifted)["drift"] == list(notes)
    assert notes[0] in render_page(drifted)


def test_the_command_tells_drift_on_the_console_and_in_json(port, run_cli, tmp_path):
    path = port.with_name("small.certificate.json")
    path.write_text(path.read_text().replace('"keras": "3.', '"keras": "2.'))
    shown = run_cli("verify", port, "--json", tmp_path / "r.json")
    assert shown.status == 0, shown.err
    drift = json.loads((tmp_path / "r.json").read_text())["drift"]
    assert drift[0].startswith("keras 2.")
    assert drift[0] in shown.out


def spoiled(port, change):
    with h5py.File(port.with_name("small.golden.h5"), "r+") as golden:
        change(golden)
    seal_again(port)


def refused(port, run_cli):
    """The one message of exit status 2."""
    shown = run_cli("verify", port)
    assert shown.status == 2, shown
    assert "Traceback" not in shown.err
    return " ".join(shown.err.split())


def test_a_golden_file_of_another_pair(port, run_cli):
    spoiled(port, lambda golden: golden.attrs.update({"pair": json.dumps("unet")}))
    assert "small.golden.h5 is of pair unet, not finta" in refused(port, run_cli)


def test_a_golden_file_of_another_version(port, run_cli):
    spoiled(port, lambda golden: golden.attrs.update({"version": 0}))
    assert "small.golden.h5 is a golden file of version 0, this is" in refused(port, run_cli)


def test_a_golden_file_of_other_sizes(port, run_cli):
    golden = port.with_name("small.golden.h5")
    sizes = {"latent_size": 8, "point_count": 64}
    model = reference_torch.Autoencoder(**sizes)
    probe = draw_probe(FINTA, sizes, None, 2)
    run = run_reference(FINTA, model, probe, hash_weights(torch_side.arrays(model).items()))
    write_golden(golden, run, {"pair": "finta", "sizes": sizes, "checkpoint": "0" * 64})
    assert "Refused: the bytes of" in refused(port, run_cli)
    seal_again(port)
    message = refused(port, run_cli)
    assert "small.golden.h5 is of another model than" in message
    assert "fc1.weight does not fit fc1/kernel" in message


def test_a_golden_file_of_other_shapes(port, run_cli):
    def reshape(golden):
        shapes = json.loads(golden.attrs["shapes"])
        shapes["encod_conv2.1.weight"] = shapes["encod_conv2.1.weight"][::-1]
        golden.attrs["shapes"] = json.dumps(shapes)

    spoiled(port, reshape)
    message = refused(port, run_cli)
    assert "small.golden.h5 is of another model than" in message
    assert "encod_conv2.1.weight" in message


def other_weights(golden):
    hashes = json.loads(golden.attrs["weights"])
    golden.attrs["weights"] = json.dumps(dict.fromkeys(hashes, "0" * 64))


@pytest.mark.slow
def test_a_golden_file_of_other_weights(port, run_cli):
    spoiled(port, other_weights)
    assert verify(port).verdict is Status.FAIL  # the certificate binds both, so it is the port that is wrong
    port.with_name("small.certificate.json").unlink()
    assert "none of its 28 tensors is the port's" in refused(port, run_cli)


def test_a_wrong_tensor_beside_right_ones_is_a_verdict_without_a_certificate_too(port):
    def one_other(golden):
        hashes = json.loads(golden.attrs["weights"])
        golden.attrs["weights"] = json.dumps(hashes | {"fc1.bias": "0" * 64})

    spoiled(port, one_other)
    port.with_name("small.certificate.json").unlink()
    report = verify(port)
    assert report.transfer.status is Status.FAIL
    assert as_json(report)["changed_tensors"] == ["fc1.bias"]


def test_a_golden_file_is_not_for_anybodys_pair(port):
    with pytest.raises(PortFileError, match="is of pair finta, not"):
        verify(port, pair=CLASSIFIER)
