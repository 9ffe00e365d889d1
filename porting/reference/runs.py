"""Run a torch model: trace it, teach its layers, see what arrives at one. `port.runs` has the same names."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import PairError
from porting.reference import functions as torch_functions
from porting.reference.side import array_of, shapes
from porting.reference.structure import is_one_layer, modules_of, structure_of, taught_modules
from porting.reference.watch import Arrived, Watch, run
from porting.traces import Lesson, Teacher, Trace
from porting.wording import counted

if TYPE_CHECKING:
    import torch


def trace(model: "torch.nn.Module", inputs: Sequence[np.ndarray], whole_kinds: frozenset[str] = frozenset()) -> Trace:
    """Run a model in evaluation mode and record every layer that owns weights.

    A layer is a module that owns tensors, or a function of `torch_functions.FUNCTIONS` called with the model's own.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : sequence of ndarray
        In the reference's axis order; floats are cast to the model's precision.
    whole_kinds : frozenset of str
        Types of modules that are one layer, whatever functions they call.

    Raises
    ------
    PairError
        If the model does not accept the inputs, does not return tensors, or has weights that no layer call used.
    """
    watch = Watch(modules_of(model))
    outputs = run(model, inputs, watch)
    structure = structure_of(model)
    if watch.functional or watch.idle() or _has_own_kinds(watch, whole_kinds):
        watch = Watch(_modules_without_functions(model, watch, whole_kinds))
        outputs = run(model, inputs, watch)
    if watch.overwritten():
        watch = Watch(watch.modules, copies=True)
        outputs = run(model, inputs, watch)
    _check_all_ran(model, watch)
    return Trace(watch.recorded(), _arrays(outputs), shapes(model), structure.aliases)


def teach(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    *,
    alone: bool | Collection[int] = True,
) -> Trace:
    """Run a model whose layers are fed, and return, what a lesson says.

    Returns
    -------
    Trace
        Each call's input is what came of the outputs given before it; its output is what the layer made of its feed,
        or what it was given where the layer did not run: `alone` says whether layers do, or the numbers of those calls.
    """
    watch = Watch(taught_modules(model, lesson), Teacher(lesson), alone=alone, copies=True)
    outputs = run(model, inputs, watch)
    return Trace(watch.recorded(), _arrays(outputs), {}, {})


def arriving(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    number: int,
    editor: Callable[..., Any] | None = None,
) -> np.ndarray:
    """What arrives at a layer call, by its number; behind the last one, at the outputs, one after the other.

    No layer runs, and nothing behind the call; `editor`, if any, runs each function between layers: (watch, function,
    arguments, keywords) -> its result.
    """
    watch = Watch(taught_modules(model, lesson), Teacher(lesson), alone=False, editor=editor, stop_at=number)
    try:
        outputs = run(model, inputs, watch)
    except Arrived as arrived:
        return array_of(arrived.tensor)
    return array_of(outputs[number - len(lesson)])


def _modules_without_functions(
    model: "torch.nn.Module", watch: Watch, whole_kinds: frozenset[str]
) -> dict[str, "torch.nn.Module"]:
    """Leave out modules that are no layers themselves: functions inside them, or elsewhere, use their tensors."""

    def is_layer(path: str, module: "torch.nn.Module") -> bool:
        return is_one_layer(module, whole_kinds) or not set(own[path].values()) <= watch.in_functions

    idle, own = watch.idle(), structure_of(model).own
    return {path: module for path, module in watch.modules.items() if path not in idle and is_layer(path, module)}


def _has_own_kinds(watch: Watch, whole_kinds: frozenset[str]) -> bool:
    return not all(is_one_layer(module, whole_kinds) for module in watch.modules.values())


def _check_all_ran(model: "torch.nn.Module", watch: Watch) -> None:
    used = {name for about in watch.abouts for name in about.weights.values()}
    structure = structure_of(model)
    used |= {name for name, first in structure.aliases.items() if first in used}
    left = {
        path for path, own in structure.own.items() if not set(own.values()) - {f"{path}.num_batches_tracked"} <= used
    }
    if left:
        raise PairError(
            f"{counted(len(left), 'layer')} of the reference with weights that no layer call used: "
            f"{', '.join(sorted(left))}.\n"
            f"Use them through a module or one of {', '.join(torch_functions.FUNCTIONS)}, or remove them if nothing "
            "needs them."
        )


def _arrays(outputs: Iterable["torch.Tensor"]) -> tuple[np.ndarray, ...]:
    return tuple(array_of(output) for output in outputs)
