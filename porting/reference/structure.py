"""What of a torch model does not change from run to run: its modules, their tensors and their names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from porting.calls import signature_of
from porting.reference.abouts import About, kind_of, settings_of
from porting.reference.expansions.cuts import splits_in
from porting.reference.expansions.joins import paths_of
from porting.reference.expansions.modules import Expansion, expansion_of
from porting.reference.side import aliases, own_tensors
from porting.rules.table import LAYER_RULES
from porting.traces import Lesson

if TYPE_CHECKING:
    import torch


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
    expansions : Mapping
        Path of each module that is several layers -> what they are.
    """

    ids: tuple[int, ...]
    own: Mapping[str, Mapping[str, str]]
    names: Mapping[int, str]
    aliases: Mapping[str, str]
    abouts: Mapping[str, About]
    expansions: Mapping[str, Expansion]


_STRUCTURES: "WeakKeyDictionary[torch.nn.Module, Structure]" = WeakKeyDictionary()


def structure_of(model: "torch.nn.Module") -> Structure:
    """A model's structure, looked at once for as long as its tensors are the same."""
    ids = tuple(map(id, model.state_dict(keep_vars=True).values()))
    known = _STRUCTURES.get(model)
    if known is None or known.ids != ids:
        names = {id(tensor): name for name, tensor in reversed(model.state_dict(keep_vars=True).items())}
        own = {path: own_tensors(path, module) for path, module in model.named_modules(remove_duplicate=False)}
        further = aliases(model)
        abouts = _abouts(model, own, further)
        known = _STRUCTURES[model] = Structure(ids, own, names, further, abouts, _expansions(model, abouts))
    return known


def modules_of(model: "torch.nn.Module") -> dict[str, "torch.nn.Module"]:
    """Path -> module, for each that owns tensors."""
    own = structure_of(model).own
    return {path: module for path, module in model.named_modules() if own.get(path)}  # one made since owns none


def taught_modules(model: "torch.nn.Module", lesson: Lesson) -> dict[str, "torch.nn.Module"]:
    """Path -> module, for each that a lesson has a teaching for."""
    taught, modules = {(teaching.name, teaching.kind) for teaching in lesson}, modules_of(model)
    structure, cut = structure_of(model), splits_in(teaching.name for teaching in lesson)
    whole = {*cut, *(path for teaching in lesson for path in paths_of(teaching.name))}
    return {
        path: modules[path]
        for path, about in structure.abouts.items()
        if path in modules
        and (
            path in whole
            or any(part.name in whole or (part.name, part.kind) in taught for part in parts_of(path, about, structure))
        )
    }


def parts_of(path: str, about: About, structure: Structure) -> tuple[About, ...]:
    """The layers that a module is: itself, or several."""
    return structure.expansions[path].parts if path in structure.expansions else (about,)


def joinable(model: "torch.nn.Module", paths: Iterable[str]) -> list[str]:
    """Modules by their paths, and the layers of those that are several: what may be side by side in the port."""
    expansions = structure_of(model).expansions
    return [name for path in paths for name in (path, *(expansions[path].alone if path in expansions else ()))]


def is_one_layer(module: "torch.nn.Module", whole_kinds: frozenset[str]) -> bool:
    """Whether a module is one layer whatever it calls: torch's own are, and those that have rows.

    A row of the table is for torch's own class where there is one of that name.
    """
    import torch

    kind = type(module).__name__
    has_row = any(row.reference == kind for row in LAYER_RULES) and not hasattr(torch.nn, kind)
    return kind in whole_kinds or has_row or _own_class(module) is not None


def _own_class(module: "torch.nn.Module") -> type | None:
    """The class of torch's own whose ``forward`` a module runs; None if it has one of its own."""
    kinds = (kind for kind in type(module).__mro__ if kind.__module__.startswith("torch.nn.modules"))
    found = next(kinds, None)
    if found is None or found.__name__ in ("Module", *_CONTAINERS) or type(module).forward is not found.forward:
        return None
    return found


_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Bilinear")
"""Classes of torch's own that are no layers. Keras has no Bilinear: a port has its tensors in a layer of its own."""


def _abouts(
    model: "torch.nn.Module", own: Mapping[str, Mapping[str, str]], further: Mapping[str, str]
) -> dict[str, About]:
    """What is known of each module that owns tensors; one whose tensors are all another's goes by that one's name."""
    abouts: dict[str, About] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if not own[path]:
            continue
        weights, kind = own[path], kind_of(module)
        resolved = {word: further.get(name, name) for word, name in weights.items()}
        owner = next(iter(resolved.values())).rpartition(".")[0]
        is_twin = owner in abouts and (abouts[owner].kind, abouts[owner].weights) == (kind, resolved)
        abouts[path] = abouts[owner] if is_twin else About(path, kind, weights, settings_of(module))
    return abouts


def _expansions(model: "torch.nn.Module", abouts: Mapping[str, About]) -> dict[str, Expansion]:
    """What each module is made of that is several layers, by the names that its tensors move under."""
    unrolled = signature_of(model).unrolled
    found = (
        (path, expansion_of(about.name, module, about.weights, unrolled=unrolled))
        for path, module in model.named_modules(remove_duplicate=False)
        if (about := abouts.get(path))
    )
    return {path: expansion for path, expansion in found if expansion}
