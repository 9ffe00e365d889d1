"""What public packages do is written as their authors would in Keras, and passes."""

import re

import pytest
import torch

import porting
from parity_tests.porting.writing.models import strangers
from porting.statuses import Status
from porting.writing.graph.exported import export
from porting.writing.interpreter import Interpreter
from porting.writing.refusals import WritingError
from porting.writing.shaping.merging.classes import snake
from porting.writing.source import source_of

PROVEN = {
    "WithoutGradients": "5,4",
    "KeepsPositions": "20,8",
    "RegionsOfVideos": "4,6,6",
    "Patches": "3,4,6",
    "CallsItInputs": "2,4",
    "Searches": "5,4",
    "WidensHereAndThere": "4",
    "AsksForValues": "5,4",
    "PadsPlaces": "5:int9",
    "MovesItself": "4",
    "Frames": "15,2",
    "KeepsStatistics": "3,8",
}


def _source(model, *shape):
    return source_of(Interpreter(model.eval(), export(model, (torch.zeros(2, *shape),), {})).written(), "Written.")


@pytest.mark.parametrize("name", PROVEN)
def test_what_packages_do_is_written_and_passes(name, tmp_path):
    report = porting.write(getattr(strangers, name), tmp_path / "net.py", inputs=[PROVEN[name]]).report
    assert report is not None
    assert report.verdict is Status.PASS, report.parts


def test_a_model_that_changes_its_weights_is_told_so(tmp_path):
    with pytest.raises(WritingError, match=r"changes a weight by its \.data"):
        porting.write(strangers.ChangesItself, tmp_path / "net.py", inputs=["4"])


def test_values_that_one_line_takes_apart_keep_their_names():
    text = _source(strangers.Unpacked(), 5, 4)
    assert all(re.search(rf"^    {name} = qkv\[:, :, {at}]$", text, re.MULTILINE) for at, name in enumerate("qkv"))
    assert "q = ops.sigmoid(q * k)" in text


def test_shared_layers_of_a_list_are_called_by_its_name():
    text = _source(strangers.SharedInAList(), 4)
    assert "def reads(x, heads_0, heads_1, name):" in text


def test_regions_along_three_axes_are_a_sum_of_regions_along_each():
    text = _source(strangers.RegionsOfVideos(), 4, 6, 6)
    assert text.count("ops.repeat") == 3
    assert "concatenate" not in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Conv1DBlock", "conv1d_block"),
        ("LayerNorm2d", "layer_norm2d"),
        ("ResNet50Head", "res_net50_head"),
        ("X3D", "x3d"),
    ],
)
def test_functions_are_called_as_classes_are_read(name, said):
    assert snake(name) == said


def test_places_that_are_cut_into_rows_are_one_range():
    assert "ops.reshape(ops.arange(16, dtype='int32'), (4, 4))" in _source(strangers.CutPlaces(), 4, 4).replace(
        '"', "'"
    )


@pytest.mark.parametrize("model", [strangers.Patches, strangers.Tokens])
def test_images_that_become_sequences_have_their_channels_last(model):
    text = _source(model(), 3, 4, 6)
    assert "keras.Input((4, 6, 3)" in text
    assert text.count("transpose") == (model is strangers.Patches)


def test_what_is_called_as_the_inputs_of_the_port_does_not_take_their_place():
    model = strangers.CallsThemInputs()
    text = source_of(Interpreter(model, export(model, (torch.zeros(2, 4),) * 2, {})).written(), "Written.")
    held = re.findall(r"^    (\w+) = \w+ = keras.Input", text, re.MULTILINE)
    assert len(held) == 2
    assert not any(re.search(rf"^    {name} = (?!\w+ = keras.Input)", text, re.MULTILINE) for name in held)


def test_pieces_of_a_signal_are_cut_by_one_function():
    assert "ops.extract_sequences(" in _source(strangers.Frames(), 15, 2)
