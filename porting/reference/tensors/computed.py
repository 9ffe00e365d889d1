"""Weights that a torch module computes from other tensors: weight_norm, spectral_norm, pruning, in old ways and new.

What moves is the computed weight, so the model is given it in the place of what it is computed from.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from porting.errors import PairError

if TYPE_CHECKING:
    import torch

Computed = Mapping[str, tuple[str, ...]]
"""Name of a weight -> the names of the tensors that it is computed from."""


def find_computed(model: "torch.nn.Module") -> Computed:
    """Every weight of a model that is computed from other tensors."""
    return {name: parts for name, parts, _ in _computed(model)}


def settle(model: "torch.nn.Module") -> Computed:
    """Let every computed weight be a parameter with the value that it has in evaluation mode; say which there were."""
    import torch

    found = list(_computed(model))
    model.eval()
    with torch.no_grad():
        for _, _, remove in found:
            remove()
    return {name: parts for name, parts, _ in found}


def check_none(model: "torch.nn.Module") -> None:
    """Refuse to fill a reference whose weights are computed from tensors that a port does not hold.

    Raises
    ------
    PairError
        With all of them.
    """
    if found := find_computed(model):
        lines = [f"  {name} is computed from {' and '.join(parts)}" for name, parts in found.items()]
        raise PairError(
            "A port holds these weights as they were computed, and not what they were computed from:\n"
            + "\n".join(lines)
            + "\nGive the pair a reference that holds them as they are: torch.nn.utils.parametrize."
            "remove_parametrizations, or remove_weight_norm or remove_spectral_norm, as the model is built."
        )


def _computed(model: "torch.nn.Module") -> Iterator[tuple[str, tuple[str, ...], Callable[[], Any]]]:
    for path, module in list(model.named_modules()):
        before = f"{path}." if path else ""
        saved = {name for name, _ in module.named_parameters()} | {name for name, _ in module.named_buffers()}
        for word, prefixes, remove in (*_parametrised(module), *_hooked(module)):
            parts = (before + name for name in sorted(saved) if name.startswith(prefixes))
            yield before + word, tuple(parts), remove


def _parametrised(module: "torch.nn.Module") -> Iterator[tuple[str, tuple[str, ...], Callable[[], Any]]]:
    from torch.nn.utils import parametrize

    if parametrize.is_parametrized(module):
        for word in list(module.parametrizations):  # type: ignore[arg-type]
            remove = _removal(parametrize.remove_parametrizations, module, word)
            yield word, (f"parametrizations.{word}.",), remove


def _hooked(module: "torch.nn.Module") -> Iterator[tuple[str, tuple[str, ...], Callable[[], Any]]]:
    from torch.nn import utils
    from torch.nn.utils import prune

    removers = {
        "WeightNorm": (("_g", "_v"), utils.remove_weight_norm),
        "SpectralNorm": (("_orig", "_u", "_v"), utils.remove_spectral_norm),
    }
    for hook in list(module._forward_pre_hooks.values()):
        if isinstance(hook, prune.BasePruningMethod):
            word = str(hook._tensor_name)
            yield word, (f"{word}_orig", f"{word}_mask"), _removal(prune.remove, module, word)
        elif (kind := type(hook).__name__) in removers and type(hook).__module__.startswith("torch.nn.utils"):
            endings, remove = removers[kind]
            word = str(getattr(hook, "name", "weight"))
            yield word, tuple(word + ending for ending in endings), _removal(remove, module, word)


def _removal(remove: Callable[..., Any], module: "torch.nn.Module", word: str) -> Callable[[], Any]:
    return lambda: remove(module, word)
