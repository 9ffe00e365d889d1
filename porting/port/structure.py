"""The layers of a Keras model that own variables, their types and paths; variables of no layer; how all are read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np

from porting.calls import signature_of
from porting.errors import PortFileError
from porting.port.side import call, own_prefix
from porting.rules.table import LAYER_RULES

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Structure:
    """What of a model may be a layer call.

    Attributes
    ----------
    owners : Mapping
        Path -> layer, for every layer that owns variables and is one as a whole; a recurrent layer owns its cell's.
    names : Mapping
        Path of each owner -> paths of its variables below it.
    raw : Mapping
        Path -> variable, for those of layers that are looked into: they use them as they are.
    ids : Mapping
        Id of an owner's variable -> the owner's path.
    stepping : tuple
        Layers that run another one step by step.
    unrolled : tuple of str
        Types of torch's recurrent layers whose twins run step by step.
    """

    owners: Mapping[str, "keras.layers.Layer"]
    names: Mapping[str, tuple[str, ...]]
    raw: Mapping[str, Any]
    ids: Mapping[int, str]
    stepping: tuple["keras.layers.Layer", ...] = ()
    unrolled: tuple[str, ...] = ()

    def words(self, path: str) -> dict[str, str]:
        """An owner's own word for each of its variables -> the variable's path in the model."""
        words = [name.rpartition("/")[2] for name in self.names[path]]
        words = words if len(set(words)) == len(words) else list(self.names[path])
        return {word: f"{path}/{name}" for word, name in zip(words, self.names[path], strict=True)}


def structure_of(model: "keras.Model", whole_kinds: frozenset[str] = frozenset()) -> Structure:
    """Every layer at any depth that owns variables itself: Keras' own, and those that have rows, are one layer each."""
    prefix, claimed = own_prefix(model), set()
    owners: dict[str, Any] = {}
    names: dict[str, tuple[str, ...]] = {}
    raw: dict[str, Any] = {}
    ids: dict[int, str] = {}
    for layer in _layers(model, whole_kinds):
        own = [
            held for held in _own_variables(layer, whole_kinds) if id(held) not in claimed and _is_its_own(held, layer)
        ]
        if not own:
            continue
        claimed |= set(map(id, own))
        if not is_one_layer(layer, whole_kinds):
            raw |= {held.path.removeprefix(prefix): held for held in own}
            continue
        path = _path(layer, own)
        owners[path.removeprefix(prefix)] = layer
        names[path.removeprefix(prefix)] = tuple(held.path.removeprefix(f"{path}/") for held in own)
        ids |= {id(held): path.removeprefix(prefix) for held in own}
    left = {held.path.removeprefix(prefix): held for held in model.weights if id(held) not in claimed}
    stepping = tuple(layer for layer in _layers(model, whole_kinds) if type(layer).__name__ == "TimeDistributed")
    return Structure(owners, names, raw | left, ids, stepping, signature_of(model).unrolled)


def _layers(layer: Any, whole_kinds: frozenset[str]) -> Iterator["keras.layers.Layer"]:
    """A layer and those inside it, but for those inside a layer that is whole with them."""
    yield layer
    if not _is_closed(layer, whole_kinds):
        for child in layer._flatten_layers(include_self=False, recursive=False):
            yield from _layers(child, whole_kinds)


def _is_closed(layer: Any, whole_kinds: frozenset[str]) -> bool:
    """Whether what is inside a layer belongs to it."""
    import keras

    return isinstance(layer, keras.layers.RNN) or kind_of(layer) in whole_kinds & _CLOSED


_CLOSED = frozenset({"MultiHeadAttention", "GroupQueryAttention"})


def _own_variables(layer: "keras.layers.Layer", whole_kinds: frozenset[str]) -> list[Any]:
    if _is_closed(layer, whole_kinds):
        return layer.weights
    below = {id(weight) for child in layer._flatten_layers(include_self=False) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in below]


def _is_its_own(variable: Any, layer: Any) -> bool:
    """Whether a layer made a variable, and does not just hold another layer's."""
    import keras

    above = variable.path.rpartition("/")[0]
    return isinstance(layer, (keras.layers.RNN, keras.Model)) or above.rpartition("/")[2] == layer.name or not above


def is_one_layer(layer: Any, whole_kinds: frozenset[str]) -> bool:
    """Whether a layer is one whatever it does inside: Keras' own, and those that have rows."""
    kind = type(layer).__name__
    return kind in whole_kinds or any(row.port == kind for row in LAYER_RULES) or _own_class(layer) is not None


def _own_class(layer: Any) -> type | None:
    """The class of Keras' own whose ``call`` a layer runs, or runs within its own; None if there is none."""
    return next((kind for kind in _keras_classes(layer) if "call" in vars(kind)), None)


