import math

import keras
import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest

from keras_model import KaimingNormal, KaimingUniform, TorchNormal, TorchUniform, build_autoencoder, initialise
from keras_model.initialisers import calculate_gain
from reference_torch import Autoencoder

P_LIMIT = 1e-4
"""Of a hundred right samples, one in a hundred times one is refused."""


def values(model):
    return {variable.path: keras.ops.convert_to_numpy(variable).ravel() for variable in model.weights}


def torch_name(path):
    layer, kind = path.split("/")
    weight = {"kernel": "weight", "bias": "bias"}[kind]
    return f"{layer}.{weight}" if layer.startswith("fc") else f"{layer}.1.{weight}"


def bound_of(reference, name):
    weight = reference.state_dict()[name.replace("bias", "weight")]
    return np.float32(1 / math.sqrt(weight[0].numel()))


def thinned(sample, seed, count=500):
    """Evenly spaced values, other ones for each seed."""
    stride = max(1, len(sample) // count)
    return sample[seed % stride :: stride]


def compare(latent_size, point_count, seeds):
    """Draw both models afresh for each seed; hold distribution and bounds of each variable against torch's."""
    model, reference = build_autoencoder(latent_size, point_count), Autoencoder(latent_size, point_count)
    ours = {path: [] for path in values(model)}
    theirs = {path: [] for path in ours}
    for seed in range(seeds):
        initialise(model, seed)
        torch.manual_seed(seed)
        for module in reference.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        drawn = values(model)
        state = {name: tensor.numpy().copy() for name, tensor in reference.state_dict().items()}
        for path, sample in drawn.items():
            name = torch_name(path)
            assert max(np.abs(sample).max(), np.abs(state[name]).max()) <= bound_of(reference, name), path
            ours[path].append(thinned(sample, seed))
            theirs[path].append(thinned(state[name].ravel(), seed))
    for path, samples in ours.items():
        pooled, other = np.concatenate(samples), np.concatenate(theirs[path])
        bound = bound_of(reference, torch_name(path))
        assert ks_2samp(pooled, other).pvalue > P_LIMIT, path
        assert kstest(pooled / bound, "uniform", (-1, 2)).pvalue > P_LIMIT, path
        assert np.abs(pooled).max() > bound * (1 - 10 / len(pooled)), path


def test_each_variable_is_distributed_as_torchs_at_the_smallest_size():
    compare(latent_size=4, point_count=64, seeds=8)


@pytest.mark.slow
def test_each_variable_is_distributed_as_torchs_over_a_hundred_seeds():
    compare(latent_size=32, point_count=256, seeds=100)


def test_no_two_variables_share_numbers_and_no_two_seeds():
    model = build_autoencoder(4, 64)
    samples = []
    for seed in range(3):
        initialise(model, seed)
        samples += [array / np.abs(array).max() for array in values(model).values()]
    first = [sample[:3] for sample in samples]
    scaled = np.concatenate([sample / sample[0] for sample in first if len(sample) == 3])
    assert len(np.unique(np.delete(scaled, slice(0, None, 3)))) == 2 * len(first)


def test_two_layers_of_one_name_do_not_share_numbers():
    streamlines = keras.Input((3,))
    halves = [keras.Sequential([keras.layers.Dense(3, name="same")]) for _ in range(2)]
    model = keras.Model(streamlines, halves[1](halves[0](streamlines)))
    initialise(model, 0)
    kernels = [np.asarray(half.layers[0].kernel) for half in halves]
    assert halves[0].layers[0].name == halves[1].layers[0].name
    assert not np.intersect1d(*kernels).size


def test_the_same_seed_gives_the_same_numbers_in_any_dtype():
    single, double = build_autoencoder(4, 64), build_autoencoder(4, 64, dtype="float64")
    for model in (single, double):
        initialise(model, 7)
    for path, sample in values(double).items():
        assert np.array_equal(values(single)[path], sample.astype("float32"))


COUNTERPARTS = [
    (keras.layers.Conv2D(8, (3, 5), groups=2), (9, 9, 4), torch.nn.Conv2d(4, 8, (3, 5), groups=2)),
    (keras.layers.Conv1DTranspose(5, 4), (9, 3), torch.nn.ConvTranspose1d(3, 5, 4)),
    (keras.layers.Conv3D(4, 2), (5, 5, 5, 3), torch.nn.Conv3d(3, 4, 2)),
    (keras.layers.DepthwiseConv1D(3, depth_multiplier=4), (9, 6), torch.nn.Conv1d(6, 24, 3, groups=6)),
    (keras.layers.Dense(7), (11,), torch.nn.Linear(11, 7)),
]


@pytest.mark.parametrize(("layer", "shape", "counterpart"), COUNTERPARTS, ids=lambda part: type(part).__name__)
def test_other_layers_have_torchs_bounds(layer, shape, counterpart):
    model = keras.Sequential([keras.Input(shape), layer])
    ours, theirs = ([], []), ([], [])
    for seed in range(200):
        initialise(model, seed)
        counterpart.reset_parameters()
        for drawn, tensor in zip((*ours, *theirs), (*layer.weights, *counterpart.parameters()), strict=True):
            drawn.append(np.abs(tensor.detach().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)).max())
    for drawn, expected in zip(ours, theirs, strict=True):
        assert max(drawn) == pytest.approx(max(expected), rel=0.01)


