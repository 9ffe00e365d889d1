"""Models of any shape are proven: functions for modules, tied weights, branches, folded layouts, blind spots."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from parity_tests.porting.zoo.weights import randomise
from porting import ModelPair, Status, convert, verify
from porting.errors import ProbeError

SHAPE = (6,)


def verified(reference, port, tmp_path, **fields):
    torch.save(randomise(reference()).state_dict(), tmp_path / "model.pt")
    fields = {"input_shapes": (SHAPE,)} | fields
    pair = ModelPair(name="own", reference=reference, port=port, **fields)
    return convert(tmp_path / "model.pt", tmp_path / "port", pair=pair).report


class Functions(nn.Module):
    """A function with a parameter of its own, one with a module's, and a subclass of a module."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.empty(5, 6))
        self.fc = nn.Linear(5, 4)
        self.norm = type("OwnNorm", (nn.LayerNorm,), {})(4)

    def forward(self, points):
        hidden = functional.relu(functional.linear(points, self.table), inplace=True)
        return self.norm(functional.linear(hidden, self.fc.weight, self.fc.bias))


def functions_port():
    points = keras.Input(SHAPE)
    hidden = layers.ReLU()(layers.Dense(5, use_bias=False, name="first")(points))
    return keras.Model(points, layers.LayerNormalization(epsilon=1e-5, name="norm")(layers.Dense(4)(hidden)))


def test_functions_with_the_models_own_tensors_are_layers(tmp_path):
    report = verified(Functions, functions_port, tmp_path)
    assert report.verdict is Status.PASS, report
    assert [row.reference for row in report.layers] == ["table", "fc", "norm"]


class Inplace(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True)))


def test_activations_in_place_do_not_overwrite_what_is_compared(tmp_path):
    nested = keras.Sequential([layers.Dense(4, name="inner"), layers.ReLU()], name="nested")
    port = keras.Sequential([keras.Input(SHAPE), layers.Dense(5, name="outer"), layers.ReLU(), nested])
    report = verified(Inplace, lambda: port, tmp_path)
    assert report.verdict is Status.PASS, report
    assert [row.port for row in report.layers] == ["outer", "inner"]


class Ranked(nn.Module):
    """Scores, and as integers which is the greatest; one unit is dead."""

    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(6, 5), nn.Linear(5, 4)

    def forward(self, points):
        scores = self.head(torch.relu(self.hidden(points) - torch.tensor([1e3, 0, 0, 0, 0])))
        return scores, scores.argmax(dim=-1)


def ranked_port():
    points = keras.Input(SHAPE)
    hidden = layers.Dense(5, name="hidden")(points) - np.array([1e3, 0, 0, 0, 0], np.float32)
    scores = layers.Dense(4, name="head")(layers.ReLU()(hidden))
    return keras.Model(points, [scores, ops.argmax(scores, axis=-1)])


RANKED_OUTPUTS = {"scores": "... -> ...", "greatest": "... -> ..."}


def test_an_output_of_integers_hides_no_blind_spots(tmp_path):
    report = verified(Ranked, ranked_port, tmp_path, outputs=RANKED_OUTPUTS)
    assert report.verdict is Status.PASS, report
    dead = [spot for spot in report.blind_spots if "change no output" in spot.what]
    assert {spot.layer for spot in dead} == {"hidden", "head"}
    assert all(spot.seen_alone for spot in dead)


class Forward(torch.autograd.Function):
    """What it does is known, and not what its gradient is."""

    @staticmethod
    def forward(context, points):
        return points.clone()


class Undifferentiable(nn.Linear):
    def __init__(self):
        super().__init__(6, 4)

    def forward(self, points):
        return Forward.apply(super().forward(points))


def test_blind_spots_that_cannot_be_looked_for_are_said_and_nothing_is_claimed(tmp_path):
    def port():
        return keras.Sequential([keras.Input(SHAPE), layers.Dense(4)])

    report = verified(Undifferentiable, port, tmp_path)
    own = ModelPair(name="own", reference=Undifferentiable, port=port)
    for semantics in (report.semantics, verify(tmp_path / "port.keras", pair=own).semantics):
        assert semantics.status is Status.NOT_CHECKED
        assert "which show what cannot be seen, cannot be taken: " in " ".join(semantics.lines)


class TiedTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = self.first

    def forward(self, points):
        return self.second(torch.tanh(self.first(points)))


def test_a_module_under_two_names_is_one_layer_that_runs_twice(tmp_path):
    def port():
        points, shared = keras.Input(SHAPE), layers.Dense(6, name="shared")
        return keras.Model(points, shared(layers.Activation("tanh")(shared(points))))

    report = verified(TiedTwice, port, tmp_path)
    assert report.verdict is Status.PASS, report
    assert [row.reference for row in report.layers] == ["first", "first (call 2)"]
    assert len(report.plan.transfers) == 2


class TiedHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.mix = nn.Embedding(6, 4), nn.Linear(4, 4)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, points):
        return self.head(torch.tanh(self.mix(self.embed(points.argsort(-1)))))


