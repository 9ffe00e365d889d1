import keras
import numpy as np
import pytest

from finta.recipe import ORIGINAL, SIMPLE
from keras_model import OneCycle, TorchAdam, TorchAdamW, TorchSGD, build_optimiser
from parity_tests.keras_model.trajectories import RECIPES, SHAPES, draw, greatest_error, of_keras, of_torch


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_parameter_is_torchs_after_every_step(recipe):
    assert greatest_error(of_keras(build_optimiser(recipe)), of_torch(recipe)) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_in_float32_it_is_torchs_up_to_rounding(recipe):
    ours = of_keras(build_optimiser(recipe), "float32")
    assert greatest_error(ours, of_torch(recipe, "float32")) <= 2e-6


@pytest.mark.parametrize(
    ("recipe", "optimiser"),
    [
        ("simple", keras.optimizers.Adam(6.68e-4, weight_decay=0.13, epsilon=1e-8)),
        ("AdamW", keras.optimizers.AdamW(6.68e-4, weight_decay=0.01, epsilon=1e-8)),
        ("original", TorchAdam(OneCycle(1e-3, 60, cycle_momentum=False), weight_decay=0.13)),
        ("original, norm clipped", keras.optimizers.Adam(OneCycle(1e-3, 60), global_clipnorm=0.5, epsilon=1e-8)),
    ],
)
def test_the_comparison_sees_what_keras_own_optimisers_do_otherwise(recipe, optimiser):
    assert greatest_error(of_keras(optimiser), of_torch(RECIPES[recipe])) > 1e-6


OPTIMISERS = [
    TorchAdam(0.01, 0.8, 0.99, 1e-6, 0.13, global_clipnorm=2.0, name="adam"),
    TorchAdamW(OneCycle(0.01, 60, three_phase=True), weight_decay=0.2, clipvalue=0.3, name="adamw"),
    TorchSGD(0.01, 0.9, weight_decay=0.1, nesterov=True, name="sgd"),
    TorchSGD(OneCycle(0.01, 60), 0.9, 0.1, loss_scale_factor=8.0, name="dampened"),
]


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=lambda optimiser: optimiser.name)
def test_optimisers_are_registered_and_come_back_as_they_were(optimiser):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimiser))
    assert type(again) is type(optimiser)
    assert again.get_config() == optimiser.get_config()
    assert greatest_error(of_keras(again), of_keras(type(optimiser).from_config(optimiser.get_config()))) == 0


def test_the_learning_rate_is_a_float_that_can_be_set_or_a_schedule():
    optimiser = TorchAdam(6.68e-4)
    assert float(optimiser.learning_rate) == 6.68e-4
    optimiser.learning_rate = 0.1
    assert float(optimiser.learning_rate) == 0.1
    assert [variable.name for variable in optimiser.variables] == ["iteration", "learning_rate"]


def test_the_momentum_of_the_next_step_is_known():
    optimiser = build_optimiser(ORIGINAL)
    assert float(optimiser.current_momentum()) == pytest.approx(0.95, rel=1e-15)
    optimiser.iterations.assign(89)
    assert float(optimiser.current_momentum()) == pytest.approx(0.85, rel=1e-15)
    assert build_optimiser(SIMPLE).current_momentum() == 0.9
    assert TorchSGD(momentum=0.7).current_momentum() == 0.7


def test_some_variables_can_be_spared_the_decay():
    variables = [keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias")]
    optimiser = TorchSGD(0.1, weight_decay=0.5)
    optimiser.exclude_from_weight_decay(var_names=["bias"])
    optimiser.apply_gradients([(keras.ops.zeros(2), variable) for variable in variables])
    assert [float(variable[0]) for variable in variables] == pytest.approx([0.95, 1.0])


def test_moments_are_named_as_torch_names_them_and_in_the_order_of_the_variables():
    values, gradients = draw()
    variables = [keras.Variable(value, dtype="float64") for value in values]
    adam, sgd = TorchAdam(beta_1=0.5, beta_2=0.75), TorchSGD(momentum=0.9)
    for optimiser in (adam, sgd):
        optimiser.apply_gradients(zip(gradients[0], variables, strict=True))
    for number, gradient in enumerate(gradients[0]):
        assert np.array_equal(adam.exp_avg[number], gradient / 2)
        np.testing.assert_allclose(adam.exp_avg_sq[number], gradient**2 / 4, rtol=1e-15)
        assert np.array_equal(sgd.momentum_buffer[number], gradient)
    assert [tuple(moment.shape) for moment in adam.exp_avg] == list(SHAPES)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: TorchAdam(weight_decay=-1.0), "weight_decay=-1.0"),
        (lambda: TorchAdam(beta_2=1.0), "beta=1.0"),
        (lambda: TorchSGD(momentum=-0.1), "momentum=-0.1"),
        (lambda: TorchSGD(nesterov=True), "nesterov: needs a momentum"),
        (lambda: TorchSGD(momentum=0.9, dampening=0.1, nesterov=True), "nesterov: needs a momentum and no dampening"),
        (lambda: TorchAdam(global_clipnorm=1.0, clipvalue=1.0), "Only one of"),
    ],
)
def test_settings_that_torch_refuses_are_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()
