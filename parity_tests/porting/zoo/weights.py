"""Weights as if trained, for models that nobody trained."""

from pathlib import Path

import torch
from torch import nn

SCALES = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every tensor values as if trained: nothing zero, nothing one, and activations that keep their size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, tensor in (*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)):
                if not tensor.is_floating_point():
                    continue
                tensor.normal_(0, 0.5, generator=generator)
                if name == "running_var" or (name == "weight" and isinstance(owner, SCALES)):
                    tensor.abs_().add_(0.5)
                elif tensor.ndim > 1 and not isinstance(owner, nn.Embedding):
                    tensor.mul_(3 / tensor[0].numel() ** 0.5)
    return module


def saved(reference: nn.Module, folder: Path) -> Path:
    """Write a model's state dict with such weights."""
    torch.save(randomise(reference).state_dict(), folder / "model.pt")
    return folder / "model.pt"
