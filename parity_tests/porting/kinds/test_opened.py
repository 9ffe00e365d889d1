"""Layers of the reference that the port has as variables of a layer of its own."""

from dataclasses import replace

import keras
import pytest
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export, verify
from porting.errors import LayerCountError, PairError

own = keras.saving.register_keras_serializable("opened")


@own
class Product(layers.Layer):
    """A product with a matrix that lies as Keras has it, or as torch does."""

    def __init__(self, units, *, lies="keras", **settings):
        super().__init__(**settings)
        self.units, self.lies = units, lies

    def build(self, shape):
        sizes = (shape[-1], self.units) if self.lies == "keras" else (self.units, shape[-1])
        self.w, self.b = self.add_weight(shape=sizes, name="w"), self.add_weight(shape=(self.units,), name="b")
        self.built = True

    def call(self, x):
        return ops.matmul(x, self.w if self.lies == "keras" else ops.transpose(self.w)) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units, "lies": self.lies}


@own
class Centre(layers.Layer):
    """A normalisation by hand."""

    def __init__(self, epsilon=1e-5, **settings):
        super().__init__(**settings)
        self.epsilon = epsilon

    def build(self, shape):
        self.scale, self.shift = (self.add_weight(shape=shape[-1:], name=name) for name in ("scale", "shift"))
        self.built = True

    def call(self, x):
        spread = ops.sqrt(ops.var(x, -1, keepdims=True) + self.epsilon)
        return (x - ops.mean(x, -1, keepdims=True)) / spread * self.scale + self.shift

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


class Scored(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, size), nn.LayerNorm(size), nn.Linear(size, 4)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x))))


def scored(size, lies="keras", epsilon=1e-5, activation=ops.relu):
    def build():
        x = keras.Input((4,))
        return keras.Model(x, Product(4, lies=lies)(activation(Centre(epsilon)(Product(size, lies=lies)(x)))))

    return ModelPair(name="scored", reference=lambda: Scored(size), port=build, input_shapes=((4,),))


def passes_and_comes_back(pair, tmp_path):
    path = saved(pair.reference(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS, report.parts
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())
    return report


@pytest.mark.parametrize("lies", ["keras", "torch"])
@pytest.mark.parametrize("size", [6, 4], ids=["oblong", "square"])
def test_variables_of_a_layer_of_ones_own_pass_and_come_back(size, lies, tmp_path):
    report = passes_and_comes_back(scored(size, lies), tmp_path)
    (pattern,) = {held.pattern for held in report.plan.transfers if held.reference == "first.weight"}
    assert pattern == ("unit feature -> feature unit" if lies == "keras" else "unit feature -> unit feature")


@pytest.mark.parametrize(
    ("settings", "cause"),
    [({"epsilon": 1e-3}, "another epsilon"), ({"activation": ops.tanh}, "activation of another kind")],
)
def test_a_fault_between_such_variables_is_named(settings, cause, tmp_path):
    pair = scored(6, **settings)
    report = convert(saved(Scored(6), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [(held.reference, [cause.name for cause in held.causes]) for held in report.divergences] == [
        ("output", [cause])
    ]


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x):
        query, key, value = (layer(x).unflatten(-1, (2, 4)) for layer in (self.q, self.k, self.v))
        weights = (torch.einsum("bihd,bjhd->bhij", query, key) / 2).softmax(-1)
        return self.out(torch.einsum("bhij,bjhd->bihd", weights, value).flatten(-2))


@own
class Heads(layers.Layer):
    """Attention whose kernels have an axis for the heads."""

    def __init__(self, scale=2.0, **settings):
        super().__init__(**settings)
        self.scale = scale

    def build(self, shape):
        shapes = {"q": ((8, 2, 4), (2, 4)), "k": ((8, 2, 4), (2, 4)), "v": ((8, 2, 4), (2, 4)), "o": ((2, 4, 8), (8,))}
        self.kernels = {name: self.add_weight(shape=kernel, name=f"w{name}") for name, (kernel, _) in shapes.items()}
        self.biases = {name: self.add_weight(shape=bias, name=f"b{name}") for name, (_, bias) in shapes.items()}
        self.built = True

    def call(self, x):
        query, key, value = (ops.einsum("btf,fhd->bthd", x, self.kernels[at]) + self.biases[at] for at in "qkv")
        weights = ops.softmax(ops.einsum("bihd,bjhd->bhij", query, key) / self.scale)
        seen = ops.einsum("bhij,bjhd->bihd", weights, value)
        return ops.einsum("bthd,hdf->btf", seen, self.kernels["o"]) + self.biases["o"]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def attending(scale=2.0, **fields):
    def build():
        x = keras.Input((5, 8))
        return keras.Model(x, Heads(scale)(x))

    return ModelPair(name="heads", reference=Attending, port=build, input_shapes=((5, 8),), **fields)


@pytest.mark.parametrize("opens", [(), ("*",)], ids=["unasked", "asked"])
def test_attention_by_einsum_passes_and_comes_back(opens, tmp_path):
    report = passes_and_comes_back(attending(opens=opens), tmp_path)
    (pattern,) = {held.pattern for held in report.plan.transfers if held.reference == "out.weight"}
    assert pattern == "unit (feature_0=2 feature_1=4) -> feature_0 feature_1 unit"


def test_a_fault_in_attention_by_einsum_is_named_though_nothing_tells_its_kernels_apart(tmp_path):
    pair = attending(1.0)
    report = convert(saved(Attending(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [cause.name for held in report.divergences for cause in held.causes] == ["scale missing"]
    assert any("nothing decides these partners" in line for line in report.transfer.lines)


class Deep(nn.Module):
    """More layers of one size than are tried in every order."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(5))

    def forward(self, x):
        for layer in self.layers:
            x = x + torch.tanh(layer(x))
        return x


def deep(activation=ops.tanh):
    def build():
        x = hidden = keras.Input((4,))
        for _ in range(5):
            hidden = hidden + activation(Product(4)(hidden))
        return keras.Model(x, hidden)

    return ModelPair(name="deep", reference=Deep, port=build, input_shapes=((4,),))


def test_many_variables_of_one_size_are_proven_in_their_order(tmp_path):
    passes_and_comes_back(deep(), tmp_path)


def test_many_variables_of_one_size_are_told_where_nothing_proves_their_order(tmp_path):
    with pytest.raises(LayerCountError, match=r'opens=\("layers\.0", "layers\.1"'):
        convert(saved(Deep(), tmp_path), tmp_path / "port", pair=deep(ops.softsign))


class Called(nn.Module):
    """A product with a matrix of the model's own, once turned."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return nn.functional.linear(torch.tanh(nn.functional.linear(x, self.w, self.b)), self.w.t())


@own
class Twice(Product):
    def call(self, x):
        return ops.matmul(ops.tanh(super().call(x)), ops.transpose(self.w))


def test_a_matrix_that_functions_are_called_with_is_opened_by_its_name(tmp_path):
    def build():
        x = keras.Input((4,))
        return keras.Model(x, Twice(3)(x))

    pair = ModelPair(name="called", reference=Called, port=build, input_shapes=((4,),), opens=("w",))
    passes_and_comes_back(replace(pair, axes={"w": "unit feature -> feature unit"}), tmp_path)


def test_layers_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(PairError, match=r"opens names layers that the reference does not have: attn"):
        convert(saved(Attending(), tmp_path), tmp_path / "port", pair=attending(opens=("attn",)))
