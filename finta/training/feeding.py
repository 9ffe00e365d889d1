"""What a run trains and validates on, as its recipe says."""

from dataclasses import replace

from finta.recipe import Contrastive, Recipe, Triplet
from finta.training.configurations import Configuration
from tractography.batches import sampling
from tractography.batches.feeds import BatchFeed
from tractography.batches.sources import BatchSource


def sampling_of(recipe: Recipe) -> sampling.Sampling:
    """How a recipe draws its batches."""
    size, flip = recipe.batch_size, recipe.flip_probability
    if isinstance(recipe.latent, Contrastive):
        return sampling.Contrastive(size // recipe.latent.groups, flip)
    if isinstance(recipe.latent, Triplet):
        return sampling.Triplet(size // recipe.latent.groups, flip)
    return sampling.Balanced(size, flip) if recipe.steps_per_epoch else sampling.Shuffled(size, flip)


def feeds_of(configuration: Configuration, source: BatchSource) -> tuple[BatchFeed, BatchFeed]:
    """The batches to train on, and those to validate on: drawn alike, without flips, or the whole split in order."""
    recipe = configuration.recipe
    training = BatchFeed(source, "train", sampling_of(recipe), seed=recipe.seed, steps_per_epoch=recipe.steps_per_epoch)
    if recipe.latent is None:
        return training, BatchFeed(source, "thres", sampling.Ordered(recipe.batch_size))
    alike = sampling_of(replace(recipe, flip_probability=0.0))
    steps = configuration.run.validation_steps or 10
    return training, BatchFeed(source, "thres", alike, seed=recipe.seed, steps_per_epoch=steps)
