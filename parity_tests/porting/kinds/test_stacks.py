"""Recurrent layers that are several: stacks, both directions, time first."""

from functools import partial

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export, verify
from porting.reference.tensors.sums import sum_up


class Stack(nn.Module):
    """A recurrent layer of several layers or directions, and what its steps or its last states are scored as."""

    def __init__(self, kind, *, from_states=False, batch_first=True, **settings):
        super().__init__()
        self.recurrent = kind(6, 4, batch_first=batch_first, **settings)
        self.head = nn.Linear(8 if self.recurrent.bidirectional else 4, 3)
        self.from_states, self.batch_first = from_states, batch_first

    def forward(self, steps):
        outputs, states = self.recurrent(steps if self.batch_first else steps.transpose(0, 1))
        if not self.from_states:
            return self.head(outputs if self.batch_first else outputs.transpose(0, 1))
        last = states[0] if isinstance(states, tuple) else states
        return self.head(torch.cat([last[-2], last[-1]], -1) if self.recurrent.bidirectional else last[-1])


def build_stack(kind, *, count=1, bidirectional=False, from_states=False, forwards=False):
    steps = hidden = keras.Input((5, 6))
    for number in range(count):
        is_last_step = from_states and number == count - 1
        layer = kind(4, return_sequences=not is_last_step, name=f"recurrent{number}")
        backwards = kind(4, return_sequences=not is_last_step, go_backwards=not forwards, name=f"back{number}")
        if bidirectional and forwards:
            hidden = layers.Concatenate()([layer(hidden), backwards(hidden)])
        else:
            hidden = (layers.Bidirectional(layer, backward_layer=backwards) if bidirectional else layer)(hidden)
    return keras.Model(steps, layers.Dense(3, name="head")(hidden))


def stack(kind, port, *, count, bidirectional, from_states=False, batch_first=True):
    settings = {"num_layers": count, "bidirectional": bidirectional, "batch_first": batch_first}
    return ModelPair(
        name="stack",
        reference=partial(Stack, kind, from_states=from_states, **settings),
        port=partial(build_stack, port, count=count, bidirectional=bidirectional, from_states=from_states),
        input_shapes=((5, 6),),
    )


STACKS = {
    "LSTM of 2 layers and both directions": stack(nn.LSTM, layers.LSTM, count=2, bidirectional=True),
    "GRU of both directions, last states": stack(nn.GRU, layers.GRU, count=1, bidirectional=True, from_states=True),
    "RNN of 3 layers, time first": stack(nn.RNN, layers.SimpleRNN, count=3, bidirectional=False, batch_first=False),
    "LSTM of both directions, last states, time first": stack(
        nn.LSTM, layers.LSTM, count=2, bidirectional=True, from_states=True, batch_first=False
    ),
}


@pytest.mark.parametrize("pair", STACKS.values(), ids=STACKS)
def test_a_stack_passes_and_comes_back(pair, tmp_path):
    reference = pair.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    state_dict = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    for name, array in {**state_dict, **sum_up(state_dict, reference)}.items():
        assert np.array_equal(exported[name].numpy(), array), name


def test_a_direction_that_runs_forwards_is_named(tmp_path):
    port = partial(build_stack, layers.GRU, bidirectional=True, forwards=True)
    pair = ModelPair(
        name="stack",
        reference=partial(Stack, nn.GRU, bidirectional=True),
        port=port,
        input_shapes=((5, 6),),
        matches={"recurrent.l0": "recurrent0", "recurrent.l0_reverse": "back0"},
    )
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert "recurrent.l0_reverse runs backwards in torch" in report.plan.setting_differences[0]


