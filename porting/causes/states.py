"""One of the states that a recurrent layer ends in, where the port takes the other."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Segment
from porting.reference import runs as torch_runs

_RECURRENT = frozenset({"LSTM", "LSTMCell"})
_REMEDY = "take the reference's state: Keras' LSTM returns what it puts out, then h, then c"


def other_states(segment: Segment) -> Iterator[Edit]:
    """What is h of an LSTM as its c, or the other way round, wherever either is taken, and at all of its calls."""
    everywhere: dict[tuple[str, str], list[dict[Place, Change]]] = {}
    for number, call in enumerate(segment.reference.calls[: segment.end]):
        if call.kind in _RECURRENT:
            name = segment.names[number]
            hidden, cell = _states(segment, number)
            for place, taken, other in (("h", hidden, cell), ("c", cell, hidden)):
                changes = dict(_taking(segment, name, taken, other))
                everywhere.setdefault((call.name, place), []).append(changes)
                yield from (_taken(name, place, {at: change}) for at, change in changes.items())
    for (layer, place), calls in everywhere.items():
        if sum(map(bool, calls)) > 1:
            yield _taken(layer, place, {at: change for changes in calls for at, change in changes.items()})


def _taken(name: str, place: str, changes: Mapping[Place, Change]) -> Edit:
    detail = f"{'c' if place == 'h' else 'h'} of {name} where the reference takes {place}"
    return Edit("another state taken", detail, _REMEDY, changes)


def _states(segment: Segment, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What an LSTM ends in, h and c, (sample, unit)."""
    trial = segment.trial
    run = torch_runs.layer_alone(segment.witness.model, trial.inputs, trial.lesson, number)
    give = torch.as_tensor(np.array(trial.lesson[number].give))
    with torch.no_grad():
        output = run(torch.as_tensor(np.array(trial.lesson[number].feed)))
    call = segment.reference.calls[number]
    if call.kind == "LSTMCell":
        return give, output[1]
    time = 1 if call.settings["batch_first"] else 0
    last = 0 if call.settings.get("reverse") else -1
    return give.select(time, last), output[1][1][0]


def _taking(segment: Segment, name: str, taken: torch.Tensor, other: torch.Tensor) -> Iterator[tuple[Place, Change]]:
    """Where a state is the result of a function, or what a layer gives; and its change to the other state."""
    for number, call in segment.events:
        if call.result.numel() == taken.numel() and torch.equal(call.result.reshape(-1), taken.reshape(-1)):
            shape = call.result.shape
            yield number, lambda function, arguments, keywords, shape=shape: other.reshape(shape)
    give = segment.gives.get(name)
    if give is not None and give.shape == tuple(taken.shape) and np.array_equal(give, taken.numpy()):
        yield name, lambda _: other
