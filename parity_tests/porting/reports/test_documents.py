"""Every document that is written names its schema, and a schema knows all that is written."""

import json

import keras
import pytest
from jsonschema import Draft202012Validator

from parity_tests.schemas import SCHEMAS, assert_as_schema_says, faults_of, name_of
from porting.evidence.certificates import read_certificate
from porting.port import side as keras_side


@pytest.fixture(scope="module")
def faulty_port(small_port, tmp_path_factory):
    """The port, all zeros in one bias."""
    model = keras.saving.load_model(small_port, compile=False)
    bias = next(variable for variable in model.variables if variable.path.endswith("fc1/bias"))
    bias.assign(0 * bias)
    path = tmp_path_factory.mktemp("faulty") / "faulty.keras"
    model.save(path)
    return path


def written_by(run_cli, folder, *arguments):
    done = run_cli("verify", *arguments, "--json", folder / "report.json")
    return done.status, json.loads((folder / "report.json").read_text())


def test_a_report_that_passes_is_as_its_schema_says(small_port, tmp_path, run_cli):
    status, report = written_by(run_cli, tmp_path, small_port)
    assert (status, report["verdict"]) == (0, "PASS")
    assert_as_schema_says(report, "porting-report/1")


@pytest.mark.slow
def test_a_report_that_fails_is_as_its_schema_says(small_checkpoint, faulty_port, tmp_path, run_cli):
    status, report = written_by(run_cli, tmp_path, small_checkpoint, faulty_port)
    assert (status, report["verdict"]) == (1, "FAIL")
    assert report["divergences"][0]["causes"]
    assert_as_schema_says(report, "porting-report/1")


@pytest.mark.slow
def test_a_report_that_claims_nothing_is_as_its_schema_says(
    small_checkpoint, small_port, tmp_path, run_cli, monkeypatch
):
    monkeypatch.setattr(keras_side, "why_no_float64", lambda: "no float64 here")
    status, report = written_by(run_cli, tmp_path, small_checkpoint, small_port)
    assert (status, report["verdict"]) == (3, "NOT CHECKED")
    assert report["layers"][0]["float64_output_error"] is None
    assert_as_schema_says(report, "porting-report/1")


@pytest.mark.parametrize(
    "place", [(), ("layers", 0), ("details",), ("plan", 0), ("probe",), ("settings", 0), ("limits",)]
)
def test_what_no_schema_knows_is_a_fault(place, small_port):
    report = json.loads(small_port.with_name("small.certificate.json").read_text())["report"]
    assert faults_of(report) == []
    held = report
    for step in place:
        held = held[step]
    held["news"] = 1
    (fault,) = faults_of(report)
    assert "news" in fault or "not valid under any" in fault


def test_certificates_of_old_name_no_schema_and_are_read(port):
    certificate = read_certificate(port.with_name(f"{port.stem}.certificate.json"))
    assert certificate["versions"]["porting"] == "0.1.0"
    assert "schema" not in certificate


def test_schemas_are_of_the_dialect_that_they_name_and_allow_nothing_that_they_do_not_say():
    assert len(SCHEMAS) == 8
    for file, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
        assert file == f"{name_of(schema).partition('/')[0]}.schema.json"
        for part in objects_in(schema):
            assert "additionalProperties" in part, (file, part)


def objects_in(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects_in(part)
