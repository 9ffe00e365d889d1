import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch

import porting
from parity_tests.porting.writing.models import own_models, sized_models
from parity_tests.porting.writing.test_backends import RUN
from porting.pairs.finding import resolve
from porting.statuses import Status
from porting.writing.examples import drawn_example
from porting.writing.sizing.axes import Unit, axes_of, resized, try_axes
from porting.writing.trained import randomise, settle
from porting.writing.values.sizes import Size, sized

MODULE = sized_models.__name__


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _written(name, *inputs, **settings):
    """A port with the weights of a model that looks trained."""
    model = getattr(sized_models, name)(**settings)
    args, _ = drawn_example(inputs).tensors()
    torch.save(settle(randomise(model), args).eval().state_dict(), "net.pt")
    return model, porting.write(
        f"{MODULE}:{name}", "net.py", inputs=inputs, settings=settings, checkpoint="net.pt", any_size=True
    )


def _agrees(model, port, writing, *inputs):
    """Whether both give the same for inputs of these sizes."""
    args, _ = drawn_example(inputs, 2).tensors()
    with torch.no_grad():
        expected = model(*args)
    orders = [_order(pattern) for pattern in writing.model.patterns()]
    given = [array.numpy().transpose(order) for array, order in zip(args, orders, strict=True)]
    made = port(given[0] if len(given) == 1 else given)
    for one, other, pattern in zip(_listed(made), _listed(expected), writing.model.outputs.values(), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), other.numpy().transpose(_order(pattern)), rtol=1e-3, atol=1e-4
        )


def _order(pattern):
    reference, _, port = pattern.partition(" -> ")
    return [reference.split().index(name) for name in port.split()]


def _listed(values):
    return values if isinstance(values, (list, tuple)) else [values]


CASES = [
    ("Signals", ["3,40"], {}, (None, 3), [["3,41"], ["3,14"], ["3,83"]]),
    ("Classifier", ["3,16,16"], {}, (None, None, 3), [["3,9,33"], ["3,40,8"]]),
    ("Windows", ["3,12,12"], {}, (None, None, 3), [["3,7,13"], ["3,30,4"]]),
    ("Encoder", ["12,8"], {"causal": True}, (None, 8), [["5,8"], ["31,8"]]),
    ("Tokens", ["12:int20"], {}, (None,), [["5:int20"], ["64:int20"]]),
    ("Columns", ["10,6"], {}, (None, 6), [["6,6"], ["7,6"], ["2,6"]]),
    ("Patches", ["3,16,16"], {}, (None, None, 3), [["3,24,8"], ["3,12,33"]]),
    ("Rows", ["3,5,6"], {}, (None, None, 6), [["7,4,6"], ["1,9,6"]]),
]
SLOW = [
    ("UNet", ["3,16,16"], {}, (None, None, 3), [["3,9,33"], ["3,20,12"]]),
    ("UNet", ["3,16,16"], {"mode": "nearest"}, (None, None, 3), [["3,9,33"], ["3,20,12"]]),
    ("UNet", ["3,16,16"], {"mode": "bicubic"}, (None, None, 3), [["3,9,33"], ["3,20,12"]]),
]


@pytest.mark.parametrize(
    ("name", "inputs", "settings", "shape", "others"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)],
)
def test_what_nothing_fixes_may_have_any_size(folder, name, inputs, settings, shape, others):
    model, writing = _written(name, *inputs, **settings)
    assert writing.report.verdict is Status.PASS
    port = keras.saving.load_model("net.keras")
    assert port.input_shape[1:] == shape
    for sizes in (inputs, *others):
        _agrees(model, port, writing, *sizes)


def test_what_a_layer_fixes_keeps_its_size_and_the_layer_is_named(folder):
    _, writing = _written("Flattened", "1,8,6")
    assert writing.report.verdict is Status.PASS
    assert writing.sizes.free == ()
    assert keras.saving.load_model("net.keras").input_shape == (None, 8, 6, 1)
    fixed = dict(writing.sizes.fixed)
    assert list(fixed) == ["input 0, channel (1)", "input 0, row (8)", "input 0, column (6)"]
    assert "fc, Linear(in_features=192, out_features=3" in fixed["input 0, row (8)"]
    assert "conv, Conv2d(1, 4" in fixed["input 0, channel (1)"]


def test_inputs_of_one_length_have_it_together_and_pairs_of_any_size_are_used_as_others(folder):
    model, writing = _written("Masked", "12:int20", "12")
    assert writing.sizes.free == ("input 0, feature (12)", "input 1, feature (12)")
    port = keras.saving.load_model("net.keras")
    _agrees(model, port, writing, "5:int20", "5")
    np.savez("longer.npz", np.arange(60).reshape(3, 20) % 20, np.ones((3, 20), np.float32))
    assert (
        porting.verify("net.keras", pair="net_pair.py", probe="longer.npz", checkpoint="net.pt").verdict is Status.PASS
    )
    porting.export("net.keras", "back.pt", pair="net_pair.py")
    assert porting.convert("back.pt", "again", pair="net_pair.py").report.verdict is Status.PASS


