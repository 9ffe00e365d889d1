"""Constants that a torch model holds in float32, beside its layers; a port may have them as they were meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from porting.reference.side import plain_tables
from porting.reference.structure import is_one_layer

if TYPE_CHECKING:
    import torch

_FLOAT32_ROUNDING = 2.0**-24
_EXACT_BITS = 12
"""Binary places behind the point that any way of writing a constant keeps: 0.5, or the ones of a mask."""


def rounded_constants(model: "torch.nn.Module", whole_kinds: frozenset[str]) -> dict[str, "torch.Tensor"]:
    """Tables of floats that belong to no layer, by name, where float32 may have rounded one of their values."""
    return {
        f"{path}.{name}" if path else name: buffer
        for path, module in model.named_modules()
        if not is_one_layer(module, whole_kinds)
        for name, held in (*module.named_buffers(recurse=False), *plain_tables(module).items())
        if (buffer := _parts(held)).is_floating_point() and bool(_is_rounded(buffer).any())
    }


def _parts(table: "torch.Tensor") -> "torch.Tensor":
    """The real and imaginary parts of complex numbers, in the same memory."""
    import torch

    return torch.view_as_real(table) if table.is_complex() and not table.is_conj() else table


def _is_rounded(buffer: "torch.Tensor") -> "torch.Tensor":
    scaled = buffer * 2**_EXACT_BITS
    return (scaled != scaled.round()) & buffer.isfinite()


def turns(count: int) -> range:
    """In which any two of so many tables move alike once, and once the other way; some of them where there are many."""
    return range(min(_MOST_TURNS, 1 + (count - 1).bit_length()))


_MOST_TURNS = 4


@contextmanager
def one_rounding_away(buffers: dict[str, "torch.Tensor"], turn: int = 0) -> Iterator[None]:
    """Let each of their values be one float32 rounding up or down for a while, some tables the other way in each turn.

    A mean that is too large and a standard deviation that is, too, may cancel each other.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    kept = {name: buffer.clone() for name, buffer in buffers.items()}
    with torch.no_grad():
        for number, buffer in enumerate(buffers.values()):
            signs = torch.randint(0, 2, buffer.shape, generator=generator).to(buffer) * 2 - 1
            signs = -signs if turn and number >> (turn - 1) & 1 else signs
            buffer.copy_(torch.where(_is_rounded(buffer), buffer * (1 + _FLOAT32_ROUNDING * signs), buffer))
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in buffers.items():
                buffer.copy_(kept[name])
