"""What a probe or a checkpoint cannot show: values that change no output, tensors that a fault would not change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from porting.records.runs import BlindSpot
from porting.records.verdict import Part
from porting.statuses import Status
from porting.traces import PARAMETER, LayerCall, Trace
from porting.wording import counted


def find_blind_spots(
    trace: Trace,
    unseen: Mapping[str, np.ndarray],
    unseen_alone: Mapping[str, np.ndarray],
    state: Mapping[str, np.ndarray],
) -> tuple[BlindSpot, ...]:
    """List what cannot be seen, layer by layer, in execution order.

    Parameters
    ----------
    trace : Trace
        The reference's.
    unseen, unseen_alone : Mapping
        Parameter -> which of its values change no output: of the model on the probe; of the layer run alone.
    state : Mapping
        Every tensor of the reference that may hide something.
    """
    return tuple(spot for call in trace.layers() for spot in _of_layer(call, unseen, unseen_alone, state))


def _of_layer(
    call: LayerCall,
    unseen: Mapping[str, np.ndarray],
    unseen_alone: Mapping[str, np.ndarray],
    state: Mapping[str, np.ndarray],
) -> Iterator[BlindSpot]:
    for word, name in call.weights.items():
        if name not in state:
            continue
        if name in unseen and (dead := _without_padding(unseen[name], call)).any():
            dead_alone = dead & unseen_alone.get(name, dead)
            dead, dead_alone = (held & ~_beyond_the_input(dead_alone, call) for held in (dead, dead_alone))
            if not dead.any():
                continue
            is_hidden = dead_alone.all() if call.kind in _LOOKED_UP else dead_alone.any()
            text = f"{int(dead.sum()):,} of {counted(dead.size, 'value')} of {word} change no output on the probe"
            yield BlindSpot(call.name, text, not is_hidden)
        for says in _DEGENERATE:
            if text := says(call.kind, word, state[name]):
                yield BlindSpot(call.name, text, False, name)


def _beyond_the_input(dead_alone: np.ndarray, call: LayerCall) -> np.ndarray:
    """The taps of a convolution that reach nothing but padding: an input of this size shows them in neither model."""
    if not call.kind.startswith("Conv") or dead_alone.ndim < 3:
        return np.zeros_like(dead_alone)
    return np.broadcast_to(dead_alone.all(axis=(0, 1)), dead_alone.shape)


def _without_padding(dead: np.ndarray, call: LayerCall) -> np.ndarray:
    """Leave out the row that torch gives no gradient though it changes outputs: that of `padding_idx`."""
    row = call.settings.get("padding_idx")
    if row is None:
        return dead
    others = dead.copy()
    others[row] = False
    return others


_LOOKED_UP = frozenset({"Embedding", "EmbeddingBag"})
"""Layers that look up rows: one that nobody asked for is compared in the transfer, and looked up as the others are."""


def _zero_bias(kind: str, word: str, tensor: np.ndarray) -> str:
    is_bias = word.startswith("bias") and tensor.size and not tensor.any()
    return f"{word} is all zeros: a missing one would look the same" if is_bias else ""


def _symmetric_taps(kind: str, word: str, tensor: np.ndarray) -> str:
    if tensor.ndim < 3 or not tensor.any():
        return ""
    spatial = [axis for axis in range(2, tensor.ndim) if tensor.shape[axis] > 1]
    several = [axes for count in range(1, len(spatial) + 1) for axes in combinations(spatial, count)]
    symmetric = [axes for axes in several if np.array_equal(tensor, np.flip(tensor, axes))]
    return f"{word} is symmetric along its taps: reversed taps would look the same" if symmetric else ""


def _symmetric_matrix(kind: str, word: str, tensor: np.ndarray) -> str:
    is_square = tensor.ndim >= 2 and tensor.shape[0] == tensor.shape[1] > 1
    same = is_square and np.array_equal(tensor, tensor.swapaxes(0, 1))
    return f"{word} is symmetric: a missing transposition would look the same" if same else ""


def _initial_statistics(kind: str, word: str, tensor: np.ndarray) -> str:
    initial = {"running_mean": 0.0, "running_var": 1.0}
    same = word in initial and (tensor == initial[word]).all()
    return f"{word} is at its initial value: statistics in another order would look the same" if same else ""


def _unit_scale(kind: str, word: str, tensor: np.ndarray) -> str:
    same = "Norm" in kind and word == "weight" and (tensor == 1).all()
    return f"{word} is all ones: a missing scale would look the same" if same else ""


def _zero_weight(kind: str, word: str, tensor: np.ndarray) -> str:
    is_layers_own = kind != PARAMETER and word.startswith(("weight", "kernel"))
    same = is_layers_own and tensor.ndim > 1 and not tensor.any()
    return f"{word} is all zeros: its values in another order would look the same" if same else ""


_DEGENERATE: tuple[Callable[[str, str, np.ndarray], str], ...] = (
    _zero_bias,
    _symmetric_taps,
    _symmetric_matrix,
    _initial_statistics,
    _unit_scale,
    _zero_weight,
)
"""What is the same before and after a fault, so that the fault would not show."""


def judge_blind_spots(spots: tuple[BlindSpot, ...], why_no_unseen: str) -> Part:
    """NOT CHECKED where something stays unseen, or where it is not known what does."""
    lines = []
    if seen_alone := sum(spot.seen_alone for spot in spots):
        lines.append(
            f"{counted(seen_alone, 'blind spot')} of the probe, seen where each layer runs alone on synthetic input"
        )
    if seen_drawn := sum(spot.seen_drawn for spot in spots):
        lines.append(f"{counted(seen_drawn, 'blind spot')} of the checkpoint, seen with drawn values in its place")
    if why_no_unseen:
        lines.append(f"gradients of the reference, which show what cannot be seen, {why_no_unseen}")
    unseen = [spot for spot in spots if not spot.is_seen]
    if not unseen and not why_no_unseen:
        return Part(Status.PASS, tuple(lines))
    lines += [f"cannot be seen: {spot.layer}: {spot.what}" for spot in unseen]
    return Part(Status.NOT_CHECKED, (*lines, *_proposals(unseen)))


def _proposals(unseen: Sequence[BlindSpot]) -> Iterator[str]:
    """What would let the verifier see the blind spots, a line each."""
    if any(not spot.tensor for spot in unseen):
        yield "give a probe that wakes them: more samples of your batches (--probe FILE --all), or --probe synthetic"
    if any(spot.tensor for spot in unseen):
        yield "verify the pair once on a checkpoint that was trained, or whose tensors are drawn at random"
