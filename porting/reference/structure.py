"""What of a torch model does not change from run to run: its modules, their tensors and their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from porting.reference.side import aliases, own_tensors
from porting.traces import Lesson

if TYPE_CHECKING:
    import torch


class About(NamedTuple):
    """What of a layer call is known before it runs."""

    name: str
    kind: str
    weights: Mapping[str, str]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Structure:
    """What does not change from run to run of a model.

    Attributes
    ----------
    ids : tuple of int
        Of its saved tensors: a change of precision makes others of some.
    own : Mapping
        Path of each module -> its own tensors, their names in it -> in the model.
    names : Mapping
        Id of each tensor -> its first name.
    aliases : Mapping
    abouts : Mapping
        Path of each module that owns tensors -> what is known of it.
    """

    ids: tuple[int, ...]
    own: Mapping[str, Mapping[str, str]]
    names: Mapping[int, str]
    aliases: Mapping[str, str]
    abouts: Mapping[str, About]


_STRUCTURES: "WeakKeyDictionary[torch.nn.Module, Structure]" = WeakKeyDictionary()


def structure_of(model: "torch.nn.Module") -> Structure:
    """A model's structure, looked at once for as long as its tensors are the same."""
    ids = tuple(map(id, model.state_dict(keep_vars=True).values()))
    known = _STRUCTURES.get(model)
    if known is None or known.ids != ids:
        names = {id(tensor): name for name, tensor in reversed(model.state_dict(keep_vars=True).items())}
        own = {path: own_tensors(path, module) for path, module in model.named_modules(remove_duplicate=False)}
        further = aliases(model)
        known = _STRUCTURES[model] = Structure(ids, own, names, further, _abouts(model, own, further))
    return known


def modules_of(model: "torch.nn.Module") -> dict[str, "torch.nn.Module"]:
    """Path -> module, for each that owns tensors."""
    own = structure_of(model).own
    return {path: module for path, module in model.named_modules() if own[path]}


def taught_modules(model: "torch.nn.Module", lesson: Lesson) -> dict[str, "torch.nn.Module"]:
    """Path -> module, for each that a lesson has a teaching for."""
    taught, modules = {(teaching.name, teaching.kind) for teaching in lesson}, modules_of(model)
    return {
        path: modules[path]
        for path, about in structure_of(model).abouts.items()
        if path in modules and (about.name, about.kind) in taught
    }


def is_one_layer(module: "torch.nn.Module", whole_kinds: frozenset[str]) -> bool:
    """Whether a module is one layer whatever it calls: torch's own are, and those that the pair has rules for."""
    return type(module).__module__.startswith("torch.nn") or type(module).__name__ in whole_kinds


def _abouts(
    model: "torch.nn.Module", own: Mapping[str, Mapping[str, str]], further: Mapping[str, str]
) -> dict[str, About]:
    """What is known of each module that owns tensors; one whose tensors are all another's goes by that one's name."""
    abouts: dict[str, About] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if not own[path]:
            continue
        weights, kind = own[path], type(module).__name__
        resolved = {word: further.get(name, name) for word, name in weights.items()}
        owner = next(iter(resolved.values())).rpartition(".")[0]
        is_twin = owner in abouts and (abouts[owner].kind, abouts[owner].weights) == (kind, resolved)
        abouts[path] = abouts[owner] if is_twin else About(path, kind, weights, _settings(module))
    return abouts


def _settings(module: "torch.nn.Module") -> dict[str, Any]:
    return {name: getattr(module, name) for name in getattr(module, "__constants__", ())}
