"""Tensors of the reference that Keras holds only as their sum.

The sum is rounded to float32, as Keras stores it, and float64 would show that. So the reference is run with the sum in
the first tensor and zeros in the others: the same function up to that rounding, and what a port can give back.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from porting.reference import side as torch_side
from porting.reference.abouts import About, kind_of
from porting.reference.expansions.modules import expansion_of
from porting.rules import patterns
from porting.rules.rule import LayerRule
from porting.rules.table import rows_of

if TYPE_CHECKING:
    import torch


def find_sums(
    model: "torch.nn.Module", rules: tuple[LayerRule, ...] = (), axes: Mapping[str, str] | None = None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Names of the tensors of a model that a pair's rules and axes, or else the table's, add up, with the pattern.

    A module under several names has its tensors under each of them.
    """
    for path, module in model.named_modules(remove_duplicate=False):
        for about in _layers(path, module):
            for rule in [rule for rule in rules if rule.reference == about.kind] or rows_of(about.kind):
                yield from _sums(rule, about.weights, axes or {})


def _layers(path: str, module: "torch.nn.Module") -> tuple[About, ...]:
    """The layers that a module is: itself, or several."""
    own = torch_side.own_tensors(path, module)
    expansion = expansion_of(path, module, own)
    return expansion.parts if expansion else (About(path, kind_of(module), own, {}),)


def _sums(rule: LayerRule, own: Mapping[str, str], axes: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    for words, (_, row_patterns) in rule.tensors.items():
        if own.keys() >= set(words.split()):
            names = tuple(own[word] for word in words.split())
            pattern = axes.get(names[0], row_patterns[0])
            if patterns.summed_axis(pattern):
                yield names, pattern


def sum_up(
    state_dict: Mapping[str, np.ndarray],
    model: "torch.nn.Module",
    rules: tuple[LayerRule, ...] = (),
    axes: Mapping[str, str] | None = None,
) -> dict[str, np.ndarray]:
    """The tensors that the rules add up as a port can give them back: the sum in the first, zeros in the others."""
    summed: dict[str, np.ndarray] = {}
    for names, pattern in find_sums(model, rules, axes):
        stack = np.stack([state_dict[name] for name in names])
        summed |= zip(
            names, patterns.to_reference(patterns.to_port(stack, pattern, named=", ".join(names)), pattern), strict=True
        )
    return summed


def without_zeros(
    state: Mapping[str, np.ndarray],
    model: "torch.nn.Module",
    rules: tuple[LayerRule, ...] = (),
    axes: Mapping[str, str] | None = None,
) -> dict[str, np.ndarray]:
    """Leave out the tensors that hold zeros because another one holds their sum."""
    zeros = {name for names, _ in find_sums(model, rules, axes) for name in names[1:]}
    return {name: array for name, array in state.items() if name not in zeros}
