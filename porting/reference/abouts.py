"""What of a layer call is known before it runs, and the kind that a module goes by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch


class About(NamedTuple):
    """What of a layer call is known before it runs."""

    name: str
    kind: str
    weights: Mapping[str, str]
    settings: Mapping[str, Any]


def kind_of(module: "torch.nn.Module") -> str:
    """The name of the class whose ``forward`` a module has: a subclass that changes nothing of it is no other kind."""
    import torch

    return next(
        kind.__name__
        for kind in type(module).__mro__
        if "forward" in vars(kind) or getattr(torch.nn, kind.__name__, None) is kind
    )


def settings_of(module: "torch.nn.Module") -> dict[str, Any]:
    """Everything that a module was built with, as far as it says."""
    return {name: getattr(module, name) for name in getattr(module, "__constants__", ())}


def below(path: str, name: str) -> str:
    """The path of what lies in a module; of the whole model's own, only its name."""
    return f"{path}.{name}" if path else name


@dataclass(slots=True)
class Uses:
    """What of a model's tensors a run used, and how: by modules, by functions that are layers, and otherwise."""

    ran: set[str] = field(default_factory=set)
    functional: dict[tuple[str, str], About] = field(default_factory=dict)
    plain: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What besides modules is a layer call: functions by name and kind, and tensors that are used as they are."""

    functional: frozenset[tuple[str, str]]
    plain: frozenset[str]
