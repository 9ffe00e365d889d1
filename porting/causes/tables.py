"""Tables that no layer and no input has a part in, as positions and slopes, with their values in other places."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from porting.causes.catalogue.function_hypotheses import ADDITIONS
from porting.causes.catalogue.steps import by_turns, one_after_another, shift
from porting.causes.catalogue.variants import FunctionCall, Step
from porting.causes.replay import Place, Replay
from porting.causes.segments import Edit, Segment
from porting.causes.trials import left_over
from porting.records.parity import Cause


def other_tables(replay: Replay | None) -> Iterator[Edit]:
    """Each table that a function puts together with what layers give, in other orders; then all of its calls alike."""
    uses = list(_uses(replay)) if replay else []
    alike: dict[tuple[str, int, str, str], dict[Place, Any]] = {}
    for number, call, at in reversed(uses):
        table = call.arguments[at]
        for detail, remedy, step in _variants(table):
            change = partial(_with, at, step)
            words = f"{detail}, in the table of shape {tuple(table.shape)} that {call.name} is given"
            alike.setdefault((call.name, at, words, remedy), {})[number] = change
            yield Edit("another table", words, remedy, {number: change})
    for (_, _, words, remedy), changes in alike.items():
        if len(changes) > 1:
            yield Edit("another table", f"{words}, {len(changes)} times", remedy, changes)


def added_table(segment: Segment) -> Iterator[Cause]:
    """Another table added, alike in all samples: the reference's some steps on, whatever stands at its end."""
    found, baseline = segment.trial.found, segment.baseline
    if not segment.replay or baseline.shape != found.shape or found.dtype.kind != "f" or len(found) < 2:
        return
    apart = found - baseline
    if left_over(np.broadcast_to(apart[:1], apart.shape), apart) > _ALIKE:
        return
    for _, call, at in reversed(list(_uses(segment.replay))):
        own = segment.as_arriving(call.arguments[at].expand(call.result.shape)) if call.name in ADDITIONS else None
        for axis, step in product(range(1, found.ndim), (1, -1, 2, -2)):
            if own is not None and own.shape == found.shape and found.shape[axis] > _LEAST_STEPS:
                inside = np.arange(max(0, -step), found.shape[axis] - max(0, step))
                theirs, ours = (own + apart).take(inside, axis), own.take(inside + step, axis)
                if (left := left_over(ours, theirs)) <= _ALIKE:
                    detail = (
                        f"its steps are {abs(step)} {'on' if step > 0 else 'back'} along axis {axis} of what arrives"
                    )
                    yield Cause("another table", detail, "count its steps from where the reference does", left)
                    return


_ALIKE = 1e-9
_LEAST_STEPS = 3


def _uses(replay: Replay) -> Iterator[tuple[int, FunctionCall, int]]:
    """Where a function is given a table beside what layers or inputs give: number of the call, call, argument."""
    follows = {id_ for ids in replay.places.values() for id_ in ids}
    for event in replay.events:
        call = event.call
        if any(id(value) in follows for value in _tensors([*call.arguments, *call.keywords.values()])):
            follows |= {id(value) for value in _tensors([call.result])}
            for at, value in enumerate(call.arguments):
                if isinstance(value, Tensor) and id(value) not in follows and _is_table(value):
                    yield event.number, call, at


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        held = value if isinstance(value, (tuple, list)) else [value]
        yield from (tensor for tensor in held if isinstance(tensor, Tensor))


def _is_table(value: Tensor) -> bool:
    return value.is_floating_point() and value.numel() > 1 and bool((value != value.flatten()[0]).any())


def _variants(table: Tensor) -> Iterator[tuple[str, str, Step]]:
    """A table with its values in other places, or of the other sign: what the port has, what to do, and the step."""
    yield "all values negated", "give it the reference's sign", torch.neg
    if bool(((table == 0) | (table == 1)).all()):
        yield "ones where the reference has zeros, and zeros for ones", "turn the mask round", lambda held: 1 - held
    for one, other in combinations(range(table.ndim), 2):
        if table.shape[one] == table.shape[other] > 1:
            words = f"axes {one - table.ndim} and {other - table.ndim} exchanged"
            yield words, "transpose it", partial(torch.transpose, dim0=one, dim1=other)
    for axis in (axis for axis in range(table.ndim) if table.shape[axis] > 1):
        name = f"axis {axis - table.ndim}"
        own = f"in the reference's order along {name}"
        yield f"{name} reversed", f"put the table's values {own}", partial(torch.flip, dims=(axis,))
        for step in (1, -1):
            words = f"{name} one step {'later' if step > 0 else 'earlier'}, beginning with the other end"
            yield words, f"put the table's values {own}", partial(shift, axis=axis, step=step, fill="the other end")
        for parts in (parts for parts in (2, 3) if table.shape[axis] % parts == 0 and table.shape[axis] > parts):
            for words, other, step in (
                (
                    f"{parts} parts one after another where the reference has them by turns",
                    _BY_TURNS,
                    one_after_another,
                ),
                (f"{parts} parts by turns where the reference has them one after another", _IN_A_ROW, by_turns),
            ):
                yield f"{words}, along {name}", f"{other}, along {name}", partial(step, axis=axis, parts=parts)
        if table.shape[axis] % 2 == 0:
            remedy = f"put the first of each two first {own}: sine before cosine, or the other way round"
            yield f"neighbours exchanged along {name}", remedy, partial(_neighbours, axis=axis)


_BY_TURNS = "put the parts by turns: stack them along a new last axis, then reshape"
_IN_A_ROW = "put the parts one after another: concatenate them"


def _neighbours(table: Tensor, axis: int) -> Tensor:
    return table.unflatten(axis, (-1, 2)).flip(axis + 1).flatten(axis, axis + 1)


def _with(at: int, step: Step, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
    return function(*arguments[:at], step(arguments[at]), *arguments[at + 1 :], **keywords)
