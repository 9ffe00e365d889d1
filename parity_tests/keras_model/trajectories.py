"""Optimisers of both frameworks on the same gradients; run as a module, Keras' side of it on any backend."""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from finta.recipe import (
    ORIGINAL,
    SGD,
    SIMPLE,
    Adam,
    Constant,
    CosineAnnealing,
    OneCycle,
    Recipe,
    StepDecay,
    Triplet,
)

SHAPES = ((5, 4), (4,), (3, 2, 6), (6,))
STEPS = 60
EPOCHS = {"epochs": 6, "steps_per_epoch": 10}

RECIPES = {
    "original": replace(ORIGINAL, **EPOCHS),
    "original, norm clipped": replace(ORIGINAL, **EPOCHS, clip_norm=0.5),
    "original, values clipped": replace(ORIGINAL, **EPOCHS, clip_value=0.01),
    "simple": SIMPLE,
    "other betas": replace(SIMPLE, optimiser=Adam((0.0, 0.5), 1e-3, 0.0)),
    "AdamW, one linear cycle of three phases": replace(
        SIMPLE,
        **EPOCHS,
        optimiser=Adam(weight_decay=0.13, decoupled=True),
        schedule=OneCycle(0.01, 0.25, "linear", three_phase=True),
    ),
    "AdamW": replace(SIMPLE, optimiser=Adam(weight_decay=0.01, decoupled=True)),
    "SGD": replace(SIMPLE, optimiser=SGD(weight_decay=0.13)),
    "SGD with momentum": replace(
        SIMPLE, **EPOCHS, optimiser=SGD(0.9, 0.2, weight_decay=0.13), schedule=StepDecay(0.01, 2)
    ),
    "SGD with Nesterov's momentum": replace(
        SIMPLE, **EPOCHS, optimiser=SGD(0.9, nesterov=True), schedule=CosineAnnealing(0.01, 4, 1e-4), clip_norm=1.0
    ),
    "SGD with one cycle": replace(SIMPLE, **EPOCHS, optimiser=SGD(0.9, weight_decay=0.01), schedule=OneCycle(0.01)),
    "greater rate": replace(SIMPLE, schedule=Constant(0.05)),
}

ON_BACKENDS = ("original", "original, values clipped", "AdamW", "SGD with one cycle", "SGD with Nesterov's momentum")

LOSSES = {
    "sum and contrastive": ORIGINAL,
    "sum and triplet": replace(SIMPLE, latent=Triplet(2.0), batch_size=12),
    "mean and cosine triplet": replace(SIMPLE, latent=Triplet(0.5, "cosine"), batch_size=12, reduction="mean"),
}


def draw(dtype: str = "float64") -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """First values, and the gradients of each step, from 1e-9 to 10: where epsilon counts and where it does not."""
    generator = np.random.default_rng(8)
    values = [(0.02 * generator.standard_normal(shape)).astype(dtype) for shape in SHAPES]
    sizes = 10 ** generator.uniform(-9, 1, (STEPS, len(SHAPES)))
    gradients = [
        [(size * generator.standard_normal(shape)).astype(dtype) for size, shape in zip(row, SHAPES, strict=True)]
        for row in sizes
    ]
    return values, gradients


def of_keras(optimiser: keras.optimizers.Optimizer, dtype: str = "float64") -> list[list[np.ndarray]]:
    """The values after each step."""
    values, gradients = draw(dtype)
    variables = [keras.Variable(value, dtype=dtype, name=f"v{number}") for number, value in enumerate(values)]
    taken = []
    for row in gradients:
        given = [keras.ops.convert_to_tensor(gradient, dtype) for gradient in row]
        optimiser.apply_gradients(zip(given, variables, strict=True))
        taken.append([np.array(keras.ops.convert_to_numpy(variable)) for variable in variables])
    return taken


