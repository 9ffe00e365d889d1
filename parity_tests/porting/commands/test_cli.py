import json

import pytest
import torch

from finta import shipped
from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved

FAULTY_PAIR = """
from dataclasses import replace
from finta.pair import FINTA
from parity_tests.porting.causes.faults import FAULTS
PAIR = replace(FINTA, port=FAULTS["upsampling that repeats"].model_pair().port)
RAISES = replace(FINTA, reference=lambda **sizes: 1 / 0)
WRONG = replace(FINTA, port=lambda **sizes: "a model")
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_pairs.py").write_text(FAULTY_PAIR)
    monkeypatch.chdir(tmp_path)


def test_plan_shows_every_tensor_and_writes_nothing(small_checkpoint, run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = run_cli("plan", small_checkpoint)
    assert shown.status == 0
    assert "14 layers, 28 tensors" in shown.out
    assert "encod_conv2.1.weight" in shown.out
    assert "filter=64 channel=32 tap=3" in shown.out
    assert "filter channel tap -> tap channel filter" in shown.out
    assert "encod_conv2/kernel" in shown.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_convert_verify_inspect_and_export_a_checkpoint(small_checkpoint, run_cli, tmp_path):
    converted = run_cli("convert", small_checkpoint, "--output", tmp_path)
    assert converted.status == 0, converted.err
    assert "PASS: the port computes the same function as the reference" in converted.out
    assert str(tmp_path / "small.keras") in converted.out.replace("\n", "")
    for arguments in ((small_checkpoint, tmp_path / "small.keras"), (tmp_path / "small.keras",)):
        assert run_cli("verify", *arguments, "--html", tmp_path / "r.html").status == 0
        assert "PASS" in (tmp_path / "r.html").read_text()
    exported = run_cli("export", tmp_path / "small.keras", "--output", tmp_path / "back.pt")
    assert exported.status == 0
    one, other = (
        torch.load(path, weights_only=True)["state_dict"] for path in (small_checkpoint, tmp_path / "back.pt")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finta_dipy.pt", ['state dict under "state_dict"', "encod_conv1.1.weight", "28 tensors, 4,726,307 values"]),
        ("finta_dipy.keras", ["converted checkpoint", "written by Keras", "certified: PASS", "4,726,307 values"]),
        (
            "finta_dipy.certificate.json",
            [
                "proven here",
                "finta_dipy.keras",
                "unchanged",
                "repeated, not proven",
                "verdict PASS",
                "transfer PASS:",
            ],
        ),
        ("finta_dipy.golden.h5", ["golden file of pair finta", "14 layer calls in float64", "fc1"]),
    ],
)
def test_inspect_tells_what_a_file_holds(name, words, run_cli):
    shown = run_cli("inspect", shipped.FOLDER / name)
    assert shown.status == 0, shown.err
    assert all(word in " ".join(shown.out.split()) for word in words)


def test_inspect_tells_the_two_kinds_of_safetensors_apart(small_port, run_cli, tmp_path):
    from safetensors.torch import save_file

    save_file({"fc.weight": torch.ones(2, 3)}, tmp_path / "torch.safetensors")
    assert "PyTorch checkpoint" in run_cli("inspect", tmp_path / "torch.safetensors").out
    assert "converted checkpoint" in run_cli("inspect", small_port.with_suffix(".safetensors")).out


def test_a_wrong_port_exits_1_and_says_where(own_module, small_checkpoint, run_cli, tmp_path):
    failed = run_cli(
        "convert", small_checkpoint, "--output", tmp_path / "port", "--pair", "own_pairs:PAIR", "--json", "r.json"
    )
    assert failed.status == 1
    assert "FAIL: the port does not compute what the reference computes" in failed.out
    assert "between decod_conv2.1 and decod_conv3.1" in failed.out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["first_divergence"]["where"] == "between"
    assert report["first_divergence"]["port"] == "decod_conv3"
    assert not list(tmp_path.glob("port*"))


def test_every_mistake_is_one_message_and_status_2(own_module, small_checkpoint, small_port, run_cli, tmp_path):
    (tmp_path / "cut.keras").write_bytes(small_port.read_bytes()[:100_000])
    (tmp_path / "whole.keras").write_bytes(small_port.read_bytes())
    (tmp_path / "whole.golden.h5").write_bytes(b"no HDF5")
    (tmp_path / "bad.certificate.json").write_text("{}")
    mistakes = {
        "ZeroDivisionError: division by zero": ("plan", small_checkpoint, "--pair", "own_pairs:RAISES"),
        "own_pairs.py, line 6).": ("plan", small_checkpoint, "--pair", "own_pairs:RAISES"),
        "port is a str, not a keras.Model": ("plan", small_checkpoint, "--pair", "own_pairs:WRONG"),
        "cut.keras cannot be loaded": ("verify", small_checkpoint, "cut.keras"),
        "whole.golden.h5 is no readable golden file": ("verify", "whole.keras"),
        "cut.keras cannot be read": ("inspect", "cut.keras"),
        "is no readable certificate": ("inspect", "bad.certificate.json"),
        "No file at": ("inspect", "gone.pt"),
    }
    before = sorted(tmp_path.iterdir())
    for words, command in mistakes.items():
        done = run_cli(*command)
        assert done.status == 2, (command, done)
        assert words in " ".join(done.err.replace("│", " ").split()), done.err
        assert "Traceback" not in done.err
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_anybodys_pair_goes_through_the_commands(run_cli, tmp_path):
    saved(zoo.CLASSIFIER.reference(), tmp_path)
    planned = run_cli("plan", tmp_path / "model.pt", "--pair", "parity_tests.porting.zoo.pairs:CLASSIFIER")
    assert planned.status == 0
    assert "no twin in Keras: norm1.num_batches_tracked" in planned.out
    arguments = ("--output", tmp_path / "port", "--pair", "parity_tests.porting.zoo.pairs:CLASSIFIER")
    assert run_cli("convert", tmp_path / "model.pt", *arguments).status == 0


def test_version_is_told(run_cli):
    import porting

    assert run_cli("--version").out == f"porting {porting.__version__}\n"


def test_the_demo_proves_and_uses_the_shipped_checkpoint(run_cli):
    shown = run_cli("demo")
    assert shown.status == 0, shown.err
    assert "PASS: the port computes the same function" in shown.out
    assert "150 test, 150 thres, 450 train" in shown.out
    for bundle in ("AF_L", "CST_R", "CC_ForcepsMajor"):
        assert bundle in shown.out
    assert "mm per point" in shown.out
    assert "All 28 tensors are in the Keras model" in shown.out
