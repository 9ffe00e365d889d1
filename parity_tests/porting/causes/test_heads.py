"""Heads of attention rotated in another layout, of another number, or masked otherwise are named."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert

DEPTH, HEADS, STEPS = 4, 2, 5
SLOW = [pytest.param(*ours, marks=pytest.mark.slow) for ours in ((True, True), (False, True))]
ANGLES = np.outer(np.arange(STEPS), 100.0 ** -(np.arange(0, DEPTH, 2) / DEPTH)) + 0.25


def rotated(heads, is_apart, stack):
    """Each pair of features turned by its angle: a feature and the one half a head further, or its neighbour."""
    first, second = (heads[..., :2], heads[..., 2:]) if is_apart else (heads[..., ::2], heads[..., 1::2])
    cosine, sine = turns(heads)
    return stack(first * cosine - second * sine, second * cosine + first * sine, is_apart)


def turns(like):
    if isinstance(like, torch.Tensor):
        return tuple(torch.tensor(function(ANGLES), dtype=like.dtype) for function in (np.cos, np.sin))
    return tuple(ops.cast(function(ANGLES), like.dtype) for function in (np.cos, np.sin))


def torch_stack(one, other, is_apart):
    return torch.cat([one, other], -1) if is_apart else torch.stack([one, other], -1).flatten(-2)


def keras_stack(one, other, is_apart):
    if is_apart:
        return ops.concatenate([one, other], -1)
    return ops.reshape(ops.stack([one, other], -1), (-1, HEADS, STEPS, DEPTH))


class Attending(torch.nn.Module):
    def __init__(self, is_apart):
        super().__init__()
        self.query, self.key, self.last = (torch.nn.Linear(8, 8) for _ in range(3))
        self.is_apart = is_apart

    def forward(self, x):
        query, key = (
            rotated(layer(x).unflatten(-1, (HEADS, DEPTH)).transpose(1, 2), self.is_apart, torch_stack)
            for layer in (self.query, self.key)
        )
        seen = torch.softmax(query @ key.mT, -1) @ x.unflatten(-1, (HEADS, DEPTH)).transpose(1, 2)
        return self.last(seen.transpose(1, 2).flatten(2))


def heads_of(x):
    return ops.transpose(ops.reshape(x, (-1, STEPS, HEADS, DEPTH)), (0, 2, 1, 3))


def port(is_apart):
    x = keras.Input((STEPS, 8))
    query, key = (rotated(heads_of(layers.Dense(8, name=name)(x)), is_apart, keras_stack) for name in ("query", "key"))
    seen = ops.matmul(ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))), heads_of(x))
    joined = ops.reshape(ops.transpose(seen, (0, 2, 1, 3)), (-1, STEPS, 8))
    return keras.Model(x, layers.Dense(8, name="last")(joined))


@pytest.mark.parametrize(("ours", "theirs"), [(True, False), *SLOW])
def test_the_layout_of_rotations(ours, theirs, tmp_path):
    pair = ModelPair(
        name="rotated", reference=lambda: Attending(ours), port=lambda: port(theirs), input_shapes=((STEPS, 8),)
    )
    path, formats = saved(Attending(ours), tmp_path), ("weights.h5",)  # a .keras file holds angles in float32
    report = convert(path, tmp_path / "port", pair=pair, formats=formats, keep_failed=True).report
    found = [cause for held in report.divergences for cause in held.causes]
    assert report.semantics.status is (Status.PASS if ours is theirs else Status.FAIL)
    assert [cause.name for cause in found] == ([] if ours is theirs else ["rotated in another layout"])
    assert all("query and key" in cause.detail and "4 features a head" in cause.detail for cause in found)


class Causal(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.last = (torch.nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        query, key, value = (
            held.view(len(x), STEPS, HEADS, DEPTH).transpose(1, 2) for held in (self.query(x), self.key(x), x)
        )
        hidden = torch.ones(STEPS, STEPS, dtype=torch.bool).triu(1)
        scores = (query @ key.mT / DEPTH**0.5).masked_fill(hidden, -torch.inf)
        return self.last((torch.softmax(scores, -1) @ value).transpose(1, 2).reshape(len(x), STEPS, 8))


def causal(heads, masked):
    def build():
        x = keras.Input((STEPS, 8))
        query, key, value = (
            ops.transpose(ops.reshape(held, (-1, STEPS, heads, 8 // heads)), (0, 2, 1, 3))
            for held in (layers.Dense(8, name="query")(x), layers.Dense(8, name="key")(x), x)
        )
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / (8 // heads) ** 0.5
        seen = ops.matmul(masked(scores), value)
        return keras.Model(
            x, layers.Dense(8, name="last")(ops.reshape(ops.transpose(seen, (0, 2, 1, 3)), (-1, STEPS, 8)))
        )

    return build


ALLOWED = np.tril(np.ones((STEPS, STEPS), "float32"))
MASKINGS = {
    "more heads": (
        4,
        lambda scores: ops.softmax(scores + (ALLOWED - 1) * 1e9),
        "another number of heads",
        "4 heads of 2",
    ),
    "zeros": (HEADS, lambda scores: ops.softmax(scores * ALLOWED), "another mask", "becomes 0, not minus infinity"),
    "behind": (HEADS, lambda scores: ops.softmax(scores) * ALLOWED, "another mask", "masked behind softmax"),
}


@pytest.mark.parametrize(
    "case", ["more heads", *(pytest.param(name, marks=pytest.mark.slow) for name in ("zeros", "behind"))]
)
def test_heads_and_masks(case, tmp_path):
    heads, masked, name, detail = MASKINGS[case]
    pair = ModelPair(name="causal", reference=Causal, port=causal(heads, masked), input_shapes=((STEPS, 8),))
    path, formats = saved(Causal(), tmp_path), ("weights.h5",)
    report = convert(path, tmp_path / "port", pair=pair, formats=formats, keep_failed=True).report
    ((found, told),) = ((cause.name, cause.detail) for held in report.divergences for cause in held.causes)
    assert (found, detail in told) == (name, True), told
