"""float32 is judged with TensorFlow's oneDNN and without, unless the user has chosen one of them."""

import keras
import pytest
import torch
from keras import layers

from finta import shipped
from porting import ModelPair, Status, convert, verify
from porting.port import onednn
from porting.port import side as keras_side

LINE = "worst float32 error"


@pytest.fixture
def unchosen(monkeypatch):
    """What a user has who sets nothing: the tool has turned oneDNN off."""
    assert onednn.is_on() is False
    monkeypatch.setenv("PORTING_CHOSE_ONEDNN", "1")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")


@pytest.mark.slow
def test_both_settings_are_judged_and_named(unchosen):
    deployed = verify(shipped.KERAS_CHECKPOINT).deployed
    assert deployed.status is Status.PASS
    off, on = deployed.lines
    assert off.startswith(f"oneDNN off: {LINE}")
    assert on.startswith(f"oneDNN on: {LINE}")
    assert off.partition(": ")[2] != on.partition(": ")[2]


@pytest.mark.slow
def test_a_setting_that_the_user_has_chosen_is_judged_alone():
    assert onednn.is_chosen()
    report = verify(shipped.KERAS_CHECKPOINT)
    assert len(report.deployed.lines) == 1
    assert report.versions["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_a_pair_that_no_other_process_can_be_handed_is_told(unchosen, tmp_path):
    pair = ModelPair(
        name="lambdas",
        reference=lambda: torch.nn.Linear(3, 2),
        port=lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2)]),
        input_shapes=((3,),),
    )
    torch.save(torch.nn.Linear(3, 2).state_dict(), tmp_path / "net.pt")
    deployed = convert(tmp_path / "net.pt", tmp_path / "net", pair=pair).report.deployed
    assert deployed.status is Status.PASS
    assert deployed.lines[-1].startswith("oneDNN on: not run: ")


def test_what_tensorflow_computes_with_is_asked_of_it_and_not_of_the_environment(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert keras_side.versions()["TF_ENABLE_ONEDNN_OPTS"] == "0"