def test_normalisations_embeddings_and_prelu_begin_as_torchs():
    tokens = keras.Input((4,), dtype="int32")
    kinds = [keras.layers.BatchNormalization(), keras.layers.LayerNormalization(), keras.layers.PReLU()]
    activation = keras.layers.Embedding(2000, 3)(tokens)
    for layer in kinds:
        activation = layer(activation)
    model = keras.Model(tokens, activation)
    for variable in model.weights:
        variable.assign(keras.ops.full(variable.shape, 9.0))
    initialise(model, 1)
    expected = {"gamma": 1, "beta": 0, "moving_mean": 0, "moving_variance": 1, "alpha": 0.25}
    for layer in kinds:
        for variable in layer.weights:
            assert np.all(np.asarray(variable) == expected[variable.name]), variable.path
    assert kstest(np.asarray(model.weights[0]).ravel(), "norm").pvalue > P_LIMIT


def test_a_layer_without_a_known_default_is_refused_and_nothing_has_changed():
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(2, name="first"), keras.layers.LSTM(2)])
    before = np.array(model.layers[0].kernel)
    with pytest.raises(ValueError, match="no initialisation known for .*lstm_cell/kernel"):
        initialise(model, 0)
    assert np.array_equal(model.layers[0].kernel, before)


@pytest.mark.parametrize("nonlinearity", ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu"])
def test_gains_are_torchs(nonlinearity):
    assert calculate_gain(nonlinearity) == torch.nn.init.calculate_gain(nonlinearity)
    assert calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(("nonlinearity", "slope"), [("leaky_relu", 0.0), ("leaky_relu", 0.2), ("tanh", 0.0)])
def test_kaimings_are_torchs(mode, nonlinearity, slope):
    shape, turned = (3, 40, 60), (60, 40, 3)
    torch.manual_seed(0)
    uniform, normal = torch.empty(turned), torch.empty(turned)
    torch.nn.init.kaiming_uniform_(uniform, slope, mode, nonlinearity)
    torch.nn.init.kaiming_normal_(normal, slope, mode, nonlinearity)
    for initialiser, expected in ((KaimingUniform, uniform), (KaimingNormal, normal)):
        drawn = np.asarray(initialiser(nonlinearity, slope, mode, seed=1)(shape)).ravel()
        assert ks_2samp(drawn, expected.numpy().ravel()).pvalue > P_LIMIT
    assert np.abs(KaimingUniform(nonlinearity, slope, mode)(shape)).max() == pytest.approx(
        uniform.abs().max().item(), rel=1e-3
    )


@pytest.mark.parametrize("initialiser", [TorchUniform(12, 3), TorchNormal(3), KaimingUniform("tanh", seed=3)])
def test_initialisers_come_back_with_their_layer(initialiser):
    layer = keras.layers.Dense(2, kernel_initializer=initialiser, bias_initializer=TorchUniform(3, seed=9))
    again = keras.layers.Dense.from_config(layer.get_config())
    for copy in (layer, again):
        copy.build((None, 3))
    assert np.array_equal(layer.kernel, again.kernel)
    assert np.array_equal(layer.bias, again.bias)


def test_what_cannot_be_known_is_asked_for():
    with pytest.raises(ValueError, match=r"shape \(4,\) does not say its layer's fan_in"):
        TorchUniform()((4,))
    with pytest.raises(ValueError, match="no gain for 'gelu'"):
        KaimingNormal("gelu")
    with pytest.raises(ValueError, match="mode='fan_avg'"):
        KaimingNormal(mode="fan_avg")((3, 3))
