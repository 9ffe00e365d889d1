import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from porting.plans.flow import Runner, with_sources
from porting.plans.tiles import changed_values as changed
from porting.port import runs as keras_runs
from porting.reference import runs as torch_runs

SAMPLES = np.random.default_rng(0).standard_normal((1, 6)).astype(np.float32)


def flow_of(model, inputs, axes=(0,)):
    runs = []

    def arrivals(*arguments):
        runs.append(1)
        return torch_runs.arrivals(model, *arguments)

    runner = Runner(lambda given: torch_runs.trace(model, given), arrivals, axes)
    return with_sources(torch_runs.trace(model, inputs), inputs, runner), len(runs)


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.mean, self.spread = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, points):
        hidden = torch.relu(self.trunk(points))
        return self.mean(hidden) + points, self.spread(hidden)


def test_a_layer_is_reached_by_what_runs_before_it_without_another_layer_between():
    flow, _ = flow_of(Heads().eval(), [SAMPLES])
    assert flow.sources == (("",), ("trunk",), ("trunk",), ("", "mean"), ("spread",))
    assert flow.inputs_reaching == ((0,), (), (), (0,), ())


@pytest.mark.parametrize("count", [20, 60, 120])
def test_a_chain_of_any_length_takes_one_run_more_than_none_changed(count):
    chain = nn.Sequential(*(nn.Linear(6, 6) for _ in range(count)))
    flow, taken = flow_of(chain.eval(), [SAMPLES])
    assert flow.sources == (("",), *((str(at),) for at in range(count)))
    assert taken == 2


class Deep(nn.Module):
    """Each layer is given what the one before it and the fourth before it return; what is returned is `end` of it."""

    def __init__(self, end):
        super().__init__()
        self.steps, self.end = nn.ModuleList(nn.Linear(6, 6) for _ in range(60)), end

    def forward(self, given):
        returned = []
        for at, step in enumerate(self.steps):
            returned.append(step(given if at == 0 else returned[at - 1] + returned[max(at - 4, 0)]))
        return self.end(returned[-1])


BEFORE = tuple(tuple(dict.fromkeys(f"steps.{max(at - far, 0)}" for far in (4, 1))) for at in range(1, 60))


@pytest.mark.parametrize(
    ("end", "runs"),
    [
        (lambda last: last, 3),
        (lambda last: last.sum(), 3 + 24),  # no sample of it is told from others
        (lambda last: last - last.mean(0), 3 + 24),
        (lambda last: last.argmax(-1), 3),
    ],
    ids=["samples", "one number", "mixed", "whole numbers"],
)
def test_two_sources_of_each_of_many_layers_are_found_whatever_is_returned(end, runs):
    torch.manual_seed(0)
    flow, taken = flow_of(Deep(end).eval(), [SAMPLES])
    assert flow.sources == (("",), *BEFORE, ("steps.59",))
    assert taken <= runs


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(9, 4), nn.Embedding(5, 4), nn.Linear(4, 2)

    def forward(self, words):
        return self.head(self.words(words) + self.places(torch.arange(5)))


def test_an_output_without_an_axis_of_samples_is_followed_too():
    flow, _ = flow_of(Positions().eval(), [np.array([[1, 2, 3, 4, 0]])])
    named = dict(zip(flow.call_names(), flow.sources, strict=False))
    assert named["head"] == ("words", "places")
    assert named["places"] == ()


class TimeFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, steps):
        return self.second(torch.cumsum(self.first(steps), 0))


def test_samples_may_be_the_second_axis():
    flow, _ = flow_of(TimeFirst().eval(), [np.random.default_rng(0).standard_normal((7, 1, 6), np.float32)], (1,))
    assert flow.sources == (("",), ("first",), ("second",))


def test_a_port_without_its_weights_lets_changes_through_a_product():
    given = keras.Input((4, 6))
    query, key = (layers.Dense(6, name=name, kernel_initializer="zeros")(given) for name in ("query", "key"))
    scores = keras.ops.matmul(query, keras.ops.transpose(key, (0, 2, 1)))
    port = keras.Model(given, layers.Dense(2, name="head")(scores))
    inputs = [np.random.default_rng(0).standard_normal((1, 4, 6)).astype(np.float32)]

    def arrivals(*arguments):
        return keras_runs.arrivals(port, *arguments)

    trace = keras_runs.trace(port, inputs)
    flow = with_sources(trace, inputs, Runner(lambda given: keras_runs.trace(port, given), arrivals, (0,)))
    assert set(dict(zip(flow.call_names(), flow.sources, strict=False))["head"]) == {"query", "key"}


@pytest.mark.parametrize("value", [0, 1, 7])
def test_a_single_integer_is_always_changed(value):
    given = np.array([[value]], np.int32)
    assert all((changed(given, np.random.default_rng(seed)) != given).all() for seed in range(8))


class Pooled(nn.Module):
    """Each branch gives a single number to an activation that lets only positive ones through."""

    def __init__(self):
        super().__init__()
        self.branches, self.head = nn.ModuleList(nn.Linear(6, 1) for _ in range(8)), nn.Linear(8, 2)

    def forward(self, points):
        return self.head(torch.cat([torch.relu(branch(points)) for branch in self.branches], 1))


def test_a_single_number_reaches_what_lies_behind_an_activation():
    flow, _ = flow_of(Pooled().eval(), [SAMPLES])
    assert flow.sources[8] == tuple(f"branches.{number}" for number in range(8))


class Chosen(nn.Module):
    """Of three experts each sample takes the two that its gate gives most."""

    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Linear(6, 3), nn.ModuleList(nn.Linear(6, 6) for _ in range(3))

    def forward(self, points):
        weights, chosen = torch.topk(self.gate(points), 2)
        shares = torch.zeros(len(points), 3, dtype=points.dtype).scatter(1, chosen, weights)
        return (torch.stack([expert(points) for expert in self.experts], 1) * shares[..., None]).sum(1)


@pytest.mark.parametrize("seed", range(3))
def test_what_other_values_choose_reaches_too(seed):
    torch.manual_seed(seed)
    flow, _ = flow_of(Chosen().eval(), [SAMPLES])
    assert set(flow.sources[-1]) == {"gate", "experts.0", "experts.1", "experts.2"}