@keras.saving.register_keras_serializable("shapes")
class TiedHeadPort(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embed, self.mix = layers.Embedding(6, 4, name="embed"), layers.Dense(4, name="mix")

    def call(self, points):
        hidden = ops.tanh(self.mix(self.embed(ops.argsort(points, axis=-1))))
        return ops.matmul(hidden, ops.transpose(ops.convert_to_tensor(self.embed.embeddings)))


def test_a_tied_head_may_be_a_function_in_the_port(tmp_path):
    report = verified(TiedHead, TiedHeadPort, tmp_path)
    assert report.verdict is Status.PASS, report
    assert report.plan.aliases == {"head.weight": "embed.weight"}


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.narrow, self.join = nn.Linear(6, 9), nn.Linear(6, 3), nn.Linear(12, 2)

    def forward(self, points):
        return self.join(torch.cat([torch.relu(self.wide(points)), torch.tanh(self.narrow(points))], dim=-1))


def branches_port(swapped=False):
    points = keras.Input(SHAPE)
    narrow = layers.Activation("tanh")(layers.Dense(3, name="thin")(points))
    wide = layers.ReLU()(layers.Dense(9, name="thick")(points))
    both = layers.Concatenate()([narrow, wide] if swapped else [wide, narrow])
    return keras.Model(points, layers.Dense(2, name="joined")(both))


@keras.saving.register_keras_serializable("shapes")
class OtherOrder(keras.Model):
    """Runs the narrow branch first."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.thin, self.thick, self.joined = layers.Dense(3), layers.Dense(9), layers.Dense(2)

    def call(self, points):
        narrow = ops.tanh(self.thin(points))
        return self.joined(ops.concatenate([ops.relu(self.thick(points)), narrow], axis=-1))


def test_branches_in_another_order_are_paired_by_what_reaches_them(tmp_path):
    report = verified(Branches, OtherOrder, tmp_path)
    assert report.verdict is Status.PASS, report
    sources = {row.reference: row.sources for row in report.layers}
    assert sources == {"wide": ("",), "narrow": ("",), "join": ("wide", "narrow")}


def test_a_segment_is_named_by_all_layers_that_reach_it(tmp_path):
    report = verified(Branches, lambda: branches_port(swapped=True), tmp_path)
    (divergence,) = report.divergences
    assert (divergence.before, divergence.reference) == ("wide and narrow", "join")
    assert [cause.name for cause in divergence.causes] == ["operands in another order"]


def test_layers_in_another_order_are_paired_by_what_fits_and_fail_between(tmp_path):
    class Chain(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(6, 4), nn.Linear(4, 6), nn.Linear(6, 6))

    def port():
        dense = (layers.Dense(6, name="a"), layers.Dense(4, name="b"), layers.Dense(6, name="c"))
        return keras.Sequential([keras.Input(SHAPE), *dense])

    report = verified(Chain, port, tmp_path)
    assert {(held.reference, held.port) for held in report.plan.pairs} == {("0", "b"), ("1", "c"), ("2", "a")}
    assert report.verdict is Status.FAIL
    first = report.divergences[0]
    assert (first.where, first.reference) == ("between", "0")


class Flattened(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv1d(3, 8, 3), nn.Linear(32, 5)

    def forward(self, signals):
        return self.fc(torch.relu(self.conv(signals)).flatten(1))


def folded_port():
    signals = keras.Input((6, 3))
    hidden = layers.ReLU()(layers.Conv1D(8, 3, name="conv")(signals))
    return keras.Model(signals, layers.Dense(5, name="fc")(layers.Flatten()(hidden)))


FOLDED = {"inputs": ("sample channel point -> sample point channel",), "input_shapes": ((6, 3),)}


def test_a_layout_folded_into_a_kernel_is_no_fault(tmp_path):
    axes = {"fc.weight": "unit (channel=8 point=4) -> (point channel) unit"}
    report = verified(Flattened, folded_port, tmp_path, axes=axes, **FOLDED)
    assert report.verdict is Status.PASS, report


def test_the_same_port_without_the_axes_is_flattened_in_another_order(tmp_path):
    (divergence,) = verified(Flattened, folded_port, tmp_path, **FOLDED).divergences
    assert [cause.name for cause in divergence.causes] == ["flattened or reshaped in another order"]


class Silent(nn.Sequential):
    """A layer whose bias was never trained."""

    def __init__(self):
        super().__init__(nn.Linear(6, 4))


def only_with_its_own_bias(net, values):
    """A model that no drawn values are proven with."""
    if net[0].bias.any():
        raise ValueError("another bias")
    return net[0](values)


def test_what_cannot_be_seen_is_not_passed(tmp_path, monkeypatch):
    torch.save({"0.weight": torch.randn(4, 6), "0.bias": torch.zeros(4)}, tmp_path / "model.pt")
    port = keras.Sequential([keras.Input(SHAPE), layers.Dense(4)])
    pair = ModelPair(name="own", reference=Silent, port=lambda: port, input_shapes=(SHAPE,))
    monkeypatch.setattr(Silent, "forward", only_with_its_own_bias)
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=pair).report
    assert (report.semantics.status, report.verdict) == (Status.NOT_CHECKED, Status.NOT_CHECKED)
    assert "cannot be seen: 0: bias is all zeros" in " ".join(report.semantics.lines)
    assert "verify the pair once on a checkpoint that was trained" in report.semantics.lines[-2]
    assert "not proven with drawn values in their place either: " in report.semantics.lines[-1]


def test_activations_that_are_not_finite_name_the_first_layer(tmp_path):
    np.save(tmp_path / "probe.npy", np.full((2, 6), 1e38, np.float32))
    state_dict = {"0.weight": torch.full((4, 6), 1e3), "0.bias": torch.ones(4)}
    torch.save(state_dict, tmp_path / "model.pt")
    port = keras.Sequential([keras.Input(SHAPE), layers.Dense(4)])
    pair = ModelPair(name="own", reference=Silent, port=lambda: port, input_shapes=(SHAPE,))
    with pytest.raises(ProbeError, match="not finite: 8 NaN or infinite values first at the output of 0"):
        convert(tmp_path / "model.pt", tmp_path / "port", pair=pair, probe=tmp_path / "probe.npy")
