"""The states that a recurrent layer starts from: in each other's place, or none."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch

from porting.traces import LayerCall

_RUN = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"})
"""Functions of torch that run recurrences: the second of their arguments is what they start from."""

Change = Callable[[Any], Any]


class StartingFrom(torch.overrides.TorchFunctionMode):
    """Recurrences start from other states than they are given."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a function, a recurrence with the states changed."""
        if getattr(func, "__name__", "") in _RUN and len(args) > 1:
            args = (args[0], self.change(args[1]), *args[2:])
        return func(*args, **(kwargs or {}))


def other_starts(call: LayerCall) -> Iterator[tuple[str, Change]]:
    """What is otherwise as a layer starts, in words, and how the states change."""
    if call.kind in ("LSTM", "LSTMCell"):
        yield "it starts from h and c in each other's place", _exchanged
        for number, state in enumerate("hc"):
            yield f"its {state} starts from zeros where the reference gives it one", partial(_zero, number)
            yield f"its {state} starts from {'ch'[number]}, as the other does", partial(_both_from, 1 - number)
    if call.kind in ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"):
        yield "it starts from zeros where the reference gives it a state", _zeros


def _exchanged(states: Any) -> Any:
    return type(states)(reversed(states)) if isinstance(states, (list, tuple)) else states


def _both_from(number: int, states: Any) -> Any:
    return type(states)([states[number]] * 2) if isinstance(states, (list, tuple)) else states


def _zero(number: int, states: Any) -> Any:
    if not isinstance(states, (list, tuple)):
        return states
    return type(states)(torch.zeros_like(held) if at == number else held for at, held in enumerate(states))


def _zeros(states: Any) -> Any:
    return (
        type(states)(map(torch.zeros_like, states)) if isinstance(states, (list, tuple)) else torch.zeros_like(states)
    )
