"""Run a Keras model on any backend: trace it, teach its layers. `reference.runs` has the same names."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError, first_line
from porting.port.side import array_of, build, call, cast, outputs_of, shapes, view
from porting.port.structure import layers_with_weights, own_names
from porting.port.watch import Call, Watch, recording
from porting.traces import LayerCall, Lesson, Teacher, Trace
from porting.wording import counted

if TYPE_CHECKING:
    import keras


def trace(model: "keras.Model", inputs: Sequence[np.ndarray]) -> Trace:
    """Run a model in inference mode and record every layer that owns weights.

    Parameters
    ----------
    model : keras.Model
    inputs : sequence of ndarray
        In the port's axis order; floats are cast to the model's precision.

    Raises
    ------
    PairError
        If the model does not accept the inputs, does not return tensors, or has weights that no layer call used.
    """
    return _run(model, inputs, Teacher(()))


def teach(model: "keras.Model", inputs: Sequence[np.ndarray], lesson: Lesson) -> Trace:
    """Run a model whose layers are fed, and return, what a lesson says.

    Returns
    -------
    Trace
        Each call's input is what came of the outputs given before it; its output is what the layer made of its feed.
    """
    return _run(model, inputs, Teacher(lesson))


def outputs(model: "keras.Model", inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """What a model returns in inference, as arrays of their own."""
    return tuple(map(array_of, outputs_of(call(model, inputs))))


def other_calls(model: "keras.Model") -> dict[str, Callable[[Sequence[np.ndarray]], tuple[np.ndarray, ...]]]:
    """How else people run a model, in words -> what does so; ``predict`` without compiling."""

    def called(inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(map(array_of, outputs_of(model(inputs[0] if len(inputs) == 1 else list(inputs)))))

    def predicted(inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        with calls.with_attributes(model, {"run_eagerly": True}):
            given = inputs[0] if len(inputs) == 1 else list(inputs)
            found: Any = model.predict(given, batch_size=len(inputs[0]), verbose=0)  # type: ignore[arg-type]
            return tuple(map(np.asarray, outputs_of(found)))

    return {"where it is called without a training argument": called, "by predict": predicted}


def _run(model: "keras.Model", inputs: Sequence[np.ndarray], teacher: Teacher) -> Trace:
    given, watch = cast(inputs), Watch(teacher)
    try:
        build(model, given)
        owners = layers_with_weights(model)
        with recording(owners, watch):
            outputs = call(model, given)
    except Exception as error:  # backends raise what they like
        raise calls.failure("The port", inputs, error) from error
    _check_all_ran(owners, watch)
    try:
        return Trace(tuple(map(_recorded, watch.calls)), _arrays(outputs), shapes(model))
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise PairError(f"A layer of the port cannot be recorded: {first_line(error)}.") from error


def _recorded(held: Call) -> LayerCall:
    names = {name.rpartition("/")[2]: f"{held.path}/{name}" for name in own_names(held.layer)}
    return LayerCall(
        held.path, type(held.layer).__name__, names, held.layer.get_config(), view(held.given), view(held.output)
    )


def _check_all_ran(owners: Mapping[str, Any], watch: Watch) -> None:
    idle = sorted(set(owners) - {held.path for held in watch.calls})
    if idle:
        raise PairError(
            f"{counted(len(idle), 'layer')} of the port with weights did not run: {', '.join(idle)}.\n"
            "Call the layer itself rather than a function with its weights, or remove the layer if nothing uses it."
        )


def _arrays(outputs: Any) -> tuple[np.ndarray, ...]:
    return tuple(view(output) for output in outputs_of(outputs))
