"""See each reading of a Keras variable: of one that is no layer's, and of a layer's by anything else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from porting.port.structure import Structure


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
