"""Layers that one model has side by side in one and the other apart, found without being asked for."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from porting.errors import LayerCountError, PairError, PlanError
from porting.pairs.pair import ModelPair

T = TypeVar("T")


def with_found_splits(pair: ModelPair, attempt: Callable[[ModelPair], T]) -> T:
    """Do something with a pair; where its layers do not count alike, with the splits that make them.

    Sizes propose the splits; what reaches what, and a proof, then say which part is which, or the first error stands.
    """
    try:
        return attempt(pair)
    except LayerCountError as error:
        if not error.splits:
            raise
        try:
            return attempt(replace(pair, splits={**pair.splits, **error.splits}))
        except (PairError, PlanError):
            raise error from None