def of_torch(recipe: Recipe, dtype: str = "float64") -> list[list[np.ndarray]]:
    """The values after each step."""
    import torch

    from reference_torch.recipe import build_optimiser, build_scheduler, clip_gradients

    values, gradients = draw(dtype)
    parameters = [torch.nn.Parameter(torch.from_numpy(value.copy())) for value in values]
    optimiser = build_optimiser(recipe, parameters)
    scheduler = build_scheduler(recipe, optimiser)
    taken = []
    for step, row in enumerate(gradients, start=1):
        for parameter, gradient in zip(parameters, row, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        clip_gradients(recipe, parameters)
        optimiser.step()
        if scheduler and (recipe.is_stepped_per_batch or step % recipe.count_steps_per_epoch() == 0):
            scheduler.step()
        taken.append([parameter.detach().numpy().copy() for parameter in parameters])
    return taken


def greatest_error(ours: list[list[np.ndarray]], theirs: list[list[np.ndarray]]) -> float:
    """Of all parameters after all steps, each relative to the greatest value of its parameter."""
    assert len(ours) == len(theirs) == STEPS
    return max(
        float(np.abs(one - other).max() / np.abs(other).max())
        for row, other_row in zip(ours, theirs, strict=True)
        for one, other in zip(row, other_row, strict=True)
    )


def once_as_a_pure_function(recipe: Recipe, dtype: str) -> np.ndarray:
    """The first variable after a compiled `stateless_apply`; what TensorFlow does not have."""
    from keras_model import build_optimiser

    values, gradients = draw(dtype)
    variables = [keras.Variable(value, dtype=dtype) for value in values]
    optimiser = build_optimiser(recipe)
    optimiser.build(variables)
    step = optimiser.stateless_apply
    if keras.backend.backend() == "jax":
        import jax

        step = jax.jit(step)
    given = [keras.ops.convert_to_tensor(gradient, dtype) for gradient in gradients[0]]
    taken, _ = step([variable.value for variable in optimiser.variables], given, [v.value for v in variables])
    return keras.ops.convert_to_numpy(taken[0])


def losses_of_a_fit(recipe: Recipe) -> np.ndarray:
    """The loss of each epoch."""
    from keras_model import Trainee, build_autoencoder, build_loss, build_optimiser, initialise

    trainee = Trainee(build_autoencoder(4, 64), build_loss(recipe))
    initialise(trainee, recipe.seed)
    trainee.compile(build_optimiser(recipe))
    streamlines = 50 * np.random.default_rng(0).standard_normal((16, 64, 3)).astype("float32")
    history = trainee.fit(streamlines, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    return np.array(history["loss"])


def main(path: Path) -> None:
    """Write what this process' backend gives: trajectories, initial weights, losses, a pure step, a fit."""
    from keras_model import build_autoencoder, build_loss, build_optimiser, initialise

    dtype = keras.backend.standardize_dtype(keras.ops.convert_to_tensor(np.zeros(1)).dtype)
    found = {}
    for name in ON_BACKENDS:
        for step, row in enumerate(of_keras(build_optimiser(RECIPES[name]), dtype)):
            found |= {f"{name}/{step}/{number}": value for number, value in enumerate(row)}
    model = build_autoencoder(4, 64)
    initialise(model, 5)
    found |= {f"weights/{variable.path}": keras.ops.convert_to_numpy(variable) for variable in model.weights}
    generator = np.random.default_rng(0)
    codes, streamlines, reconstructions = (generator.standard_normal((12, *shape)) for shape in ((4,), (8, 3), (8, 3)))
    for name, recipe in LOSSES.items():
        parts = build_loss(recipe).parts(*map(keras.ops.convert_to_tensor, (streamlines, reconstructions, codes)))
        found |= {f"{name}/{part}": keras.ops.convert_to_numpy(value) for part, value in parts.items()}
    if keras.backend.backend() != "tensorflow":
        found["pure"] = once_as_a_pure_function(RECIPES["original"], dtype)
    found["fit/loss"] = losses_of_a_fit(replace(RECIPES["original"], clip_norm=1e6))
    np.savez(path, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
