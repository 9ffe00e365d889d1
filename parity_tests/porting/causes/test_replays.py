"""What lies between layers is run again without the model, in place too, unless its code would see otherwise."""

import numpy as np
import pytest
import torch
from torch import nn

from porting.causes.replay import NotReplayable, Recorder, replay_of
from porting.reference import runs
from porting.traces import lesson_of

INPUT = np.random.default_rng(0).standard_normal((3, 5))


class Branches(nn.Module):
    """Adds in place, looks at a view, and never uses what a third layer gives."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.unused, self.c = (nn.Linear(5, 5).double() for _ in range(4))

    def forward(self, x):
        first, second = self.a(x), self.b(x)
        first += torch.tanh(second)
        first[:, :2] *= 2
        torch.exp(self.unused(x))
        return self.c(torch.relu_(first))


class Deciding(nn.Module):
    """Takes the way that its values say."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Linear(5, 5).double(), nn.Linear(5, 5).double()

    def forward(self, x):
        hidden = self.a(x)
        return self.c(torch.tanh(hidden) if hidden.sum().item() < 0 else torch.relu(hidden))


def recorded(model, number, sources):
    trace = runs.trace(model, [INPUT])
    recorder = Recorder(0, number)
    arrived = runs.arriving(model, [INPUT], lesson_of(trace), number, recorder)
    gives = {name: torch.tensor(call.output) for name, call in zip(trace.call_names(), trace.calls, strict=True)}
    return trace, recorder, replay_of(recorder, arrived, [(name, gives[name]) for name in sources])


def test_what_is_changed_in_place_is_replayed_as_often_as_wanted():
    torch.manual_seed(0)
    model = Branches()
    trace, _, replay = recorded(model, 3, ("a", "b"))
    for _ in range(2):
        assert torch.equal(replay.run({}), torch.tensor(trace.calls[3].input))
    doubled = replay.run({"b": lambda tensor: 2 * tensor})
    first = torch.tensor(trace.calls[0].output) + torch.tanh(2 * torch.tensor(trace.calls[1].output))
    first[:, :2] *= 2
    assert torch.equal(doubled, torch.relu(first))


def test_only_what_arrives_is_replayed():
    torch.manual_seed(0)
    _, recorder, replay = recorded(Branches(), 3, ("a", "b"))
    assert "exp" in {event.call.name for event in recorder.events}
    assert "exp" not in {event.call.name for event in replay.events}


def test_a_function_is_exchanged_without_running_the_model():
    torch.manual_seed(0)
    model = Branches()
    trace, _, replay = recorded(model, 3, ("a", "b"))
    model.forward = None
    (tanh,) = [event.number for event in replay.events if event.call.name == "tanh"]
    changed = replay.run({tanh: lambda function, arguments, keywords: torch.zeros_like(arguments[0])})
    first = torch.tensor(trace.calls[0].output)
    first[:, :2] *= 2
    assert torch.equal(changed, torch.relu(first))


def test_what_the_models_code_would_see_otherwise_is_not_replayed():
    torch.manual_seed(0)
    _, _, replay = recorded(Deciding(), 1, ("a",))
    with pytest.raises(NotReplayable, match="sees"):
        replay.run({"a": lambda tensor: -3 * tensor})


def test_a_change_at_a_place_that_was_not_recorded_is_refused():
    torch.manual_seed(0)
    _, _, replay = recorded(Branches(), 3, ("a", "b"))
    with pytest.raises(NotReplayable):
        replay.run({"elsewhere": lambda tensor: tensor})
