"""What a run of a torch model used its tensors for: what of it is a layer call, what is shared, what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import PairError
from porting.reference.abouts import Wanted, kind_of
from porting.reference.expansions.cuts import splits_in
from porting.reference.expansions.joins import paths_of
from porting.reference.structure import structure_of, taught_modules
from porting.reference.watch import Watch
from porting.traces import PARAMETER, LayerCall, Lesson, Teacher
from porting.wording import counted

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
    joins = [paths for teaching in lesson if (paths := paths_of(teaching.name))]
    return Watch(modules, Teacher(lesson), wanted=wanted_by(lesson), splits=cut, joins=joins, **options)


@dataclass(frozen=True, slots=True)
class UsesOfTensors:
    """What of a model's functions and tensors are layer calls, what only uses them too, and what nothing uses."""

    wanted: Wanted
    shared: tuple[LayerCall, ...]
    left: tuple[str, ...]

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
        saved = [name for name in model.state_dict() if structure.aliases.get(name, name) not in taken]
        shared = [about for key, about in watch.uses.functional.items() if key not in wanted]
        constants = [(name, PARAMETER, {"value": name}, {}) for name in saved if name not in parameters]
        return cls(
            Wanted(frozenset(wanted), frozenset(plain)),
            tuple(LayerCall(*about, _NOTHING, _NOTHING) for about in (*shared, *constants)),
            tuple(name for name in saved if name in parameters),
        )

    def check_all_used(self, model: "torch.nn.Module") -> None:
        """Refuse a model with parameters that nothing used.

        Raises
        ------
        PairError
            With all of them, the type and place of what owns them, and what to do.
        """
        if not self.left:
            return
        places = dict.fromkeys(name.rpartition(".")[0] for name in self.left)
        raise PairError(
            f"{counted(len(places), 'layer')} of the reference with weights that no layer call used: "
            f"{', '.join(sorted(place or 'the model itself' for place in places))}.\n"
            + "\n".join(_described(model, self.left))
            + "\nRun what uses them on the probe, or remove them from both models if nothing needs them."
        )


def _described(model: "torch.nn.Module", names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        path, _, word = name.rpartition(".")
        yield f"  {word} of {kind_of(model.get_submodule(path))} at {path or 'the model itself'}"
