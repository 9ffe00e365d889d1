"""The FINTA autoencoder in Keras 3 and its training recipe, on any backend; importing it registers all its classes."""

from keras_model.autoencoder import Autoencoder, build_autoencoder, read_sizes
from keras_model.initialisation import initialise
from keras_model.initialisers import KaimingNormal, KaimingUniform, TorchNormal, TorchUniform
from keras_model.layers import LinearUpsampling1D, ReflectionPadding1D
from keras_model.loading import load_autoencoder
from keras_model.losses import Contrastive, MeanSquaredError, Objective, SumSquaredError, Triplet
from keras_model.optimisers.adam import TorchAdam, TorchAdamW
from keras_model.optimisers.schedules import CosineAnnealing, OneCycle, StepDecay
from keras_model.optimisers.sgd import TorchSGD
from keras_model.training.recipe import build_loss, build_optimiser
from keras_model.training.trainee import Trainee

__all__ = [
    "Autoencoder",
    "Contrastive",
    "CosineAnnealing",
    "KaimingNormal",
    "KaimingUniform",
    "LinearUpsampling1D",
    "MeanSquaredError",
    "Objective",
    "OneCycle",
    "ReflectionPadding1D",
    "StepDecay",
    "SumSquaredError",
    "TorchAdam",
    "TorchAdamW",
    "TorchNormal",
    "TorchSGD",
    "TorchUniform",
    "Trainee",
    "Triplet",
    "build_autoencoder",
    "build_loss",
    "build_optimiser",
    "initialise",
    "load_autoencoder",
    "read_sizes",
]
