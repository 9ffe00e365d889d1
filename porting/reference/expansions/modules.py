"""Modules of torch that are several layers: each is run as those that it is made of, and each of those is recorded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.reference.abouts import About
from porting.reference.expansions import attention, bags, cuts, stacks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Expansion:
    """A module that is several layers.

    Attributes
    ----------
    parts : tuple of About
        The layers, as far as they are no modules of their own.
    forward : callable
        (parts, record) -> what takes the place of the module's ``forward``.
    """

    parts: tuple[About, ...]
    forward: Callable[[tuple[About, ...], Any], Callable[..., Any]]

    def recorded(self, record: Callable[..., Any]) -> Callable[..., Any]:
        """What takes the place of the module's ``forward``, and records each layer."""
        return self.forward(self.parts, record)


def expansion_of(
    path: str, module: "torch.nn.Module", own: Mapping[str, str], split: cuts.Split = 0
) -> Expansion | None:
    """What a module is made of, where it is several layers; `split` says how it is to be cut."""
    import torch

    if split:
        return Expansion(cuts.abouts(path, module, own, split), _cut(module))
    kinds: dict[type, Any] = {torch.nn.MultiheadAttention: attention, torch.nn.EmbeddingBag: bags}
    if isinstance(module, torch.nn.RNNBase) and stacks.is_stack(module):
        kinds[type(module)] = stacks
    found = kinds.get(type(module))
    if found is None or not own:
        return None
    return Expansion(found.abouts(path, module, own), _bound(found.forward, module))


def _bound(forward: Callable[..., Any], module: "torch.nn.Module") -> Callable[..., Any]:
    return lambda parts, record: forward(parts, module, record)


def _cut(module: "torch.nn.Module") -> Callable[..., Any]:
    original = module.forward
    return partial(_cut_forward, original)


def _cut_forward(original: Callable[..., Any], parts: tuple[About, ...], record: Any) -> Callable[..., Any]:
    return cuts.forward(parts, original, record)
