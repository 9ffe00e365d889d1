"""What moves between these optimisers and PyTorch's: their settings under its names, and what they carry."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_model.optimisers.adam import TorchAdam, TorchAdamW
from keras_model.optimisers.sgd import TorchSGD
from keras_model.optimisers.stepping import TorchOptimizer, as_number
from porting.jobs.optimisers.states import OptimiserState
from porting.port.side import array_of

SLOTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")
"""What the optimisers keep for each variable, under PyTorch's names."""


def from_torch_settings(settings: Mapping[str, Any]) -> TorchAdam | TorchSGD:
    """Build the twin of PyTorch's optimiser.

    Parameters
    ----------
    settings : Mapping
        Of a group of parameters in ``torch.optim.Optimizer.state_dict()``.

    Raises
    ------
    ValueError
        If it is none of Adam, AdamW and SGD, or has a setting that these have not: amsgrad, maximize.
    """
    if others := [name for name in ("amsgrad", "maximize") if settings.get(name)]:
        raise ValueError(f"{', '.join(others)}: TorchAdam and TorchSGD have no such setting")
    shared: dict[str, Any] = {"learning_rate": float(settings["lr"]), "weight_decay": float(settings["weight_decay"])}
    if "betas" in settings:
        kind = TorchAdamW if settings.get("decoupled_weight_decay") else TorchAdam
        first, second = settings["betas"]
        return kind(beta_1=float(first), beta_2=float(second), epsilon=settings["eps"], **shared)
    if "nesterov" in settings:
        return TorchSGD(**{name: settings[name] for name in ("momentum", "dampening", "nesterov")}, **shared)
    raise ValueError(f"it is neither Adam, AdamW nor SGD: its settings are {', '.join(settings)}")


def torch_settings(optimiser: keras.optimizers.Optimizer) -> dict[str, Any]:
    """The settings of an optimiser's twin in PyTorch, under its names.

    Raises
    ------
    ValueError
        If it is none of `TorchAdam`, `TorchAdamW` and `TorchSGD`.
    """
    if not isinstance(optimiser, TorchOptimizer):
        raise ValueError(f"{type(optimiser).__name__} steps otherwise than PyTorch's optimisers; TorchAdam does not")
    return optimiser.torch_settings()


def carried(optimiser: keras.optimizers.Optimizer, model: keras.Model) -> OptimiserState:
    """What an optimiser carries to the next step of a model; parameters by the paths of their variables.

    Raises
    ------
    ValueError
        If it is none of `TorchAdam`, `TorchAdamW` and `TorchSGD`.
    """
    stepping: Any = getattr(optimiser, "inner_optimizer", optimiser)  # of one that scales losses
    settings, paths = torch_settings(stepping), [variable.path for variable in model.trainable_variables]
    slots = {
        slot: {path: array_of(variable) for path, variable in zip(paths, held, strict=True)}
        for slot in SLOTS
        if (held := getattr(stepping, slot, ()))
    }
    return OptimiserState(int(as_number(stepping.iterations)), slots, settings)
