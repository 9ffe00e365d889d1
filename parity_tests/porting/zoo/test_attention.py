"""Attention is seen through: its projections are layers, and what lies between them is compared as any segment."""

from functools import partial

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.zoo import attention
from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export, verify
from porting.errors import PairError

SHAPE = ((attention.POSITIONS, 5),)
WHOLE = ((attention.POSITIONS, attention.FEATURES),)


def pair_of(reference, port, shapes=SHAPE, **fields):
    return ModelPair(name="attention", reference=reference, port=port, input_shapes=shapes, **fields)


NAMED = {"c_attn": "query key value"}

RIGHT = {
    "packed": pair_of(attention.Attending, attention.build_attending),
    "samples second": pair_of(partial(attention.Attending, batch_first=False), attention.build_attending),
    "without biases": pair_of(partial(attention.Attending, bias=False), partial(attention.build_attending, bias=False)),
    "separate": pair_of(
        partial(attention.Attending, kdim=9, vdim=10), partial(attention.build_attending, kdim=9, vdim=10)
    ),
    "causal": pair_of(partial(attention.Attending, causal=True), partial(attention.build_attending, causal=True)),
    "padded": pair_of(partial(attention.Attending, padded=True), partial(attention.build_attending, padded=True)),
    "dense steps": pair_of(attention.Attending, attention.build_in_steps),
    "einsum steps": pair_of(attention.Attending, partial(attention.build_in_steps, einsum=True)),
    "encoder": pair_of(attention.Encoder, attention.build_encoder, WHOLE),
    "encoder with norms first, samples second": pair_of(
        partial(attention.Encoder, norm_first=True, batch_first=False),
        partial(attention.build_encoder, norm_first=True),
        WHOLE,
    ),
    "decoder": pair_of(attention.Decoder, attention.build_decoder_layer),
    "c_attn": pair_of(attention.Packed, attention.build_packed, WHOLE, splits={"c_*attn": 3}),
    "qkv of a Linear": pair_of(
        partial(attention.Packed, nn.Linear), attention.build_packed, WHOLE, splits={"c_attn": "query key value"}
    ),
}


@pytest.mark.parametrize("pair", RIGHT.values(), ids=RIGHT)
def test_right_port_passes_and_comes_back_bit_for_bit(pair, tmp_path):
    torch.manual_seed(0)
    reference = pair.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert (report.transfer.status, report.semantics.status, report.deployed.status) == (Status.PASS,) * 3, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert list(exported) == list(reference.state_dict())
    for name, tensor in reference.state_dict().items():
        assert torch.equal(exported[name], tensor), name


WRONG = {
    "the causal mask is missing": (
        pair_of(partial(attention.Attending, causal=True), attention.build_attending),
        "attn.out_proj",
    ),
    "the padding mask is missing": (
        pair_of(partial(attention.Attending, padded=True), attention.build_attending),
        "attn.out_proj",
    ),
    "another scale": (pair_of(attention.Attending, partial(attention.build_in_steps, scale=0.4)), "attn.out_proj"),
    "the decoder sees ahead": (
        pair_of(attention.Decoder, partial(attention.build_decoder_layer, causal=False)),
        "decoder.self_attn.out_proj",
    ),
    "c_attn sees ahead": (
        pair_of(attention.Packed, partial(attention.build_packed, exchanged=True), WHOLE, splits=NAMED),
        "c_proj",
    ),
}


@pytest.mark.parametrize(("pair", "place"), WRONG.values(), ids=WRONG)
def test_wrong_port_fails_at_the_layer(pair, place, tmp_path):
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert any(place in divergence.reference for divergence in report.divergences), report.divergences


def test_bias_kv_is_refused_by_name(tmp_path):
    pair = pair_of(partial(attention.Attending, add_bias_kv=True), attention.build_attending)
    with pytest.raises(PairError, match=r"attn \(MultiheadAttention\) has add_bias_kv=True"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)


