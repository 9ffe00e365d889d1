"""Recurrent layers otherwise: other functions at their gates or in their state, the sequence the other way round."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from porting.causes.catalogue.variants import ACTIVATIONS, Step
from porting.traces import LayerCall

KINDS = ("LSTM", "GRU", "RNN")

_GATES: Mapping[str, Step] = {
    "hard_sigmoid": functional.hardsigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "nothing": lambda tensor: tensor,
}


def other_functions(call: LayerCall, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Step]]:
    """The layer with another function at its gates or in its state, in words; from zeros, as without a state given."""
    if call.kind not in KINDS or "weight_ih_l0" not in call.weights:
        return
    own = "relu" if call.settings.get("mode") == "RNN_RELU" else "tanh"
    held = {word: tensors[name] for word, name in call.weights.items()}
    states = {**ACTIVATIONS, "nothing": _GATES["nothing"]}
    for name, gate in _GATES.items() if call.kind != "RNN" else ():
        yield f"{name} at the gates where the reference has sigmoid", partial(_run, call, held, gate, torch.tanh)
    for name, state in states.items():
        if name != own:
            detail = f"{name} in the state where the reference has {own}"
            yield detail, partial(_run, call, held, torch.sigmoid, state)


def reset_before(call: LayerCall, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Step]]:
    """A GRU that resets its state before the product with the recurrent kernel, in words."""
    if call.kind == "GRU" and "weight_ih_l0" in call.weights:
        held = {word: tensors[name] for word, name in call.weights.items()}
        step = partial(_gru_reset_before, held["weight_hh_l0"], held.get("bias_hh_l0"))
        detail = "the state is reset before its product with the recurrent kernel, where the reference resets it behind"
        yield detail, partial(_run, call, held, torch.sigmoid, torch.tanh, taking=step)


def turned(tensor: Tensor) -> Tensor:
    """The last step first."""
    return tensor.flip(1)


def _run(
    call: LayerCall,
    held: Mapping[str, Tensor],
    gate: Step,
    state: Step,
    given: Tensor,
    taking: Callable[..., tuple[Tensor, Tensor]] | None = None,
) -> Tensor:
    take = taking or _STEPS[call.kind]
    is_reverse = call.settings.get("reverse", False)
    recurrent = held["weight_hh_l0"]
    none = recurrent.new_zeros(len(recurrent))
    fed = functional.linear(given, held["weight_ih_l0"], held.get("bias_ih_l0", none))
    hidden = cell = given.new_zeros(len(given), recurrent.shape[1])
    steps = []
    for step in reversed(range(fed.shape[1])) if is_reverse else range(fed.shape[1]):
        back = functional.linear(hidden, recurrent, held.get("bias_hh_l0", none))
        hidden, cell = take(fed[:, step], back, hidden, cell, gate, state)
        steps.append(hidden)
    return torch.stack(steps[::-1] if is_reverse else steps, dim=1)


def _lstm(fed: Tensor, back: Tensor, hidden: Tensor, cell: Tensor, gate: Step, state: Step) -> tuple[Tensor, Tensor]:
    taken, kept, new, shown = (fed + back).chunk(4, -1)
    cell = gate(kept) * cell + gate(taken) * state(new)
    return gate(shown) * state(cell), cell


def _gru(fed: Tensor, back: Tensor, hidden: Tensor, cell: Tensor, gate: Step, state: Step) -> tuple[Tensor, Tensor]:
    parts = zip(fed.chunk(3, -1), back.chunk(3, -1), strict=True)
    (reset, reset_back), (kept, kept_back), (new, new_back) = parts
    share = gate(kept + kept_back)
    return (1 - share) * state(new + gate(reset + reset_back) * new_back) + share * hidden, cell


def _gru_reset_before(
    recurrent: Tensor,
    bias: Tensor | None,
    fed: Tensor,
    back: Tensor,
    hidden: Tensor,
    cell: Tensor,
    gate: Step,
    state: Step,
) -> tuple[Tensor, Tensor]:
    parts = zip(fed.chunk(3, -1), back.chunk(3, -1), strict=True)
    (reset, reset_back), (kept, kept_back), (new, _) = parts
    share = gate(kept + kept_back)
    own_bias = None if bias is None else bias.chunk(3)[2]
    new_back = functional.linear(gate(reset + reset_back) * hidden, recurrent.chunk(3)[2], own_bias)
    return (1 - share) * state(new + new_back) + share * hidden, cell


def _plain(fed: Tensor, back: Tensor, hidden: Tensor, cell: Tensor, gate: Step, state: Step) -> tuple[Tensor, Tensor]:
    return state(fed + back), cell


_STEPS = {"LSTM": _lstm, "GRU": _gru, "RNN": _plain}
