"""What a run of a torch model used its tensors for: what of it is a layer call, what is shared, what is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.reference.abouts import Wanted, kind_of
from porting.reference.expansions.cuts import splits_in
from porting.reference.expansions.joins import paths_of, times_of
from porting.reference.structure import structure_of, taught_modules
from porting.reference.watch import Watch
from porting.traces import PARAMETER, LayerCall, Lesson, Teacher, held_only

if TYPE_CHECKING:
    import torch

_NOTHING = np.zeros(0)


def wanted_by(lesson: Lesson) -> Wanted:
    """What a lesson has teachings for."""
    named = frozenset((teaching.name, teaching.kind) for teaching in lesson)
    return Wanted(named, frozenset(name for name, kind in named if kind == PARAMETER))


def taught(model: "torch.nn.Module", lesson: Lesson, **options: Any) -> Watch:
    """A watch that teaches a lesson: what it does not name is no layer."""
    cut, modules = splits_in(teaching.name for teaching in lesson), taught_modules(model, lesson)
    joins = [(paths, times_of(held.name)) for held in lesson if (paths := paths_of(held.name))]
    return Watch(modules, Teacher(lesson), wanted=wanted_by(lesson), splits=cut, joins=joins, **options)


@dataclass(frozen=True, slots=True)
class UsesOfTensors:
    """What of a model's functions and tensors are layer calls, what only uses them too, and what nothing uses."""

    wanted: Wanted
    shared: tuple[LayerCall, ...]
    unused: Mapping[str, str]

    @classmethod
    def of(cls, model: "torch.nn.Module", watch: Watch) -> "UsesOfTensors":
        """Judge a run in which every function of a layer was recorded.

        A function is a layer where its tensors are no module's that ran, and no other function's before it.
        """
        structure = structure_of(model)
        by_modules = {
            structure.aliases.get(name, name)
            for path in watch.uses.ran
            for name in structure.abouts[path].weights.values()
        }
        first_kinds: dict[str, str] = {}
        for name, kind in watch.uses.functional:
            first_kinds.setdefault(name, kind)
        wanted = {
            (name, kind): about
            for (name, kind), about in watch.uses.functional.items()
            if first_kinds[name] == kind and not set(about.weights.values()) <= by_modules
        }
        taken = by_modules | {name for about in wanted.values() for name in about.weights.values()}
        parameters = {name for name, _ in model.named_parameters()}
        plain = [name for name in watch.uses.plain if name in parameters and name not in taken]
        taken |= set(plain)
        held = model.state_dict()
        saved = [name for name in held if structure.aliases.get(name, name) not in taken]
        shared = [about for key, about in watch.uses.functional.items() if key not in wanted]
        constants = [held_only(name, held[name].shape) for name in saved]
        return cls(
            Wanted(frozenset(wanted), frozenset(plain)),
            (*(LayerCall(*about, _NOTHING, _NOTHING) for about in shared), *constants),
            {name: _owner(model, name) for name in saved if name in parameters},
        )


def _owner(model: "torch.nn.Module", name: str) -> str:
    return kind_of(model.get_submodule(name.rpartition(".")[0]))
