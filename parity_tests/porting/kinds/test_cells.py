"""Cells that a model runs step by step: the states that it hands on from one call to the next."""

import keras
import pytest
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert
from porting.records.findings import find_faults

STEPS, FEATURES, UNITS = 4, 3, 5


class Stepped(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(FEATURES, UNITS), nn.Linear(UNITS, 2)

    def forward(self, steps):
        hidden = cell = steps.new_zeros(len(steps), UNITS)
        found = []
        for step in steps.unbind(1):
            hidden, cell = self.cell(step, (hidden, cell))
            found.append(hidden)
        return self.head(torch.stack(found, 1))


HANDED_ON = {
    "right": lambda before, after: after,
    "exchanged": lambda before, after: after[::-1],
    "c stays": lambda before, after: [after[0], before[1]],
    "h stays": lambda before, after: [before[0], after[1]],
}


@keras.saving.register_keras_serializable("cells")
class SteppedPort(keras.Model):
    def __init__(self, handed_on, scored=0, **settings):
        super().__init__(**settings)
        self.handed_on, self.scored = handed_on, scored
        self.cell, self.head = layers.LSTMCell(UNITS, name="cell"), layers.Dense(2, name="head")

    def build(self, shape):
        self.cell.build((None, FEATURES))
        self.head.build((None, UNITS))
        self.built = True

    def call(self, steps):
        states = [ops.zeros((ops.shape(steps)[0], UNITS), dtype=steps.dtype)] * 2
        found = []
        for at in range(STEPS):
            _, after = self.cell(steps[:, at], states)
            states = HANDED_ON[self.handed_on](states, after)
            found.append(after[self.scored])
        return self.head(ops.stack(found, 1))

    def get_config(self):
        return {"handed_on": self.handed_on, "scored": self.scored}


def report_of(tmp_path, *how):
    def port():
        model = SteppedPort(*how)
        model.build((None, STEPS, FEATURES))
        return model

    pair = ModelPair(name="cells", reference=Stepped, port=port, input_shapes=((STEPS, FEATURES),))
    return convert(saved(Stepped(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report


def test_a_cell_that_runs_step_by_step_passes(tmp_path):
    assert report_of(tmp_path, "right").verdict is Status.PASS


@pytest.mark.parametrize(
    ("handed_on", "detail"),
    [
        ("exchanged", "it starts from h and c in each other's place"),
        ("c stays", "its c starts from zeros where the reference gives it one"),
        ("h stays", "its h starts from zeros where the reference gives it one"),
    ],
)
def test_states_that_are_handed_on_otherwise_are_one_finding_from_the_second_call_on(handed_on, detail, tmp_path):
    (fault,) = find_faults(report_of(tmp_path, handed_on).divergences)
    assert (fault.causes[0].detail, len(fault.places)) == (detail, STEPS - 1)
    assert fault.places[0].reference == "cell (call 2)"


def test_another_state_of_every_call_is_named(tmp_path):
    (fault,) = find_faults(report_of(tmp_path, "right", 1).divergences)
    assert (fault.strongest.reference, fault.causes[0].detail) == ("head", "c of cell where the reference takes h")


class Whole(nn.Module):
    def __init__(self, kind, **settings):
        super().__init__()
        self.rnn, self.head = getattr(nn, kind)(FEATURES, UNITS, batch_first=True, **settings), nn.Linear(UNITS, 2)

    def forward(self, steps):
        return self.head(self.rnn(steps)[0])


class ByHand(nn.Module):
    """What `Whole` computes, its cell stepped through time."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.head = getattr(nn, f"{kind}Cell")(FEATURES, UNITS), nn.Linear(UNITS, 2)

    def forward(self, steps):
        state, found = None, []
        for step in steps.unbind(1):
            state = self.cell(step, state)
            found.append(state[0] if isinstance(state, tuple) else state)
        return self.head(torch.stack(found, 1))


def whole_port(kind, by_cell=False, **settings):
    steps = keras.Input((STEPS, FEATURES))
    if by_cell:
        layer = layers.RNN(getattr(layers, f"{kind}Cell")(UNITS), return_sequences=True, name="rnn", **settings)
    else:
        layer = getattr(layers, kind)(UNITS, return_sequences=True, name="rnn", **settings)
    return keras.Model(steps, layers.Dense(2, name="head")(layer(steps)))


def converted(tmp_path, reference, port):
    pair = ModelPair(name="cells", reference=reference, port=port, input_shapes=((STEPS, FEATURES),))
    return convert(saved(reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("by_cell", [False, True])
def test_cells_that_the_reference_steps_by_hand_are_a_layer_of_the_port(kind, by_cell, tmp_path):
    twin = kind.replace("RNN", "SimpleRNN")
    report = converted(tmp_path, lambda: ByHand(kind), lambda: whole_port(twin, by_cell))
    assert report.verdict is Status.PASS
    assert [row.kind for row in report.layers] == [f"{kind}Cell -> {twin}Cell"] * STEPS + ["Linear -> Dense"]


def test_a_cell_that_the_port_steps_by_hand_is_a_layer_of_the_reference(tmp_path):
    def port():
        model = SteppedPort("right")
        model.build((None, STEPS, FEATURES))
        return model

    assert converted(tmp_path, lambda: Whole("LSTM"), port).verdict is Status.PASS


def test_a_layer_given_a_cell_is_the_layer_of_that_type(tmp_path):
    report = converted(tmp_path, lambda: Whole("GRU"), lambda: whole_port("GRU", by_cell=True))
    assert report.verdict is Status.PASS
    assert [row.kind for row in report.layers] == ["GRU -> GRU", "Linear -> Dense"]


def test_steps_in_the_other_order_are_located_at_the_cell(tmp_path):
    report = converted(tmp_path, lambda: ByHand("LSTM"), lambda: whole_port("LSTM", go_backwards=True))
    assert report.verdict is Status.FAIL
    assert find_faults(report.divergences)[0].places[0].reference == "cell"
