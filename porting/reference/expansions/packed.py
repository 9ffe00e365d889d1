"""Recurrent layers that are given a PackedSequence: run on padded steps, each sample to its own end, as masks do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from porting import calls

if TYPE_CHECKING:
    import torch
    from torch.nn.utils.rnn import PackedSequence

Lengths = Any
"""How many steps each sample has, (sample,); None where all have all."""

_PACKED: "list[dict[int, tuple[torch.Tensor, torch.Tensor]]]" = []
"""Of the runs that are noted: what was packed, and the padded steps, (sample, time, feature), that it was made of."""


@contextmanager
def noted() -> Iterator[None]:
    """Note what sequences were before they were packed: Keras keeps what is masked, and gives it to the layer."""
    import torch

    packed: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    _PACKED.append(packed)
    try:
        with calls.with_attributes(torch.nn.utils.rnn, {"_VF": _Noting(torch._VF, packed)}):
            yield
    finally:
        _PACKED.pop()


class _Noting:
    """Torch's functions, of which the one that packs notes what it is given."""

    def __init__(self, original: Any, packed: "dict[int, tuple[torch.Tensor, torch.Tensor]]") -> None:
        self._original, self._packed = original, packed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def _pack_padded_sequence(self, input: Any, lengths: Any, batch_first: bool) -> Any:  # noqa: A002
        data, sizes = self._original._pack_padded_sequence(input, lengths, batch_first)
        self._packed[id(data)] = data, input if batch_first else input.transpose(0, 1)
        return data, sizes


def unpacked(given: "PackedSequence") -> "tuple[torch.Tensor, torch.Tensor]":
    """Steps (sample, time, feature), as many as there were before they were packed, and how many each sample has."""
    import torch

    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(given, batch_first=True)
    _, steps = _PACKED[-1].get(id(given.data), (None, None)) if _PACKED else (None, None)
    if steps is None:
        return padded, lengths
    return steps if given.unsorted_indices is None else steps[given.unsorted_indices], lengths


def packed_again(steps: "torch.Tensor", lengths: "torch.Tensor", given: "PackedSequence") -> "PackedSequence":
    """Steps packed as what was given was."""
    import torch

    ordered = steps if given.sorted_indices is None else steps[given.sorted_indices]
    sizes = lengths if given.sorted_indices is None else lengths[given.sorted_indices.cpu()]
    made = torch.nn.utils.rnn.pack_padded_sequence(ordered, sizes, batch_first=True)
    return torch.nn.utils.rnn.PackedSequence(made.data, made.batch_sizes, given.sorted_indices, given.unsorted_indices)


def run(
    function: Callable[..., Any],
    fed: "torch.Tensor",
    start: "tuple[torch.Tensor, ...]",
    weights: tuple[Sequence["torch.Tensor"], bool],
    lengths: "torch.Tensor",
    *,
    is_reverse: bool,
) -> tuple[Any, Any]:
    """Run one layer in one direction; behind a sample's end it puts out its last step again, or zeros before it begins.

    Returns as a module of one layer does.
    """
    import torch

    places = _within(lengths, fed.shape[1], is_reverse=is_reverse)
    given = torch.nn.utils.rnn.pack_padded_sequence(_read(fed, places), lengths, batch_first=True, enforce_sorted=False)
    order, back = given.sorted_indices, given.unsorted_indices
    states = [state[:, order] for state in start]
    held = tuple(states) if len(states) > 1 else states[0]
    data, *after = function(given.data, given.batch_sizes, held, *weights, 1, 0.0, False, False)
    made = torch.nn.utils.rnn.PackedSequence(data, given.batch_sizes, order, back)
    output, _ = torch.nn.utils.rnn.pad_packed_sequence(made, batch_first=True, total_length=fed.shape[1])
    output = _read(output, places) if is_reverse else until_its_end(output, lengths)
    after = [state[:, back] for state in after]
    return output, tuple(after) if len(after) > 1 else after[0]


def until_its_end(output: "torch.Tensor", lengths: "torch.Tensor") -> "torch.Tensor":
    """All steps, (sample, time, unit), a sample's last one again behind its end."""
    return _read(output, _within(lengths, output.shape[1], is_reverse=False).minimum(lengths[:, None] - 1))


def _read(steps: "torch.Tensor", places: "torch.Tensor") -> "torch.Tensor":
    return steps.gather(1, places[..., None].expand_as(steps))


def held(
    before: "tuple[torch.Tensor, ...]", after: "tuple[torch.Tensor, ...]", is_there: "torch.Tensor"
) -> "tuple[torch.Tensor, ...]":
    """States behind a step, as they were in samples that have no such step."""
    import torch

    return tuple(torch.where(is_there[:, None], new, old) for old, new in zip(before, after, strict=True))


def _within(lengths: "torch.Tensor", steps: int, *, is_reverse: bool) -> "torch.Tensor":
    """Where each step is read, (sample, time): a sample's own steps in their order, or in reverse; padding stays."""
    import torch

    places = torch.arange(steps).expand(len(lengths), steps)
    turned = lengths[:, None] - 1 - places
    return torch.where(turned >= 0, turned, places) if is_reverse else places
