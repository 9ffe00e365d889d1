"""Kinds of numbers: floating-point, whole, true or false; the precision is the port's own."""

from typing import Any

from porting.writing.functions.row import Target, row
from porting.writing.values.axes import Value, settled


def named(k: Target, kind: str) -> Any:
    """What Keras calls a kind of number."""
    return {"float": k.floatx, "int": "int32", "bool": "bool"}[kind]


def as_kind(k: Target, x: Value, kind: str) -> Value:
    """A tensor as a kind of number."""
    x = settled(x) if x.dtype != kind else x
    return x if not kind or x.dtype == kind else x.with_data(k.ops.cast(x.data, named(k, kind)), kind)


@row("to", "_to_copy", "type_as", "float", "bool", "int", "long")
def cast(k: Target, x: Value, *, dtype: str) -> Value:
    return as_kind(k, x, dtype)


def promoted(values: list[Any]) -> str:
    """The kind that numbers and tensors give together."""
    kinds = {value.dtype if isinstance(value, Value) else type(value).__name__ for value in values}
    return next((kind for kind in ("float", "int") if kind in kinds), "bool")
