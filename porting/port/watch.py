"""Watch a Keras model run: record its layers' calls, and teach them meanwhile. `reference.watch` does so in torch."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.port.side import array_of
from porting.traces import Teacher

if TYPE_CHECKING:
    import keras


@dataclass(slots=True)
class Call:
    """A layer call as it was recorded, its tensors still the backend's."""

    path: str
    layer: "keras.layers.Layer"
    given: Any
    output: Any


@dataclass(slots=True)
class Watch:
    """What is recorded while a model runs, and what its layers are taught meanwhile."""

    teacher: Teacher
    calls: list[Call] = field(default_factory=list)

    def call(self, path: str, layer: "keras.layers.Layer", given: Any, run: Callable[[Any], Any]) -> Any:
        """Run a layer as its lesson says, record it, and return what it is to return."""
        teaching = self.teacher.next(path)
        if teaching is None:
            output = run(given)
            self.calls.append(Call(path, layer, given, calls.first(output)))
            return output
        with calls.with_attributes(layer, teaching.attributes):
            output = run(_like(teaching.feed, given))
        own = calls.first(output)
        self.calls.append(Call(path, layer, given, own))
        give = _given_back(array_of(own), teaching.give, teaching.window)
        if give is None:
            return output
        given_back = calls.with_first(output, _like(give, own))
        return _with_last_step(given_back, give, own) if _returns_state(layer) else given_back


def _given_back(own: np.ndarray, give: np.ndarray, window: tuple[slice, ...]) -> np.ndarray | None:
    """What a taught layer returns: `give`, in its window of the layer's own output; None where it does not fit."""
    if window and own[window].shape == give.shape:
        whole = np.array(own)
        whole[window] = give
        return whole
    return give if own.shape == give.shape else None


def _like(array: np.ndarray, tensor: Any) -> Any:
    """An array as the backend's tensor, in a tensor's precision where both are of floats."""
    import keras

    dtype = keras.backend.standardize_dtype(tensor.dtype)
    wanted = dtype if array.dtype.kind == "f" and "float" in dtype else None
    return keras.ops.convert_to_tensor(array, dtype=wanted)


def _returns_state(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.RNN) and layer.return_state


def _with_last_step(output: Any, give: np.ndarray, own: Any) -> Any:
    """A recurrent layer's state is the last step of what it is given."""
    first, _, *others = output
    return (first, _like(give[:, -1] if give.ndim > 2 else give, own), *others)


@contextmanager
def recording(owners: Mapping[str, "keras.layers.Layer"], watch: Watch) -> Iterator[None]:
    """Wrap the ``call`` of each layer, and unwrap it again."""
    methods = [(layer, _recorder(path, layer, watch)) for path, layer in owners.items()]
    with calls.with_methods("call", methods):
        yield


def _recorder(path: str, layer: "keras.layers.Layer", watch: Watch) -> Callable[..., Any]:
    original = layer.call

    def call(*arguments: Any, **keywords: Any) -> Any:
        return calls.with_first_argument(original, arguments, keywords, partial(watch.call, path, layer))

    return call
