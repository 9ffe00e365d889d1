"""Constants that a torch model holds in float32, beside its layers; a port may have them as they were meant."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from porting.reference.exact import in_float64
from porting.reference.side import plain_tables, uninitialised
from porting.reference.structure import is_one_layer

if TYPE_CHECKING:
    import torch

FLOAT32_ROUNDING = 2.0**-24
_EXACT_BITS = 12
"""Binary places behind the point that any way of writing a constant keeps: 0.5, or the ones of a mask."""


def rounded_constants(model: "torch.nn.Module", whole_kinds: frozenset[str]) -> dict[str, "torch.Tensor"]:
    """Tables of floats that belong to no layer, by name, where float32 may have rounded one of their values."""
    return {
        f"{path}.{name}" if path else name: buffer
        for path, module in model.named_modules()
        if not is_one_layer(module, whole_kinds)
        for name, held in (*module.named_buffers(recurse=False), *plain_tables(module).items())
        if (buffer := _parts(held)).is_floating_point() and bool(is_rounded(buffer).any())
    }


_MEANT: "WeakKeyDictionary[torch.nn.Module, Mapping[str, torch.Tensor]]" = WeakKeyDictionary()
_NEAR = 1e-3
"""How far a table that is as it is built may be from what it is meant to be, relative to its greatest value."""


def see_what_is_meant(model: "torch.nn.Module", build: "Callable[[], torch.nn.Module]") -> None:
    """See what a model's tables are where it is built in float64: what it computes in float32 is rounded many times."""
    held = rounded_constants(model, frozenset())
    if not held:
        return
    with suppress(Exception), uninitialised():  # code of anybody's raises what it likes
        built = _tables(build())
        with in_float64():
            meant = _tables(build())
        as_built = (name for name, table in held.items() if name in built and built[name].equal(table))
        _MEANT[model] = {name: meant[name] for name in as_built if _is_near(held[name], meant[name])}


def what_is_meant(model: "torch.nn.Module") -> "Mapping[str, torch.Tensor]":
    """By name, the tables of a model as they are where it is built in float64, as far as that has been seen."""
    return _MEANT.get(model, {})


@contextmanager
def as_meant(model: "torch.nn.Module") -> Iterator[None]:
    """Let a model in float64 have its tables as they are meant for a while."""
    import torch

    held, meant = _tables(model), what_is_meant(model)
    kept = {name: held[name].clone() for name in meant}
    with torch.no_grad():
        for name, table in meant.items():
            held[name].copy_(table)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, table in kept.items():
                held[name].copy_(table)


def _is_near(table: "torch.Tensor", meant: "torch.Tensor") -> bool:
    if table.shape != meant.shape:
        return False
    finite = table.isfinite() & meant.isfinite()
    apart, size = (table.double() - meant)[finite].abs(), meant[finite].abs()
    return bool(size.numel()) and bool(apart.max() <= _NEAR * size.max())


def _tables(model: "torch.nn.Module") -> "dict[str, torch.Tensor]":
    return {
        f"{path}.{name}" if path else name: _parts(held)
        for path, module in model.named_modules()
        for name, held in (*module.named_buffers(recurse=False), *plain_tables(module).items())
    }


def _parts(table: "torch.Tensor") -> "torch.Tensor":
    """The real and imaginary parts of complex numbers, in the same memory."""
    import torch

    return torch.view_as_real(table) if table.is_complex() and not table.is_conj() else table


def is_rounded(buffer: "torch.Tensor") -> "torch.Tensor":
    """Which values any way of writing them may have rounded."""
    scaled = buffer * 2**_EXACT_BITS
    return (scaled != scaled.round()) & buffer.isfinite()


def turns(count: int) -> range:
    """In which any two of so many tables move alike once, and once the other way; some of them where there are many."""
    return range(min(_MOST_TURNS, 1 + (count - 1).bit_length()))


_MOST_TURNS = 4


@contextmanager
def one_rounding_away(
    buffers: "Mapping[str, torch.Tensor]", turn: int = 0, meant: "Mapping[str, torch.Tensor] | None" = None
) -> Iterator[None]:
    """Let each of their values be one float32 rounding up or down for a while, some tables the other way in each turn.

    As far as a value is from what is meant, where that is further.

    A mean that is too large and a standard deviation that is, too, may cancel each other.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    kept = {name: buffer.clone() for name, buffer in buffers.items()}
    with torch.no_grad():
        for number, (name, buffer) in enumerate(buffers.items()):
            is_turned = bool(turn and number >> (turn - 1) & 1)
            buffer.copy_(rounding_away(buffer, generator, (meant or {}).get(name), is_turned=is_turned))
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in buffers.items():
                buffer.copy_(kept[name])


def rounding_away(
    table: "torch.Tensor",
    generator: "torch.Generator",
    meant: "torch.Tensor | None" = None,
    *,
    is_turned: bool = False,
) -> "torch.Tensor":
    """A table's values one float32 rounding up or down, or as far as they are from what is meant."""
    import torch

    signs = torch.randint(0, 2, table.shape, generator=generator).to(table) * 2 - 1
    signs = -signs if is_turned else signs
    shift = table.abs() * FLOAT32_ROUNDING
    signs = torch.where(table < 0, -signs, signs)
    if meant is not None:
        shift = torch.maximum(shift, (meant.to(table) - table).abs().nan_to_num(0.0))
    return torch.where(is_rounded(table), table + shift * signs, table)
