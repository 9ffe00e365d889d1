"""Files that act or lie, by kind: each is refused with a reason, and nothing is changed."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from parity_tests.hostile.kit import tiny_pair
from porting import convert, export
from porting.errors import CheckpointError, OutputError, PortFileError, ProbeError
from porting.evidence.certificates import read_certificate
from porting.evidence.drift import drift_lines
from porting.files import placement
from porting.files.tensor_files import read_header, read_tensors
from porting.jobs.inspection import render_file
from porting.port.files import load_keras
from porting.probes import read_probe
from porting.reference.files import read_checkpoint


def tensors(path, header, content=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def test_bfloat16_is_widened_as_torch_widens_it(tmp_path):
    import torch
    from safetensors.torch import save_file

    values = torch.tensor([1.5, -3e38, 1e-40, 0.1], dtype=torch.bfloat16)
    save_file({"a": values}, tmp_path / "a.safetensors")
    torch.save({"a": values}, tmp_path / "a.pt")
    found = [read_checkpoint(tmp_path / name).state_dict["a"] for name in ("a.safetensors", "a.pt")]
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(*found)


HEADERS = {
    "eight bits": ({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}, "of the type 'F8_E4M3'"),
    "beyond its end": ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, "does not lie within"),
    "a terabyte": ({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}, "another shape than its bytes"),
    "one place twice": (
        {name: {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]} for name in "ab"},
        "lies where another tensor does",
    ),
    "no object": (b"[]", "must be an object"),
    "no end": (b"[" * 100_000, "nested too deeply"),
    "other types": ({"a": {"dtype": 1, "shape": "x", "data_offsets": None}}, "must be a text"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_safetensors_header_that_lies_is_refused(name, tmp_path):
    header, told = HEADERS[name]
    path = tensors(tmp_path / "a.safetensors", header, bytes(4))
    with pytest.raises(ValueError, match=told):
        read_header(path)
    with pytest.raises((CheckpointError, PortFileError)):
        read_checkpoint(path)


def test_tensors_are_those_that_the_library_reads(converted):
    from safetensors.numpy import load_file

    theirs, ours = load_file(converted / "port.safetensors"), read_tensors(converted / "port.safetensors")
    assert theirs.keys() == ours.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


def test_a_tensor_that_repeats_one_value_without_end_is_refused(tmp_path):
    import torch

    endless = torch.zeros(1).expand(10**6, 10**6)
    torch.save({"a": endless}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="a is refused: it declares 4,000,000,000,000 bytes"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_member_that_is_too_short_is_not_filled_from_its_neighbour(folder):
    path = folder / "model.pt"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    short = next(name for name in members if name.endswith("data/0"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content[:4] if name == short else content)
    with pytest.raises(CheckpointError, match="no readable PyTorch checkpoint"):
        read_checkpoint(path)


def test_every_cut_of_a_legacy_checkpoint_is_refused(tmp_path):
    import torch

    torch.save({"a": torch.arange(3.0)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "a.pt").read_bytes()
    for stop in range(1, len(whole) - 1, 7):
        (tmp_path / "a.pt").write_bytes(whole[:stop])
        with pytest.raises(CheckpointError):
            read_checkpoint(tmp_path / "a.pt")


def changed_member(path, name, content):
    with zipfile.ZipFile(path) as archive:
        members = {held: archive.read(held) for held in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for held, was in members.items():
            archive.writestr(held, content if held == name else was)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", b"[]", "must be an object"),
        ("config.json", b"{" * 5000, "config.json"),
        ("metadata.json", b'{"keras_version": 3}', "keras_version must be a text"),
        ("metadata.json", b"[" * 100_000, "nested too deeply"),
        ("model.weights.h5", bytes(200_000_000), "it declares 200,"),
    ],
)
def test_a_keras_file_that_lies_is_refused(name, content, told, folder):
    changed_member(folder / "port.keras", name, content)
    if len(content) > 1_000_000:
        with zipfile.ZipFile(folder / "port.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
    with pytest.raises(PortFileError, match=told):
        render_file(folder / "port.keras")
    with pytest.raises(ValueError, match=told):
        load_keras(folder / "port.keras")


def test_layers_larger_than_their_weights_are_refused_before_they_are_made(folder):
    with zipfile.ZipFile(folder / "port.keras") as archive:
        config = archive.read("config.json").replace(b'"units": 6', b'"units": 60000000')
    changed_member(folder / "port.keras", "config.json", config)
    with pytest.raises(ValueError, match="larger than the weights that it holds"):
        load_keras(folder / "port.keras")


def test_an_array_that_declares_more_than_it_holds_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    (tmp_path / "probe.npy").write_bytes(header.getvalue() + bytes(40))
    with zipfile.ZipFile(tmp_path / "probe.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(40))
    with zipfile.ZipFile(tmp_path / "zeros.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(300_000_000))
    for name, told in (("probe.npy", "declares"), ("probe.npz", "declares"), ("zeros.npz", "declares 300,000,000")):
        with pytest.raises(ProbeError, match=told):
            read_probe((), tmp_path / name, 3)


@pytest.mark.parametrize(
    ("place", "value"),
    [("verdict", "SUPER"), ("sizes", []), ("probe", 1), ("versions", {"keras": 1}), ("report", {"details": {"x": 1}})],
)
def test_a_certificate_of_other_types_is_refused_with_the_place(place, value, folder):
    path = folder / "port.certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {place: value}))
    with pytest.raises(PortFileError, match=f"no readable certificate: {place}"):
        read_certificate(path)


@pytest.mark.parametrize("place", ["sizes", "signature", "probe"])
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_certificate_with_numbers_that_json_has_not_is_refused(place, word, folder):
    path = folder / "port.certificate.json"
    held = json.loads(path.read_text())
    held[place] = {**held.get(place, {}), "x": ["number"]}
    path.write_text(json.dumps(held).replace('"number"', word))
    with pytest.raises(PortFileError, match=rf"{place}\.x\.0 is NaN or infinite"):
        read_certificate(path)


def test_numbers_of_a_checkpoint_come_back_from_its_certificate_even_infinite_ones(tmp_path):
    import torch

    torch.save({"state_dict": tiny_pair().reference().state_dict(), "lowest_loss": float("inf")}, tmp_path / "a.pt")
    convert(tmp_path / "a.pt", tmp_path / "a", pair=tiny_pair())
    export(tmp_path / "a.keras", tmp_path / "back.pt", pair=tiny_pair())
    assert read_checkpoint(tmp_path / "back.pt").extras["lowest_loss"] == float("inf")


def test_a_certificate_that_names_a_file_of_a_name_too_long_is_refused(folder):
    path = folder / "port.certificate.json"
    held = json.loads(path.read_text())
    held["port"]["files"]["é" * 128] = "0"
    path.write_text(json.dumps(held))
    with pytest.raises(PortFileError, match="no plain name"):
        read_certificate(path)


def test_a_certificate_without_end_is_refused(folder):
    (folder / "port.certificate.json").write_text('{"certificate": ' + "[" * 200_000)
    with pytest.raises(PortFileError, match="nested too deeply"):
        read_certificate(folder / "port.certificate.json")


def test_a_signature_is_let_stand(folder, run_cli):
    path = folder / "port.certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signature": {"by": "somebody", "value": "00"}}))
    done = run_cli("inspect", path)
    assert done.status == 0
    assert "signed yes, which is not looked at" in " ".join(done.out.split())


def test_an_edited_figure_is_not_called_drift(converted):
    from porting import verify

    report = verify(converted / "port.keras", pair=tiny_pair())
    certificate = json.loads((converted / "port.certificate.json").read_text())
    certificate["report"]["layers"][0]["float64_output_error"] = 3e-9
    certificate["versions"] = dict(report.versions)
    certificate["probe"] = dict(report.probe)
    (told, *_) = drift_lines(certificate, report)
    assert told.startswith("worst float64 error 3.0e-09 when recorded, ")
    assert told.endswith("the certificate is of another machine, or was edited")


def test_names_colour_nothing_and_are_no_markup(folder, run_cli):
    path = folder / "port.certificate.json"
    held = json.loads(path.read_text())
    held["source"]["file"] = "\x1b[2J[/x][bold]x\u202e"
    path.write_text(json.dumps(held))
    done = run_cli("inspect", path)
    assert done.status == 0
    assert "\\x1b[2J[/x][bold]x\\u202e" in done.out
    assert "\x1b" not in done.out
    missing = run_cli("inspect", folder / "\x1b[31m[/x].pt")
    assert missing.status == 2
    assert "\\x1b[31m[/x].pt" in missing.err
    assert "\x1b" not in missing.err


@pytest.mark.parametrize("name", ["a\0b", "x" * 240, "/".join(["y" * 300, "z"]), "/".join(["w" * 200] * 30)])
def test_places_that_no_file_system_takes_are_one_error(name, folder):
    with pytest.raises(OutputError):
        convert(folder / "model.pt", f"{folder}/{name}", pair=tiny_pair())
    with pytest.raises(OutputError):
        export(folder / "port.keras", f"{folder}/{name}.pt", pair=tiny_pair())
    with pytest.raises(OutputError):
        placement.check_apart([folder / name], [])


@pytest.mark.parametrize(
    "command",
    [
        ["convert", "model.pt", "--output", "new", "--json", "model.pt"],
        ["convert", "model.pt", "--output", "new", "--json", "new.certificate.json"],
        ["convert", "model.pt", "--output", "new", "--json", "r.json", "--html", "r.json"],
        ["verify", "model.pt", "port.keras", "--json", "model.pt"],
        ["verify", "port.keras", "--html", "port.keras"],
        ["verify", "port.keras", "--json", "port.certificate.json"],
        ["verify", "port.keras", "--json", "port.golden.h5", "--backend", "jax"],
        ["verify-training", "model.pt", "--batches", "port.keras", "--json", "port.keras"],
    ],
    ids=" ".join,
)
def test_a_report_replaces_neither_input_nor_evidence(command, folder, run_cli, monkeypatch):
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = run_cli(*command)
    assert done.status == 2
    assert "would be replaced by" in done.err or "is to be written twice" in done.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("kind", ["no text", "a link to a list", "a link for a lock", "a file for a folder"])
def test_a_leftover_that_came_with_a_file_changes_nothing(kind, folder):
    committed, precious = folder / ".port.committed", folder / "port.precious"
    precious.write_text("precious")
    if kind == "a file for a folder":
        committed.write_text("x")
    else:
        committed.mkdir()
        (committed / "port.keras").write_bytes(b"x")
    if kind == "no text":
        (committed / "superseded").write_bytes(b"\xff\xfe\n../x\n")
    elif kind == "a link to a list":
        (folder / "list").write_text("port.precious")
        (committed / "superseded").symlink_to(folder / "list")
    elif kind == "a link for a lock":
        (folder / ".port.lock").symlink_to(precious)
    with pytest.raises(OutputError):
        render_file(folder / "port.certificate.json")
    assert precious.read_text() == "precious"
    assert (folder / "port.keras").read_bytes() != b"x"
