"""Golden files that lie, lead elsewhere, or would take all memory; and the odd names that PyTorch allows."""

import json

import h5py
import numpy as np
import pytest

from porting import ModelPair, convert, verify
from porting.errors import PortFileError
from porting.evidence.golden import read_golden
from porting.evidence.golden_words import escaped, unescaped


def replaced(name, make):
    def change(file):
        del file[name]
        make(file)

    return change


def words(holder, name, text):
    return lambda file: file[holder].attrs.__setitem__(name, text)


CHANGES = {
    "a soft link": (
        replaced("calls/0/input", lambda file: file.__setitem__("calls/0/input", h5py.SoftLink("/"))),
        "a soft link",
    ),
    "an external link": (
        replaced("probe/0", lambda file: file.__setitem__("probe/0", h5py.ExternalLink("/etc/passwd", "/"))),
        "/probe/0 is an external link, which is not followed",
    ),
    "a circle": (replaced("probe", lambda file: file.__setitem__("probe", file["calls"])), "twice, under another name"),
    "values in another file": (
        replaced("probe/0", lambda file: file.create_dataset("probe/0", (9,), "u1", external=[("/etc/passwd", 0, 9)])),
        "its values lie in other files",
    ),
    "a terabyte": (
        replaced(
            "probe/0", lambda file: file.create_dataset("probe/0", (10**12,), "f4", chunks=(1000,), compression="gzip")
        ),
        "it declares 4,000,0",
    ),
    "no samples": (replaced("probe/0", lambda file: file.create_dataset("probe/0", (0, 4), "f4")), "one at least"),
    "text for numbers": (replaced("outputs/0", lambda file: file.create_dataset("outputs/0", data="x")), "no array"),
    "no calls": (replaced("calls", lambda file: file.create_group("calls")), "holds no layer calls"),
    "a batch without end": (words("/", "batch", 10**12), "repeats its"),
    "JSON without end": (words("/", "sizes", "[" * 30_000), "nested too deeply"),
    "JSON of another kind": (words("/", "shapes", '{"0.weight": "x"}'), "shapes? must be|0.weight must be a list"),
    "a number that is none": (words("gradients", "moves", '{"0.weight": NaN}'), "must be a finite number"),
    "a source that is no call": (words("/", "sources", json.dumps([["nobody"]] * 4)), "'nobody', which is no layer"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_golden_file_that_lies_is_refused_with_a_reason(name, folder):
    change, told = CHANGES[name]
    with h5py.File(folder / "port.golden.h5", "r+") as file:
        change(file)
    with pytest.raises(PortFileError, match=told):
        read_golden(folder / "port.golden.h5")


def test_long_words_are_read_from_a_data_set(folder):
    with h5py.File(folder / "port.golden.h5", "r+") as file:
        labels = json.loads(file.attrs["labels"])
        del file.attrs["labels"]
        file.create_dataset("words of labels", data=json.dumps(labels))
    assert list(read_golden(folder / "port.golden.h5")[0].probe.labels) == labels


@pytest.mark.parametrize("name", ["plain.weight", "a/b.weight", "50%.bias", "%2F", ".", "..", "a\0b", ""])
def test_every_name_comes_back_as_it_was(name):
    assert unescaped(escaped(name)) == name
    assert not set(escaped(name)) & {"/", "\0"}


def _named(name, layer):
    import torch

    holder = torch.nn.Sequential()
    holder.add_module(name, layer)
    return holder


def test_a_module_whose_name_has_a_slash_is_replayed_from_its_golden_file(tmp_path):
    import keras
    import torch

    pair = ModelPair(
        name="slash",
        reference=lambda: _named("in/out [/x] $x$ 50%", torch.nn.Linear(4, 2)),
        port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
        input_shapes=((4,),),
    )
    torch.save(pair.reference().state_dict(), tmp_path / "net.pt")
    assert convert(tmp_path / "net.pt", tmp_path / "net", pair=pair).report.verdict.value == "PASS"
    run, _ = read_golden(tmp_path / "net.golden.h5")
    assert "in/out [/x] $x$ 50%.weight" in run.gradients.weights
    assert np.isfinite(run.gradients.weights["in/out [/x] $x$ 50%.weight"].values).all()
    assert verify(tmp_path / "net.keras", pair=pair).verdict.value == "PASS"
