"""Idioms of torch are written, and what is written passes; what cannot be is told."""

import pytest
import torch

import porting
from parity_tests.porting.writing.models import idioms, more_idioms
from porting import FunctionRow, ModelPair
from porting.errors import PairError
from porting.pairs.finding import find_pair
from porting.statuses import Status
from porting.writing.refusals import WritingError

IDIOMS = {
    "StackTwice": "5,4",
    "StateAndSteps": "5,4",
    "NoAttentions": "4",
    "NamedAlike": "5,4",
    "StraightThrough": "4",
    "TruthTimesTruth": "4",
    "FromTheEnd": "5,4",
    "OwnNormaliser": "4",
    "Contexts": "4",
    "SharedKeys": "5,4",
    "ScaledWords": "5:int9",
    "Sines": "5,40",
    "TiedHead": "5:int9",
    "TiedHeadWithBias": "5:int9",
    "TimeFirst": "5:int9",
    "StatesToo": "6,4",
    "NumberOfNoSample": "4",
}
QUICK = {
    "StateAndSteps",
    "NoAttentions",
    "StraightThrough",
    "Contexts",
    "SharedKeys",
    "ScaledWords",
    "Sines",
    "TiedHead",
    "TiedHeadWithBias",
    "TimeFirst",
    "StatesToo",
    "NumberOfNoSample",
}


MORE = {
    "StochasticDepthByHand": ["4"],
    "Unpools": ["3,7,8"],
    "WritesToPlaces": ["6"],
    "FiltersFrequencies": ["4,4,5"],
    "Rotates": ["5,8"],
    "RotatesPlainly": ["5,8"],
    "Spectrogram": ["64"],
    "BiasOfParts": ["5,4"],
    "HeadBeforeWords": ["5:int9"],
    "PaddedWords": ["5:int9"],
    "UpsamplesInGroups": ["4,5,6"],
    "FarPositions": ["5,4"],
    "PaddedAlone": ["5:int9"],
    "NarrowValues": ["5,4"],
    "ClassOfEachFrame": ["2,3,4"],
    "EmbedsTime": ["1"],
}
REFUSED = {
    "FindsNonzero": (["4"], "has a size that depends on the values"),
    "ComplexWeight": (["6,3"], "weight, which holds complex numbers: keep it as torch.view_as_real"),
    "Packs": (["5,4"], "it packs sequences"),
    "OverlappingPlaces": (["3,7,7"], "whose windows overlap"),
}


@pytest.mark.parametrize("name", MORE)
def test_what_strangers_write_passes(name, tmp_path):
    report = porting.write(getattr(more_idioms, name), tmp_path / "net.py", inputs=MORE[name]).report
    assert report.verdict is Status.PASS, report.parts


@pytest.mark.parametrize("name", REFUSED)
def test_what_strangers_write_and_keras_cannot_say_is_refused_with_its_reason(name, tmp_path):
    inputs, words = REFUSED[name]
    with pytest.raises(WritingError, match=words):
        porting.write(getattr(more_idioms, name), tmp_path / "net.py", inputs=inputs)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in IDIOMS]
)
def test_idioms_are_written_and_pass(name, tmp_path):
    report = porting.write(getattr(idioms, name), tmp_path / "net.py", inputs=[IDIOMS[name]]).report
    assert report.verdict is Status.PASS, report


def test_an_output_of_no_sample_is_refused(tmp_path):
    with pytest.raises(WritingError, match=r"is the same for all samples, of shape \(3,\)"):
        porting.write(idioms.OfNoSample, tmp_path / "net.py", inputs=["4"])


def test_what_is_written_and_cannot_be_compared_is_told_as_that_and_kept_where_wanted(tmp_path):
    row = FunctionRow("relu", lambda k, x: x.with_data(k.ops.reshape(x.data, (-1, 7))))
    pair = ModelPair(name="own", reference=more_idioms.Rectified, input_shapes=((4,),), functions=(row,))
    with pytest.raises(WritingError, match="was written, but nothing of it is proven"):
        porting.write(pair, tmp_path / "net.py")
    assert not (tmp_path / "net.py").exists()
    with pytest.raises(WritingError, match=r"What was written is in .*net\.py"):
        porting.write(pair, tmp_path / "net.py", keep_failed=True)
    assert "def build" in (tmp_path / "net.py").read_text()


def test_a_model_that_cannot_be_copied_is_one_message(tmp_path):
    model = torch.nn.Linear(2, 2)
    model.table = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(PairError, match="Name its class or a factory"):
        porting.write(model, tmp_path / "net.py", inputs=["2"])


def test_the_pair_of_a_model_in_a_file_finds_it_from_anywhere(tmp_path, monkeypatch):
    file = tmp_path / "in_a_file.py"
    file.write_text(
        "import torch\n\n\nclass Net(torch.nn.Sequential):\n"
        "    def __init__(self, width=3):\n        super().__init__(torch.nn.Linear(2, width))\n"
    )
    (tmp_path / "ports").mkdir()
    porting.write(f"{file}:Net", tmp_path / "ports" / "net.py", inputs=["2"], settings={"width": 4})
    monkeypatch.chdir(tmp_path / "ports")
    pair = find_pair(str(tmp_path / "ports" / "net_pair.py"))
    assert pair.reference()[0].out_features == 4


def test_the_pair_of_a_pair_that_has_rules_finds_them(tmp_path, monkeypatch):
    (tmp_path / "with_rules.py").write_text(
        "import torch\nfrom porting import ModelPair\nfrom porting.rules.table import LAYER_RULES\n\n\n"
        "def net():\n    return torch.nn.Linear(2, 3)\n\n\n"
        "OWN = ModelPair(name='own', reference='with_rules:net', input_shapes=((2,),), rules=LAYER_RULES[:1])\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    porting.write("with_rules:OWN", "net.py", inputs=["2"])
    assert find_pair(str(tmp_path / "net_pair.py")).rules == find_pair("with_rules:OWN").rules != ()
