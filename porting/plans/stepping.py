"""Whether one model steps cells by hand where the other has a recurrent layer that runs them."""

from collections import Counter
from collections.abc import Collection

from porting.errors import SteppingError
from porting.traces import Trace

_TWINS = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
"""Type of torch's recurrent layer -> of Keras'."""


def check_steps(unrolled: Collection[str], reference: Trace, port: Trace) -> None:
    """Where the models do not have as many cells of a type, its layers are to run step by step.

    Raises
    ------
    SteppingError
        If there are such layers that do not yet.
    """
    ours, theirs = (Counter(layer.kind for layer in trace.layers()) for trace in (reference, port))
    apart = tuple(
        kind
        for kind, twin in _TWINS.items()
        if kind not in unrolled and ours[f"{kind}Cell"] != theirs[f"{twin}Cell"] and (ours[kind] or theirs[twin])
    )
    if apart:
        raise SteppingError(apart)