def test_a_table_of_positions_is_as_long_as_it_is_in_both(folder):
    model, _ = _written("Tokens", "12:int20")
    port = keras.saving.load_model("net.keras")
    words = np.zeros((2, 65), np.int64)
    with pytest.raises(RuntimeError, match="size of tensor"):
        model(torch.from_numpy(words))
    with pytest.raises(Exception, match=r"(?i)shape|size|broadcast|dimension"):
        port(words)


def _pair(write):
    row = porting.FunctionRow("special_entr", write)
    return porting.ModelPair(name="guessed", reference=f"{MODULE}:Guessed", functions=(row,))


def test_a_row_that_writes_a_size_keeps_it(folder):
    def halved(target, x):
        return x.with_data(-x.data * target.ops.log(x.data) * (int(target.anchors[0].shape[1]) / 5))

    writing = porting.write(_pair(halved), "net.py", inputs=["5,4"], any_size=True)
    assert writing.report.verdict is Status.PASS
    assert writing.sizes.free == ()
    assert "for another size" in writing.sizes.fixed["input 0, position (5)"]


def test_a_fault_of_other_sizes_does_not_pass(folder):
    def of_five(target, x):
        rows = target.anchors[0].data
        share = target.ops.sum(target.ops.ones_like(rows[:, :, :1]), axis=1) / 5
        return x.with_data(-x.data * target.ops.log(x.data) * share)

    writing = porting.write(_pair(of_five), "net.py", inputs=["5,4"], any_size=True)
    assert writing.sizes.free == ("input 0, position (5)",)
    assert writing.report.verdict is Status.FAIL
    assert writing.files == ()
    assert "seed 20210126, and of other sizes" in writing.report.probe["source"]


def test_nothing_is_free_where_parts_are_left_out(folder):
    writing = porting.write(f"{own_models.__name__}:Halving", "net.py", inputs=["4"], any_size=True, partial=True)
    assert writing.report is None
    assert writing.sizes.free == ()
    assert set(writing.sizes.fixed.values()) == {"parts are left out, and nothing is proven"}


def test_other_sizes_are_far_enough_apart_for_strides_and_odd_where_torch_takes_them():
    example = drawn_example(["3,16,16"])
    units = try_axes(sized_models.Classifier().eval(), example).units
    assert [[axis.axis for axis in unit.axes] for unit in units] == [[2], [3]]
    assert all(unit.other % 2 for unit in units)
    assert abs(units[0].other - units[1].other) >= 32 <= min(unit.other - 16 for unit in units)
    assert resized(example, units).arrays()[0].shape == (4, 3, *(unit.other for unit in units))


def test_whole_numbers_go_on_from_the_start_and_others_are_drawn_anew():
    example = drawn_example(["4:int9", "4"])
    units = [Unit((axis,), 6) for axis in axes_of(example)]
    tokens, numbers = resized(example, units).arrays()
    assert np.array_equal(tokens, np.take(example.arrays()[0], [0, 1, 2, 3, 0, 1], axis=1))
    assert numbers.shape == (4, 6)
    assert not np.isin(numbers, example.arrays()[1]).any()


def test_a_size_is_what_it_is_for_both_inputs_and_equals_no_constant():
    length = sized(12, 45)
    assert isinstance(length, Size)
    assert (length - 3) // 2 + 1 == sized(5, 22)
    assert (3 * length) % 3 == 0
    assert type(length - length) is int
    assert length not in (12, 45)
    assert (length, 4) != (12, 4)
    assert int(length) == 12


def test_the_command_says_which_axes_are_free_and_what_fixes_the_others(folder, capsys):
    from porting.commands.cli import app

    with pytest.raises(SystemExit):
        app(["write", f"{MODULE}:Flattened", "--input", "1,8,6", "--any-size", "-o", "net.py"])
    said = capsys.readouterr().out
    assert "any size: no axis" in said
    assert "fixed: input 0, row (8): fc, Linear" in said
    assert resolve(f"{folder / 'net.py'}:build")().input_shape == (None, 8, 6, 1)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_sizes_are_read_on_every_backend(backend, folder):
    names = {"Windows": ("3,12,12", "3,7,13"), "Tokens": ("12:int20", "20:int20")}
    for name, (size, other) in names.items():
        torch.manual_seed(0)
        model, writing = _written(name, size)
        for file in ("net.py", "net.keras"):
            (folder / file).replace(file.replace("net", name))
        (given,), _ = drawn_example([other]).tensors()
        (pattern,) = writing.model.patterns()
        np.save(f"{name}.given.npy", given.numpy().transpose(_order(pattern)))
        np.save(f"{name}.wanted.npy", model(given).detach().numpy())
        for left in folder.glob("net*"):
            left.unlink()
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *names], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in names:
        found, wanted = (np.load(f"{name}.{kind}.npy") for kind in ("found", "wanted"))
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
