"""Constants that a reference holds in float32 beside its layers, and a port as they were meant."""

import keras
import numpy as np
import pytest
import torch
from keras import layers

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, verify
from porting.reference.tensors.constants import one_rounding_away, turns

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalised(torch.nn.Module):
    def __init__(self, is_saved):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN), persistent=is_saved)
        self.register_buffer("deviation", torch.tensor(DEVIATION), persistent=is_saved)
        self.last = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.last((x - self.mean) / self.deviation)


def report_of(is_saved, mean, folder):
    def port():
        x = keras.Input((3,))
        normalised = layers.Normalization(mean=mean, variance=np.square(DEVIATION).tolist())(x)
        return keras.Model(x, layers.Dense(2)(normalised))

    pair = ModelPair(name="normalised", reference=lambda: Normalised(is_saved), port=port, input_shapes=((3,),))
    reference = Normalised(is_saved)
    constants = {name: buffer.clone() for name, buffer in reference.named_buffers()}
    path = saved(reference, folder)
    torch.save(torch.load(path) | (constants if is_saved else {}), path)
    report = convert(path, folder / "port", pair=pair, keep_failed=True).report
    assert verify(folder / "port.keras", pair=pair).verdict is report.verdict
    return report


@pytest.mark.parametrize("is_saved", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_constants_in_full_precision_pass_and_are_told(is_saved, tmp_path):
    report = report_of(is_saved, MEAN, tmp_path)
    assert report.verdict is Status.PASS, report.parts
    assert "float32 has rounded the reference's own constants: mean, deviation" in "\n".join(report.semantics.lines)


def test_another_constant_fails(tmp_path):
    assert report_of(True, (0.485, 0.456, 0.40601), tmp_path).semantics.status is Status.FAIL


class Placed(torch.nn.Module):
    """Positions from a table of float32, and attention whose projections are parts of one tensor."""

    def __init__(self):
        super().__init__()
        angles = torch.arange(6.0)[:, None] * torch.exp(torch.arange(0.0, 8, 2) * -(np.log(10_000.0) / 8))
        self.register_buffer("positions", torch.stack([angles.sin(), angles.cos()], -1).flatten(1), persistent=False)
        self.attention, self.last = torch.nn.MultiheadAttention(8, 2, batch_first=True), torch.nn.Linear(8, 3)

    def forward(self, x):
        placed = x + self.positions
        return self.last(self.attention(placed, placed, placed, need_weights=False)[0])


@keras.saving.register_keras_serializable("constants")
class Places(layers.Layer):
    def call(self, x):
        rates = keras.ops.exp(keras.ops.arange(0, 8, 2, dtype=x.dtype) * -(np.log(10_000.0) / 8))
        angles = keras.ops.arange(6, dtype=x.dtype)[:, None] * rates
        return x + keras.ops.reshape(keras.ops.stack([keras.ops.sin(angles), keras.ops.cos(angles)], -1), (6, 8))


def test_what_constants_move_of_a_gradient_holds_for_the_parts_of_a_tensor(tmp_path):
    def port():
        x = keras.Input((6, 8))
        placed = Places()(x)
        return keras.Model(x, layers.Dense(3)(layers.MultiHeadAttention(2, 4)(placed, placed)))

    pair = ModelPair(name="placed", reference=Placed, port=port, input_shapes=((6, 8),))
    report = convert(saved(Placed(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.PASS, report.parts


def test_tables_that_would_cancel_each_other_move_apart_in_one_of_the_turns():
    held = {name: torch.tensor([value]).double() for name, value in (("mean", 0.485), ("deviation", 0.229))}
    ratio, found = float(held["mean"] / held["deviation"]), []
    for turn in turns(len(held)):
        with one_rounding_away(held, turn):
            found.append(abs(float(held["mean"] / held["deviation"]) / ratio - 1))
    assert min(found) < 1e-12
    assert max(found) > 1e-7


class InItsCode(torch.nn.Module):
    """A table, a tensor of numbers and a factor that no buffer holds."""

    def __init__(self):
        super().__init__()
        self.last = torch.nn.Linear(3, 2)

    def forward(self, x):
        places = torch.sin(torch.arange(4, dtype=x.dtype) * 0.3)[:, None]
        return self.last((x + places) * torch.tensor([0.2, 0.3, 0.7]) / np.sqrt(3).item())


def in_its_code(rate=0.3, factor=3.0):
    def port():
        places = np.sin(np.arange(4) * rate).astype("float32")[:, None]
        x = keras.Input((4, 3))
        scaled = (x + places) * np.array([0.2, 0.3, 0.7], "float32") / np.sqrt(np.float32(factor))
        return keras.Model(x, layers.Dense(2)(scaled))

    return ModelPair(name="in_its_code", reference=InItsCode, port=port, input_shapes=((4, 3),))


def test_constants_that_a_port_holds_in_float32_are_no_faults(tmp_path):
    report = convert(saved(InItsCode(), tmp_path), tmp_path / "port", pair=in_its_code(), keep_failed=True).report
    assert report.verdict is Status.PASS, report.parts
    assert "float32 has rounded the reference's own constants: numbers in its code" in "\n".join(report.semantics.lines)


@pytest.mark.parametrize("wrong", [{"rate": 0.30001}, pytest.param({"factor": 3.0001}, marks=pytest.mark.slow)])
def test_other_constants_fail_in_float32_too(wrong, tmp_path):
    pair = in_its_code(**wrong)
    report = convert(saved(InItsCode(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.semantics.status is Status.FAIL


class Stepping(torch.nn.Module):
    """A constant whose rounding takes values over the edges of steps."""

    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(3, 3), torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.b(torch.floor(x * 1.3) - torch.tanh(self.a(x * 0.01)))


def stepping(factor):
    def port():
        x = keras.Input((3,))
        steps = keras.ops.floor(x * 1.3)
        return keras.Model(
            x, layers.Dense(2, name="b")(steps - factor * keras.ops.tanh(layers.Dense(3, name="a")(x * 0.01)))
        )

    return ModelPair(name="stepping", reference=Stepping, port=port, input_shapes=((3,),))


def test_a_rounding_that_steps_over_an_edge_widens_no_limit(tmp_path):
    whole = (np.arange(24, dtype=np.float64) - 12).reshape(8, 3) / 1.3
    np.save(tmp_path / "whole.npy", whole.astype(np.float32))
    path = saved(Stepping(), tmp_path)
    report = convert(path, tmp_path / "port", pair=stepping(1.3), probe=tmp_path / "whole.npy", keep_failed=True).report
    assert report.semantics.status is Status.FAIL, report.semantics.lines


def test_what_is_written_into_is_no_number_any_more():
    from porting.reference.tensors.passing import passing_numbers_moved

    given = torch.tensor([0.1, 0.2], dtype=torch.float64)
    with passing_numbers_moved() as passing:
        held = torch.zeros(2, 2, dtype=torch.float64)
        held[:, 0].copy_(given)
        total = held + given[:, None]
    assert torch.equal(total[:, 0], given + given)
    assert not passing.is_met
