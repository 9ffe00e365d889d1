"""Attention is seen through: its projections are layers, and what lies between them is compared as any segment."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from parity_tests.porting.zoo import attention
from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export, verify
from porting.errors import LayerCountError, PairError

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


def test_a_split_that_nothing_decides_is_proposed(tmp_path):
    pair = pair_of(attention.Packed, partial(attention.build_packed, exchanged=True), WHOLE)
    with pytest.raises(LayerCountError, match=r'splits=\{"c_attn": "query key value"\}'):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)


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
