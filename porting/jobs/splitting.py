"""Layers that one model has side by side in one and the other apart, found without being asked for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from porting.errors import JoinOrderError, LayerCountError, PairError, PlanError, SplitLayoutError, SteppingError
from porting.pairs.pair import ModelPair

T = TypeVar("T")


def with_found_splits(pair: ModelPair, attempt: Callable[[ModelPair], T]) -> T:
    """Do something with a pair; where its layers do not count alike, with the splits or joins that make them.

    Sizes propose them; what reaches what, and a proof, then say which part is which, or the first error stands.
    Recurrent layers of which the other model steps the cells by hand are run step by step in both.
    """
    try:
        return attempt(pair)
    except SteppingError as error:
        return with_found_splits(replace(pair, unrolled=(*pair.unrolled, *error.kinds)), attempt)
    except LayerCountError as error:
        if not (error.splits or error.joins or error.opens):
            raise
        joins = (*pair.joins, *error.joins)
        proves = {"proves_splits": bool(error.splits), "proves_joins": bool(error.joins)}
        opens = (*pair.opens, *error.opens)
        proposed = replace(pair, splits={**pair.splits, **error.splits}, joins=joins, opens=opens, **proves)
        try:
            return _in_the_right_order(proposed, attempt, error.splits)
        except (PairError, PlanError, SplitLayoutError):
            raise error from None


def _in_the_right_order(pair: ModelPair, attempt: Callable[[ModelPair], T], found: Mapping[str, int]) -> T:
    try:
        return attempt(pair)
    except JoinOrderError as error:
        return attempt(replace(pair, joins=error.joins, proves_joins=False))
    except SplitLayoutError as error:
        by_turns = {name: f"{count} for each of {error.times}" for name, count in found.items()}
        return attempt(replace(pair, splits={**pair.splits, **by_turns}, proves_splits=False))
