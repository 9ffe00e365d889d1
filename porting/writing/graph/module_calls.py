"""The exported graph as a tree of the modules that were called, each with what it called."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.fx import Node


@dataclass(slots=True)
class ModuleCall:
    """One call of a module.

    Attributes
    ----------
    path : str
        Where the module stands in the model.
    module : torch.nn.Module
    steps : list of Node or ModuleCall
        What it called, in order.
    """

    path: str
    module: "torch.nn.Module"
    steps: "list[Node | ModuleCall]" = field(default_factory=list)

    def is_seen_through(self) -> bool:
        """Whether it is a container or a layer of torch's own, whose functions are written where it is called."""
        if not type(self.module).__module__.startswith("torch.nn."):
            return False
        inner = any(isinstance(step, ModuleCall) for step in self.steps)
        return not inner or type(self.module).__name__ in {"Sequential", "ModuleList", "ModuleDict"}

    def nodes(self) -> "Iterator[Node]":
        """All calls of functions, of the modules inside too."""
        for step in self.steps:
            if isinstance(step, ModuleCall):
                yield from step.nodes()
            else:
                yield step


def call_tree(nodes: "Iterable[Node]", model: "torch.nn.Module") -> ModuleCall:
    """Group calls of functions by the calls of modules that made them."""
    return ModuleCall("", model, _steps([(node, _stack(node)) for node in nodes], 1, model))


def _stack(node: "Node") -> list[tuple[str, str]]:
    """The modules that were being called: a key for each call, and the module's path."""
    stack = node.meta.get("nn_module_stack") or {}
    return [(key, path.partition("@")[0]) for key, (path, _) in stack.items()]


def _steps(entries: list[tuple[Any, list[tuple[str, str]]]], depth: int, model: "torch.nn.Module") -> list[Any]:
    steps: list[Any] = []
    for key, group in groupby(entries, lambda entry: entry[1][depth] if len(entry[1]) > depth else None):
        inside = list(group)
        if key is None:
            steps += [node for node, _ in inside]
        else:
            path = key[1]
            steps.append(ModuleCall(path, model.get_submodule(path), _steps(inside, depth + 1, model)))
    return steps
