"""Run a Keras model on any backend: trace it, teach its layers. `reference.runs` has the same names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError, first_line
from porting.plans.flow import Digest
from porting.port.expansions import Part
from porting.port.side import array_of, as_one, call, cast, outputs_of, shapes, view
from porting.port.structure import Structure, build, kind_of, settings_of, structure_of
from porting.port.watch import Call, Watch, recording
from porting.traces import PARAMETER, LayerCall, Lesson, Teacher, Trace, arrived_at, held_only
from porting.wording import counted

if TYPE_CHECKING:
    import keras


def trace(model: "keras.Model", inputs: Sequence[np.ndarray], whole_kinds: frozenset[str] = frozenset()) -> Trace:
    """Run a model in inference mode and record every layer that owns weights.

    Parameters
    ----------
    model : keras.Model
    inputs : sequence of ndarray
        In the port's axis order; floats are cast to the model's precision.
    whole_kinds : frozenset of str
        Types of layers that are one layer, whatever they do inside.

    Raises
    ------
    PairError
        If the model does not accept the inputs, does not return tensors, or has weights that no layer call used.
    """
    return _run(model, inputs, Teacher(()), whole_kinds)


def teach(
    model: "keras.Model", inputs: Sequence[np.ndarray], lesson: Lesson, whole_kinds: frozenset[str] = frozenset()
) -> Trace:
    """Run a model whose layers are fed, and return, what a lesson says.

    Returns
    -------
    Trace
        Each call's input is what came of the outputs given before it; its output is what the layer made of its feed.
    """
    return _run(model, inputs, Teacher(lesson), whole_kinds)


def outputs(model: "keras.Model", inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """What a model returns in inference, as arrays of their own."""
    return tuple(map(array_of, outputs_of(call(model, inputs), model, inputs)))


def other_calls(model: "keras.Model") -> dict[str, Callable[[Sequence[np.ndarray]], tuple[np.ndarray, ...]]]:
    """How else people run a model, in words -> what does so; ``predict`` without compiling."""

    def called(inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(map(array_of, outputs_of(call(model, inputs, training=None), model, inputs)))

    def predicted(inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        with calls.with_attributes(model, {"run_eagerly": True}):
            given: Any = as_one(model, inputs)
            found: Any = model.predict(given, batch_size=len(inputs[0]), verbose=0)  # type: ignore[arg-type]
            return tuple(map(np.asarray, outputs_of(found, model, inputs)))

    return {"where it is called without a training argument": called, "by predict": predicted}


def arrivals(
    model: "keras.Model",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    digest: Digest,
    whole_kinds: frozenset[str] = frozenset(),
) -> list[Any]:
    """The digest of what arrives at each call of a lesson, then at each output; no layer runs."""
    watch = Watch(Teacher(lesson), alone=False, digest=digest)
    _, outputs = _watched(model, inputs, watch, whole_kinds)
    arrived = arrived_at(lesson, [held.path for held in watch.calls], watch.digests)
    return [*arrived, *map(digest, _arrays(model, outputs, inputs))]


def _watched(
    model: "keras.Model", inputs: Sequence[np.ndarray], watch: Watch, whole_kinds: frozenset[str]
) -> tuple[Structure, Any]:
    given = cast(inputs)
    try:
        build(model, given)
        structure = structure_of(model, whole_kinds)
        with recording(structure, watch):
            return structure, call(model, given)
    except Exception as error:  # backends raise what they like
        raise calls.failure("The port", inputs, error) from error


def _run(model: "keras.Model", inputs: Sequence[np.ndarray], teacher: Teacher, whole_kinds: frozenset[str]) -> Trace:
    watch = Watch(teacher)
    structure, outputs = _watched(model, inputs, watch, whole_kinds)
    _check_all_ran(structure, watch)
    samples = len(inputs[0]) if inputs and inputs[0].ndim else 1
    called = {held.path for held in watch.calls}
    shared = sorted(watch.read_by_others - watch.expanded - called)
    unused = sorted(structure.raw.keys() - called)
    try:
        return Trace(
            tuple(_recorded(held, structure, samples) for held in watch.calls),
            _arrays(model, outputs, inputs),
            shapes(model),
            shared=(
                *(_uncalled(path, structure) for path in shared),
                *(held_only(path, structure.raw[path].shape) for path in unused),
            ),
        )
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise PairError(f"A layer of the port cannot be recorded: {first_line(error)}.") from error


def _recorded(held: Call, structure: Structure, samples: int) -> LayerCall:
    if held.layer is None:
        value = _array(held.given)
        each = np.broadcast_to(value, (samples, *value.shape))
        return LayerCall(held.path, PARAMETER, {"value": held.path}, {}, each, each)
    if isinstance(held.layer, Part):
        return LayerCall(*held.layer, _array(held.given), _array(held.output))
    if isinstance(held.given, (list, tuple)):
        raise PairError(
            f"{held.path} ({kind_of(held.layer)}) has weights and is given {counted(len(held.given), 'tensor')}, which "
            "nothing of torch's is.\nWrite it as layers that take one each: what lies between them may be any function."
        )
    mask = None if held.mask is None else array_of(held.mask).astype(bool)
    return replace(_uncalled(held.path, structure), input=_array(held.given), output=_array(held.output), mask=mask)


def _array(recorded: Any) -> np.ndarray:
    return recorded if isinstance(recorded, np.ndarray) else view(recorded)


def _uncalled(path: str, structure: Structure) -> LayerCall:
    """A layer without its call."""
    layer, nothing = structure.owners[path], np.zeros(0)
    return LayerCall(path, kind_of(layer), structure.words(path), settings_of(layer), nothing, nothing)


def _check_all_ran(structure: Structure, watch: Watch) -> None:
    ran = {held.path for held in watch.calls} | watch.read_by_others | watch.expanded
    idle = sorted(structure.owners.keys() - ran)
    if idle:
        raise PairError(
            f"{counted(len(idle), 'layer')} of the port with weights did not run: {', '.join(idle)}.\n"
            "Run what uses them on the probe, or remove them if nothing does."
        )


def _arrays(model: Any, outputs: Any, given: Sequence[Any]) -> tuple[np.ndarray, ...]:
    return tuple(view(output) for output in outputs_of(outputs, model, given))