def test_layers_of_a_stack_that_are_exchanged_are_located(tmp_path):
    def port():
        steps = keras.Input((5, 4))
        first, second = (layers.LSTM(4, return_sequences=True, name=name) for name in ("l1", "l0"))
        return keras.Model(steps, second(first(steps)))

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 4, num_layers=2, batch_first=True)

        def forward(self, steps):
            return self.lstm(steps)[0]

    pair = ModelPair(
        name="stack", reference=Steps, port=port, input_shapes=((5, 4),), matches={"lstm.l0": "l0", "lstm.l1": "l1"}
    )
    report = convert(saved(Steps(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.semantics.status is Status.FAIL
    assert {divergence.reference for divergence in report.divergences} >= {"lstm.l0"}


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("settings", [{"num_layers": 2}, {"bidirectional": True}, {"bias": False, "num_layers": 2}])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("start", ["zeros", "states", "one sample"])
def test_a_stack_in_layers_is_torchs_own(kind, settings, batch_first, start):
    from porting.reference.expansions.modules import expansion_of
    from porting.reference.side import own_tensors

    module = kind(5, 4, batch_first=batch_first, **settings).double().eval()
    steps = torch.randn((6, 5) if start == "one sample" else (3, 6, 5), dtype=torch.float64)
    given = (steps,)
    if start == "states":
        samples, count = steps.shape[0 if batch_first else 1], 2
        states = tuple(torch.randn(count, samples, 4, dtype=torch.float64) for _ in range(2))
        given = (steps, states if kind is nn.LSTM else states[0])
    expansion = expansion_of("stack", module, own_tensors("stack", module))
    if expansion is None:
        pytest.skip("one layer as it is")
    ours, theirs = expansion.recorded(lambda about, tensor, run: run(tensor))(*given), module(*given)
    flat = (
        [ours[0], *(ours[1] if kind is nn.LSTM else ours[1:])],
        [theirs[0], *(theirs[1] if kind is nn.LSTM else theirs[1:])],
    )
    for left, right in zip(*flat, strict=True):
        np.testing.assert_allclose(left.detach(), right.detach(), rtol=0, atol=1e-13)


def both_ways_by_hand(*, back=True):
    """Two layers of an LSTM that runs both ways, each direction a layer that runs forwards."""

    def build():
        steps = seen = keras.Input((5, 3))
        for _ in range(2):
            ahead = layers.LSTM(4, return_sequences=True)(seen)
            behind = layers.LSTM(4, return_sequences=True)(keras.ops.flip(seen, 1))
            seen = layers.Concatenate()([ahead, keras.ops.flip(behind, 1) if back else behind])
        return keras.Model(steps, layers.Dense(3)(seen))

    return ModelPair(name="by hand", reference=BothWays, port=build, input_shapes=((5, 3),))


class BothWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, steps):
        return self.head(self.lstm(steps)[0])


def test_directions_that_are_turned_by_hand_are_told_apart(tmp_path):
    pair = both_ways_by_hand()
    assert convert(saved(BothWays(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.PASS


def test_a_direction_that_is_not_turned_back_is_located(tmp_path):
    pair = both_ways_by_hand(back=False)
    report = convert(saved(BothWays(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert {held.reference for held in report.divergences} & {"lstm.l1", "head"}


class Turned(nn.Module):
    """Reads tokens from their end, by a recurrence that runs forwards."""

    def __init__(self):
        super().__init__()
        self.table, self.gru, self.head = nn.Embedding(9, 6), nn.GRU(6, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, words):
        return self.head(self.gru(self.table(words).flip(1))[0].flip(1))


def turned(*, back=True):
    def build():
        words = keras.Input((5,), dtype="int32")
        steps = layers.GRU(4, return_sequences=True, go_backwards=True)(layers.Embedding(9, 6)(words))
        return keras.Model(words, layers.Dense(3)(keras.ops.flip(steps, 1) if back else steps))

    return ModelPair(name="turned", reference=Turned, port=build, input_shapes=((5,),))


def test_a_turned_sequence_is_a_layer_that_runs_backwards(tmp_path):
    report = convert(saved(Turned(), tmp_path), tmp_path / "port", pair=turned()).report
    assert report.verdict is Status.PASS, report.parts
    assert verify(tmp_path / "port.keras", pair=turned()).verdict is Status.PASS


def test_steps_that_are_not_turned_back_are_located_behind_the_layer(tmp_path):
    report = convert(saved(Turned(), tmp_path), tmp_path / "port", pair=turned(back=False)).report
    (head,) = report.divergences
    assert (head.reference, [(cause.name, cause.remedy) for cause in head.causes]) == (
        "head",
        [("steps left out", "do there what the reference does: flip")],
    )


class Handed(nn.Module):
    """What one recurrence ends in is what the next starts from, and c is scored."""

    def __init__(self):
        super().__init__()
        self.reads, self.writes, self.head = (
            nn.LSTM(6, 4, batch_first=True),
            nn.LSTM(2, 4, batch_first=True),
            nn.Linear(4, 3),
        )

    def forward(self, steps):
        states = self.writes(steps[..., :2], self.reads(steps)[1])[1]
        return self.head(states[1][-1])


def handed(start=lambda h, c: [h, c], scored=lambda h, c: c):
    def build():
        steps = keras.Input((5, 6))
        start_of_writes = start(*layers.LSTM(4, return_state=True, name="reads")(steps)[1:])
        ends = layers.LSTM(4, return_state=True, name="writes")(steps[..., :2], initial_state=start_of_writes)
        return keras.Model(steps, layers.Dense(3, name="head")(scored(*ends[1:])))

    return ModelPair(name="handed", reference=Handed, port=build, input_shapes=((5, 6),))


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        pytest.param(handed(), [], marks=pytest.mark.slow),
        (handed(lambda h, c: [c, h]), [("writes", "started from another state")]),
        pytest.param(
            handed(lambda h, c: [h * 0, c * 0]), [("writes", "started from another state")], marks=pytest.mark.slow
        ),
        (handed(scored=lambda h, c: h), [("head", "another state taken")]),
    ],
    ids=["right", "exchanged", "none", "the other one scored"],
)
def test_the_states_of_a_recurrence_are_told_apart(pair, found, tmp_path):
    report = convert(saved(Handed(), tmp_path), tmp_path / "port", pair=pair).report
    assert (report.verdict is Status.PASS) == (not found), report.parts
    named = [(held.reference, cause.name) for held in report.divergences for cause in held.causes]
    assert named[:1] == found
