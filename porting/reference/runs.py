"""Run a torch model: trace it, teach its layers, see what arrives at one. `port.runs` has the same names."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import PairError
from porting.plans.flow import Digest
from porting.plans.parts import divided_shapes
from porting.reference.abouts import Wanted, kind_of
from porting.reference.expansions.cuts import Split
from porting.reference.expansions.joins import matching
from porting.reference.recording import run
from porting.reference.side import array_of, shapes
from porting.reference.structure import is_one_layer, joinable, modules_of, structure_of
from porting.reference.uses import UsesOfTensors, taught
from porting.reference.watch import Arrived, Watch
from porting.rules.opened import AXES, OPENED
from porting.traces import PARAMETER, LayerCall, Lesson, Trace, arrived_at

if TYPE_CHECKING:
    import torch


def trace(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    whole_kinds: frozenset[str] = frozenset(),
    splits: Mapping[str, Split] | None = None,
    joins: Sequence[str] = (),
    opens: Sequence[str] = (),
) -> Trace:
    """Run a model in evaluation mode and record every layer that owns weights.

    A layer is a module that owns tensors, or a function of `torch_functions.FUNCTIONS` called with the model's own.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : sequence of ndarray
        In the reference's axis order; floats are cast to the model's precision.
    whole_kinds : frozenset of str
        Types of modules that are one layer, whatever functions they call.
    splits : Mapping
        Path of a module, where ``*`` stands for anything -> how many layers side by side it is, or their names.
    joins : sequence of str
        Paths of modules that are one layer side by side: ``attn.(q k v)``.
    opens : sequence of str
        Paths of modules, or names of tensors, where ``*`` stands for anything: each tensor is taken by itself.

    Raises
    ------
    PairError
        If the model does not accept the inputs or does not return tensors.
    """
    opened, tensors = _opened(model, opens)
    whole = {
        path: module
        for path, module in modules_of(model).items()
        if is_one_layer(module, whole_kinds) and path not in opened
    }
    parts: dict[str, Any] = {"opened": tensors}
    parts |= {"splits": _splits(model, splits or {}), "joins": matching(joins, joinable(model, whole)) if joins else []}
    watch = Watch(whole, **parts)
    outputs = run(model, inputs, watch)
    uses = UsesOfTensors.of(model, watch)
    if uses.wanted != Wanted(frozenset(watch.uses.functional), frozenset()):
        watch = Watch(whole, wanted=uses.wanted, **parts)
        outputs = run(model, inputs, watch)
    if watch.overwritten():
        watch = Watch(whole, wanted=uses.wanted, copies=True, **parts)
        outputs = run(model, inputs, watch)
    structure = structure_of(model)
    used = (name for about in watch.abouts for name in about.weights.values())
    named = divided_shapes(shapes(model), used)
    recorded = tuple(_with_axes(call, opened) for call in watch.recorded())
    return Trace(recorded, _arrays(outputs), named, structure.aliases, shared=uses.shared, unused=uses.unused)


def _opened(model: "torch.nn.Module", opens: Sequence[str]) -> tuple[dict[str, Mapping[str, str]], frozenset[str]]:
    """Path of each module that a pair opens -> what the axes of its tensors are called; and all tensors it opens.

    Raises
    ------
    PairError
        If there is none, or it cannot be opened.
    """
    if not opens:
        return {}, frozenset()
    modules, structure = modules_of(model), structure_of(model)
    found = {pattern: _matching(pattern, modules) or _matching(pattern, shapes(model)) for pattern in opens}
    if unknown := [pattern for pattern, matching in found.items() if not matching]:
        raise PairError(f"opens names layers that the reference does not have: {', '.join(unknown)}")
    names = dict.fromkeys(name for matching in found.values() for name in matching)
    paths = [name for name in names if name in modules]
    if others := [path for path in paths if kind_of(modules[path]) not in AXES]:
        raise PairError(f"opens names {', '.join(others)}: only {', '.join(AXES)} can be opened.")
    tensors = [name for path in paths for name in structure.own[path].values()]
    tensors += [name for name in names if name not in modules]
    return (
        {path: AXES[kind_of(modules[path])] for path in paths},
        frozenset(structure.aliases.get(name, name) for name in tensors),
    )


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern)]


def _with_axes(call: LayerCall, opened: Mapping[str, Mapping[str, str]]) -> LayerCall:
    """The call of a tensor, with what its axes are called where it is an opened layer's."""
    path, _, word = call.name.rpartition(".")
    axes = opened.get(path, {}).get(word, "") if call.kind == PARAMETER else ""
    return replace(call, settings={OPENED: axes}) if axes and len(axes.split()) == call.input.ndim - 1 else call


def _splits(model: "torch.nn.Module", splits: Mapping[str, Split]) -> dict[str, Split]:
    """Path -> how it is cut, for each module that a pair splits."""
    paths = modules_of(model)
    found = {pattern: [path for path in paths if fnmatchcase(path, pattern)] for pattern in splits}
    if unknown := [pattern for pattern, matching in found.items() if not matching]:
        raise PairError(f"splits names layers that the reference does not have: {', '.join(unknown)}")
    return {path: splits[pattern] for pattern, matching in found.items() for path in matching}


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
    watch = taught(model, lesson, alone=alone, copies=True)
    outputs = run(model, inputs, watch)
    return Trace(watch.recorded(), _arrays(outputs), {}, {})


def arriving(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    number: int,
    editor: Callable[..., Any] | None = None,
) -> "torch.Tensor":
    """What arrives at a layer call, by its number; behind the last one, at the outputs, one after the other.

    No layer runs, and nothing behind the call; `editor`, if any, runs each function between layers: (watch, function,
    arguments, keywords) -> its result.
    """
    watch = taught(model, lesson, alone=False, editor=editor, stop_at=number)
    try:
        outputs = run(model, inputs, watch)
    except Arrived as arrived:
        return arrived.tensor
    return outputs[number - len(lesson)]


def layer_alone(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson, number: int
) -> Callable[["torch.Tensor"], Any]:
    """One layer call by its number, to be run on other inputs, as often as wanted and without the model around it."""
    watch = taught(model, lesson, alone=False, stop_at=number)
    try:
        run(model, inputs, watch)
    except Arrived as arrived:
        return arrived.run
    raise PairError(f"The reference has no layer call {number}.")


def arrivals(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson, digest: Digest) -> list[Any]:
    """The digest of what arrives at each call of a lesson, then at each output; no layer runs."""
    watch = taught(model, lesson, alone=False, digest=digest)
    outputs = run(model, inputs, watch)
    arrived = arrived_at(lesson, [about.name for about in watch.abouts], watch.digests)
    return [*arrived, *(digest(array_of(output)) for output in outputs)]


def _arrays(outputs: Iterable["torch.Tensor"]) -> tuple[np.ndarray, ...]:
    return tuple(array_of(output) for output in outputs)
