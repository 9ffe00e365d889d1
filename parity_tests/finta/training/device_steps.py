"""Take a few steps on one device, then on two, and print what came of each as JSON; run by test_devices."""

import json
import sys
from contextlib import nullcontext
from dataclasses import replace

import keras
import numpy as np

from finta.devices import ONE
from finta.recipe import ORIGINAL, SGD, SIMPLE, Triplet
from keras_model.training.devices import all_devices
from keras_model.training.trainer import build_trainer
from porting.port import side as keras_side

RECIPES = {
    "contrastive": replace(ORIGINAL, batch_size=8, steps_per_epoch=4, clip_norm=1e3),
    "triplet": replace(ORIGINAL, batch_size=12, steps_per_epoch=4, latent=Triplet(margin=1.0), clip_value=1.0),
    "mean": replace(SIMPLE, batch_size=8, reduction="mean", optimiser=SGD(momentum=0.9), clip_norm=8.0),
}


def main(name: str, precision: str) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        (processor,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    recipe = RECIPES[name]
    with keras_side.precision(precision) if precision == "float64" else nullcontext():
        for devices in (nullcontext(ONE), all_devices()):
            with devices as found:
                trainer = build_trainer(recipe, latent_size=4, point_count=64, precision=precision)
                sys.stdout.write(json.dumps({"devices": found.count, **figures(trainer, recipe.batch_size)}) + "\n")


def figures(trainer, size: int) -> dict[str, list[float]]:
    """By step, and in the end; the last batch cannot be shared."""
    walks = np.random.default_rng(0).normal(0, 3, (3, size, 64, 3)).cumsum(axis=2).astype(np.float32)
    left = size // 2 if trainer.groups > 1 else size - 1
    left = left if left % (2 * trainer.groups) else left // 2
    given = [*walks[:2], walks[2][:left]]
    taken = [trainer.step(batch) for batch in given]
    seen = [trainer.evaluate(batch) for batch in given[1:]]
    return {
        **{f"step {number}": [*step.losses.values(), step.gradient_norm] for number, step in enumerate(taken)},
        "evaluation": [value for one in seen for value in (*one.losses.values(), *one.distances)],
        "weights": [weighed(array) for _, array in sorted(trainer.state().items())],
    }


def weighed(array: np.ndarray) -> float:
    """A sum that tells values, their signs and their places apart, of numbers that do not cancel."""
    return float(np.sqrt(np.sum(np.square(array * np.random.default_rng(1).uniform(0.5, 1.5, array.shape) + 1.0))))


main(*sys.argv[1:])
