"""Kinds of models that are rare, each shrunk to what is rare in it."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

import porting
from parity_tests.porting.writing.models import own_models
from porting.statuses import Status
from porting.writing.graph.exported import export
from porting.writing.interpreter import Interpreter
from porting.writing.source import layer_name, source_of

MODULE = own_models.__name__


def _grid(rows, columns, step=1):
    return torch.stack(torch.meshgrid(torch.arange(0, rows, step), torch.arange(0, columns, step), indexing="ij"))


def _apart(queries, keys):
    return queries.flatten(1)[:, :, None] - keys.flatten(1)[:, None, :]


def _relative(rows, columns):
    rows_apart, columns_apart = _apart(_grid(rows, columns), _grid(rows, columns))
    return (rows_apart + rows - 1) * (2 * columns - 1) + columns_apart + columns - 1


def _with_border(table):
    count = int(table.max()) + 4
    bordered = torch.full([size + 1 for size in table.shape], count - 3)
    bordered[1:, 0], bordered[0, 0], bordered[1:, 1:] = count - 2, count - 1, table
    return bordered


def _distances(step):
    rows, columns = _apart(_grid(4, 6, step), _grid(4, 6)).abs()
    return rows * 6 + columns


TABLES = {
    "distances": (_distances(1), "distances((4, 6), (4, 6), (6, 1))"),
    "distances between two grids": (_distances(2), "distances((2, 3), (4, 6), (6, 1), (2, 2))"),
    "relative positions": (_relative(3, 4), "grid_sum((3, 4, 3, 4), (7, 1, -7, -1), 17)"),
    "relative positions behind a token": (_with_border(_relative(3, 4)), "bordered("),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_places_are_said_by_their_rule(name):
    table, said = TABLES[name]

    class Biased(nn.Module):
        def __init__(self):
            super().__init__()
            self.biases = nn.Parameter(torch.randn(int(table.max()) + 1, 2))
            self.register_buffer("table", table, persistent=False)

        def forward(self, scores):
            return scores + self.biases[self.table.view(-1)].view(*self.table.shape, 2)

    model, scores = Biased(), torch.randn(2, *table.shape, 2)
    text = source_of(Interpreter(model, export(model, (scores,), {})).written(), "Written.")
    assert said in text
    port = _built(text)
    port.get_layer("biases").value.assign(model.biases.detach().numpy())
    np.testing.assert_allclose(port(scores.numpy()), model(scores).detach(), rtol=1e-6)


def _built(text):
    space = {}
    exec(compile(text, "net.py", "exec"), space)  # noqa: S102 - what was written is what is tested
    return space["build"]()


def _agrees(model, x):
    """The port of a model whose arrays are all its own computes what the model does."""
    written = Interpreter(model.eval(), export(model, (x,), {})).written()
    text = source_of(written, "Written.")
    port = _built(text)
    for path, array in model.state_dict().items():
        own = written.arrays[path]
        held = np.transpose(array.numpy(), own.axes())
        port.get_layer(layer_name(path)).value.assign(held)
    given, wanted = x.numpy(), model(x).detach().numpy()
    if x.ndim > 2:
        given, wanted = np.moveaxis(given, 1, -1), np.moveaxis(wanted, 1, -1)
    np.testing.assert_allclose(port(given), wanted, rtol=1e-4, atol=1e-5)
    return text


class Standardised(nn.Conv2d):
    """A convolution in groups whose kernel is standardised, as those of networks without normalisations."""

    def forward(self, x):
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = nn.functional.batch_norm(flat, None, None, training=True, momentum=0.0).reshape_as(self.weight)
        return nn.functional.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_kernels_that_are_computed_may_be_standardised_and_in_groups(groups):
    _agrees(Standardised(6, 12, 3, groups=groups), torch.randn(2, 6, 5, 5))


def test_what_is_computed_of_positions_is_said_as_torch_computes_it():
    model = own_models.Rotated()
    text = source_of(Interpreter(model, export(model, (torch.randn(2, 9, 6),), {})).written(), "Written.")
    assert "ops.arange(9" in text
    assert text.count("[") < 20


class Windows(nn.Module):
    """A mask that ``__init__`` computes, region by region, and that no checkpoint has."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(12))
        regions = torch.zeros(6, 2)
        regions[4:] = 1
        regions[:, 1:] += 2
        regions = regions.view(12)
        apart = regions[None] - regions[:, None]
        self.register_buffer("mask", apart.masked_fill(apart != 0, -100.0), persistent=False)

    def forward(self, x):
        return x * self.scale + self.mask


