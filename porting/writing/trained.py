"""Weights as if trained, for models that are built without any download."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

NORMALISED = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")


def randomise(module: "nn.Module", seed: int = 0, only: Collection[str] | None = None) -> "nn.Module":
    """Give every tensor values of a trained one's scale: nothing zero, no scale one, no activation that explodes.

    Where names are given, only to the tensors that the module saves under them.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path, owner in module.named_modules():
            for name, tensor in (*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)):
                is_wanted = only is None or f"{path}.{name}".lstrip(".") in only
                if is_wanted and tensor.numel() and tensor.is_floating_point() and not _is_computed(name, owner):
                    _fill(tensor, name, owner, generator)
    return module


def _is_computed(name: str, owner: "nn.Module") -> bool:
    """Whether a tensor is a buffer that training leaves as the model makes it: in no checkpoint, or a mask."""
    held = owner._buffers.get(name)
    return held is not None and (name in owner._non_persistent_buffers_set or bool(held.isinf().any()))


def _fill(tensor: "torch.Tensor", name: str, owner: "nn.Module", generator: "torch.Generator") -> None:
    from torch import nn

    is_positive = bool((tensor > 0).all())
    normalises = any(word in kind.__name__ for kind in type(owner).__mro__ for word in NORMALISED)
    tensor.normal_(0, 0.3, generator=generator)
    stays = name in owner._buffers or not tensor.requires_grad
    if name == "running_var" or (name == "weight" and normalises) or (is_positive and stays):
        tensor.abs_().add_(0.7)
    elif tensor.ndim > 1 and not isinstance(owner, nn.Embedding):
        tensor.mul_(4 / tensor[0].numel() ** 0.5)


def settle(module: "nn.Module", inputs: "Sequence[torch.Tensor]", names: Sequence[str] = ()) -> "nn.Module":
    """Let every BatchNorm's statistics be those of what it is given, as training does."""
    import torch

    norms = [norm for norm in module.modules() if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train().momentum = 1.0
    with torch.no_grad():
        by_place = len(inputs) - len(names)
        module(*inputs[:by_place], **dict(zip(names, inputs[by_place:], strict=True)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval().momentum = momentum
        if norm.running_mean is not None and norm.running_var is not None:
            norm.running_mean.mul_(1.05).add_(0.02)
            norm.running_var.mul_(1.1).add_(0.01)
    return module