def is_keras_own(layer: Any) -> bool:
    """Whether a layer is of a class of Keras' own, or of one made of it."""
    return next(_keras_classes(layer), None) is not None


def _keras_classes(layer: Any) -> Iterator[type]:
    for kind in type(layer).__mro__:
        if kind.__module__.startswith("keras.src.layers.") and kind.__module__ != "keras.src.layers.layer":
            yield kind


def inner_class(layer: Any) -> type | None:
    """The class of Keras' own whose ``call`` a layer runs within one of its own; None if it has none of its own."""
    first = next(kind for kind in type(layer).__mro__ if "call" in vars(kind))
    found = _own_class(layer)
    return None if found is first or kind_of(layer) == type(layer).__name__ else found


def kind_of(layer: Any) -> str:
    """A layer's type, as the table of rules has it: Keras' own that it runs as."""
    if any(row.port == type(layer).__name__ for row in LAYER_RULES):
        return type(layer).__name__
    if type(layer).__name__ == "RNN" and (whole := whole_of(layer.cell)):
        return whole
    found = _own_class(layer)
    return type(layer).__name__ if found is None else _exported(layer, found)


def whole_of(cell: Any) -> str:
    """The type of the layer that runs a cell by itself; empty where Keras has none."""
    kind = type(cell).__name__
    return kind.removesuffix("Cell") if kind in _CELLS else ""


_CELLS = frozenset({"LSTMCell", "GRUCell", "SimpleRNNCell"})


def settings_of(layer: Any) -> dict[str, Any]:
    """Everything that a layer was built with; an RNN with a cell has the cell's settings, too."""
    settings = layer.get_config()
    if type(layer).__name__ != "RNN" or not whole_of(layer.cell):
        return settings
    return {**layer.cell.get_config(), **{name: value for name, value in settings.items() if name != "cell"}}


def _exported(layer: Any, found: type) -> str:
    """The most special class of Keras' own among a layer's: Conv2D, where ``call`` is BaseConv's."""
    return next((kind.__name__ for kind in _keras_classes(layer)), found.__name__)


def _path(layer: "keras.layers.Layer", own: list[Any]) -> str:
    """What the paths of a layer's own variables begin with; a recurrent layer's have its cell's name behind that."""
    import keras

    above = own[0].path.rpartition("/")[0]
    is_deeper = isinstance(layer, keras.layers.RNN) or kind_of(layer) in _CLOSED
    deeper = above.rpartition("/")[0]
    has_own = type(layer).__name__ != "RNN" or deeper.rpartition("/")[2] == layer.name  # a cell may be made before
    return deeper if is_deeper and has_own else above


def build(model: "keras.Model", inputs: Sequence[np.ndarray]) -> None:
    """Run a subclassed model once on inputs in the port's axis order: ``build`` may leave its layers unbuilt."""
    if not is_built(model):
        call(model, inputs)
        _RUN.add(model)


def is_built(model: "keras.Model") -> bool:
    """Whether all layers own their variables, or a run has built those that any does."""
    return model in _RUN or all(layer.built for layer in model._flatten_layers())


_RUN: "WeakSet[keras.Model]" = WeakSet()


def check_loaded(model: "keras.Model", stored: int) -> None:
    """Hold a model that Keras has loaded against the number of arrays in its file.

    Raises
    ------
    PortFileError
        If it has passed over those of layers that it has not built, of which it says nothing.
    """
    unbuilt = [layer.path or layer.name for layer in model._flatten_layers() if not layer.built]
    if unbuilt and stored > len(model.variables):
        raise PortFileError(
            f"The file loads without the weights of {', '.join(unbuilt)}: Keras has not built them.\n"
            f"Build them in {type(model).__name__}.build, which a file is loaded with; or convert with "
            "--formats weights.h5, which takes the graph from the pair."
        )


@contextmanager
def reading(
    structure: Structure, variable: Callable[[str, Any], Any], read: Callable[[str, Any], Any]
) -> Iterator[None]:
    """Hand each value of a raw variable to `variable`, of a layer's to `read`, and use what that returns."""
    import keras

    kind, raw = keras.Variable, {id(held): path for path, held in structure.raw.items()}
    original = _property_of(kind)
    own = vars(kind).get("value")

    def value(held: Any) -> Any:
        found = original.fget(held)
        if (path := raw.get(id(held))) is not None:
            return variable(path, found)
        if (owner := structure.ids.get(id(held))) is not None:
            return read(owner, found)
        return found

    kind.value = property(value)
    try:
        yield
    finally:
        if own is None:
            del kind.value
        else:
            kind.value = own


def _property_of(kind: type) -> Any:
    return next(vars(above)["value"] for above in kind.__mro__ if "value" in vars(above))