def test_buffers_that_no_checkpoint_has_are_said_as_the_model_computes_them():
    model, x = Windows(), torch.randn(2, 12, 12)
    written = Interpreter(model, export(model, (x,), {}), build=Windows).written()
    assert list(written.arrays) == ["scale"]
    port = _built(source_of(written, "Written."))
    port.get_layer("scale").value.assign(model.scale.detach().numpy())
    np.testing.assert_allclose(port(x.numpy()), model(x).detach(), rtol=1e-6)


def test_such_a_buffer_of_a_model_that_is_built_already_is_refused():
    missing = Interpreter(Windows(), export(Windows(), (torch.randn(2, 12, 12),), {})).written().missing
    assert "mask, 144 numbers" in missing[0].why


class Attending(nn.Module):
    def forward(self, x):
        rate = 0.25 if self.training else 0.0
        return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=rate)


class Skipping(nn.Module):
    """A model that cannot be exported as it trains, since it leaves layers out at random."""

    def __init__(self):
        super().__init__()
        self.scale, self.attention = nn.Parameter(torch.randn(8)), Attending()

    def forward(self, x):
        if self.training and torch.rand([]) < 0.1:
            return x
        return self.attention(x * self.scale)


def test_rates_are_read_where_the_module_that_drops_trains_alone():
    model, x = Skipping().eval(), torch.randn(2, 4, 5, 8)
    text = source_of(Interpreter(model, export(model, (x,), {})).written(), "Written.")
    assert "0.25" in text
    assert not any(module.training for module in model.modules())


@pytest.mark.slow
def test_weights_that_forward_does_not_use_stay_with_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = own_models.Spare()
    torch.save(model.state_dict(), "net.pt")
    writing = porting.write(f"{MODULE}:Spare", "net.py", inputs=["4"], checkpoint="net.pt")
    assert writing.report.verdict is Status.PASS
    assert porting.verify("net.keras", pair="net_pair.py").verdict is Status.PASS
    porting.export("net.keras", "back.pt", pair="net_pair.py")
    back = torch.load("back.pt", weights_only=True)["state_dict"]
    own_models.Spare().load_state_dict(back, strict=True)
    assert all(torch.equal(back[name], tensor) for name, tensor in model.state_dict().items())
    port = keras.saving.load_model("net.keras")
    np.testing.assert_array_equal(port.get_layer("token").value, model.token.detach())


@pytest.mark.slow
def test_constants_that_float32_rounds_in_a_file_are_no_fault(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writing = porting.write(f"{MODULE}:Rotated", "net.py", inputs=["9,6"])
    assert writing.report.verdict is Status.PASS


@pytest.mark.slow
def test_weights_that_are_computed_of_others_are_held_as_they_are_computed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writing = porting.write(f"{MODULE}:Normalised", "net.py", inputs=["4,9"])
    assert writing.report.verdict is Status.PASS
    assert "layers.Conv1D(6, 3, groups=2" in writing.model.text


class Positioned(nn.Module):
    """A table that is a plain attribute, which torch neither saves nor casts."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(12))
        rates = 1 / 100 ** (torch.arange(12) / 11)
        self.positions = (torch.arange(10)[:, None] * rates).sin()

    def forward(self, x):
        return (x + self.positions.to(x.dtype)) * self.scale


def test_tables_that_are_plain_attributes_are_said_as_the_model_computes_them(tmp_path):
    written = porting.write(Positioned, tmp_path / "positioned.py", inputs=["10,12"])
    assert written.report.verdict is Status.PASS, written.report
    assert "ops.arange(10" in written.model.text