def test_a_split_is_found_unasked_and_comes_back(tmp_path):
    pair = pair_of(attention.Packed, attention.build_packed, WHOLE)
    path = saved(pair.reference(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is verify(tmp_path / "port.keras", path, pair=pair).verdict is Status.PASS
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())


def test_a_fault_behind_a_split_that_nothing_decides_is_located(tmp_path):
    pair = pair_of(attention.Packed, partial(attention.build_packed, exchanged=True), WHOLE)
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert (report.verdict, report.divergences[0].reference) == (Status.FAIL, "c_proj")
    assert any("nothing decides these partners" in line for line in report.transfer.lines)


class ByTurns(nn.Module):
    """Query, key and value of each head lie together; or those of each of a head's units."""

    def __init__(self, units_first=False):
        super().__init__()
        self.units_first, self.qkv, self.last = units_first, nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, x):
        parts = self.qkv(x).unflatten(-1, (2, 4, 3) if self.units_first else (2, 3, 4))
        query, key, value = (part.transpose(1, 2) for part in parts.unbind(-1 if self.units_first else -2))
        weights = (query @ key.transpose(-1, -2) / 2).softmax(-1)
        return self.last((weights @ value).transpose(1, 2).flatten(-2))


def by_turns(scale=2.0):
    x = keras.Input((5, 8))
    given = (layers.Reshape((5, 2, 4))(layers.Dense(8, name=name)(x)) for name in "qkv")
    query, key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in given)
    weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / scale)
    seen = layers.Reshape((5, 8))(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)))
    return keras.Model(x, layers.Dense(3, name="last")(seen))


@pytest.mark.parametrize(
    ("units_first", "splits", "rows"),
    [
        (False, {}, "qkv.weight[4:8 of 12]"),
        (True, {}, "qkv.weight[1:2 of 3]"),
        (False, {"qkv": "q k v for each of 2"}, "qkv.weight[4:8 of 12]"),
    ],
    ids=["heads", "units", "asked"],
)
def test_layers_that_take_turns_in_one_pass_and_come_back(units_first, splits, rows, tmp_path):
    pair = pair_of(partial(ByTurns, units_first), by_turns, ((5, 8),), splits=splits)
    path = saved(pair.reference(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS, report.parts
    assert any(transfer.references == (rows,) for transfer in report.plan.transfers)
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())


def test_a_fault_behind_layers_that_take_turns_is_located_and_named(tmp_path):
    splits = {"qkv": "q k v for each of 2"}
    pair = pair_of(ByTurns, partial(by_turns, 1.0), ((5, 8),), splits=splits)
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    found = [(held.reference, [cause.name for cause in held.causes]) for held in report.divergences]
    assert found == [("last", ["scale missing"])]


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"c_attn": 5}, "splits has c_attn in 5 parts, but it has 36 units"),
        ({"c_atn": 3}, "splits names layers that the reference does not have: c_atn"),
    ],
)
def test_a_split_that_cannot_be_is_refused(splits, words, tmp_path):
    pair = pair_of(attention.Packed, attention.build_packed, WHOLE, splits=splits)
    with pytest.raises(PairError, match=words):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)


@pytest.mark.parametrize("settings", [{}, {"add_zero_attn": True}, {"kdim": 9, "vdim": 10}, {"batch_first": False}])
@pytest.mark.parametrize("masks", ["none", "causal", "float", "keys", "heads"])
@pytest.mark.parametrize("single", [False, True], ids=["samples", "one sample"])
def test_attention_in_steps_is_torchs_own(settings, masks, single):
    from porting.reference.expansions.modules import expansion_of
    from porting.reference.side import own_tensors

    module = nn.MultiheadAttention(12, 3, **{"batch_first": True, **settings}).double().eval()
    generator = torch.Generator().manual_seed(0)
    sizes = {"query": (4, 12), "key": (6, settings.get("kdim", 12)), "value": (6, settings.get("vdim", 12))}
    given = [torch.randn(2, *size, generator=generator, dtype=torch.float64) for size in sizes.values()]
    given = [tensor[0] if single else tensor for tensor in given]
    if not single and not module.batch_first:
        given = [tensor.transpose(0, 1) for tensor in given]
    blocked = torch.rand(1 if single else 2, 6, generator=generator) > 0.6
    masked = {
        "none": {},
        "causal": {"attn_mask": torch.ones(4, 6, dtype=torch.bool).triu(1)},
        "float": {"attn_mask": torch.randn(4, 6, generator=generator, dtype=torch.float64)},
        "keys": {"key_padding_mask": (blocked & (torch.arange(6) > 0))[0 if single else slice(None)]},
        "heads": {"attn_mask": torch.randn(3 if single else 6, 4, 6, generator=generator, dtype=torch.float64)},
    }[masks]
    expansion = expansion_of("attn", module, own_tensors("attn", module))
    assert expansion is not None
    ours = expansion.recorded(lambda about, tensor, run: run(tensor))(*given, **masked)
    theirs = module(*given, **masked)
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left.detach(), right.detach(), rtol=0, atol=1e-13)
