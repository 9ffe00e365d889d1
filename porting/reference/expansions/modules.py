"""Modules of torch that are several layers: each is run as those that it is made of, and each of those is recorded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.reference.abouts import About
from porting.reference.expansions import attention, bags, cuts, stacks, steps

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
    alone : Mapping
        Name of a layer -> what it computes by itself, where the port may have it side by side with others.
    """

    parts: tuple[About, ...]
    forward: Callable[[tuple[About, ...], Any], Callable[..., Any]]
    alone: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def recorded(self, record: Callable[..., Any]) -> Callable[..., Any]:
        """What takes the place of the module's ``forward``, and records each layer."""
        return self.forward(self.parts, record)


def expansion_of(
    path: str,
    module: "torch.nn.Module",
    own: Mapping[str, str],
    split: cuts.Split = 0,
    unrolled: Sequence[str] = (),
) -> Expansion | None:
    """What a module is made of, where it is several layers.

    `split` says how it is to be cut, `unrolled` which types of recurrent layers run step by step.
    """
    import torch

    if split:
        return Expansion(cuts.abouts(path, module, own, split), _cut(module))
    kinds: dict[type, Any] = {torch.nn.MultiheadAttention: attention, torch.nn.EmbeddingBag: bags}
    if isinstance(module, torch.nn.RNNBase) and steps.is_stepped(module, unrolled):
        kinds[type(module)] = steps
    elif isinstance(module, torch.nn.RNNBase) and stacks.is_stack(module):
        kinds[type(module)] = stacks
    found = kinds.get(type(module))
    if found is None or not own:
        return None
    parts = found.abouts(path, module, own)
    alone = attention.alone(parts, module) if found is attention else {}
    return Expansion(parts, _bound(found.forward, module), alone)


def _bound(forward: Callable[..., Any], module: "torch.nn.Module") -> Callable[..., Any]:
    return lambda parts, record: forward(parts, module, record)


def _cut(module: "torch.nn.Module") -> Callable[..., Any]:
    original = module.forward
    return partial(_cut_forward, original)


def _cut_forward(original: Callable[..., Any], parts: tuple[About, ...], record: Any) -> Callable[..., Any]:
    return cuts.forward(parts, original, record)
