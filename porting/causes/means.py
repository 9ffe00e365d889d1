"""Means over the steps that a mask leaves, and over all of them."""

from collections.abc import Iterator
from functools import partial

import torch

from porting.causes.catalogue.variants import FunctionCall, first_argument
from porting.causes.replay import Place
from porting.causes.segments import Change, Edit, Made, Segment

_REMEDY = "multiply by the mask, sum over the steps, and divide by the mask's own sum"
_PRODUCTS = ("mul", "multiply", "imul")
_QUOTIENTS = ("div", "truediv", "true_divide")


def masked_means(segment: Segment) -> Iterator[Edit]:
    """A plain mean where the reference leaves steps out, or the other way round."""
    for number, call in segment.events:
        if call.name in _QUOTIENTS and len(call.arguments) > 1:
            yield from _counted(number, call, segment.made)
        if call.name == "mean":
            averaged = first_argument(call.arguments, call.keywords)
            for which, array in enumerate(segment.trial.inputs, start=1):
                if array.shape == averaged.shape[:2] and not (array != 0).all():
                    detail = f"steps where input {which} is zero are left out of the mean"
                    remedy = f"take the plain mean over all {array.shape[1]} steps"
                    yield Edit(
                        "mean over a mask", detail, remedy, {number: partial(_mean_of, torch.as_tensor(array != 0))}
                    )


def _counted(number: int, call: FunctionCall, made: Made) -> Iterator[Edit]:
    """Masked steps in the sum and in what it is divided by, or in one of the two."""
    _, sum_ = made.get(id(call.arguments[0]), (0, None))
    at, product = made.get(id(sum_.arguments[0]), (0, None)) if sum_ and sum_.name == "sum" else (0, None)
    if not sum_ or not product or product.name not in _PRODUCTS:
        return
    length = product.result.numel() // max(sum_.result.numel(), 1)
    added: dict[Place, Change] = {at: _first_alone}
    divided: dict[Place, Change] = {number: partial(_divided, length)}
    for detail, changes in (
        (f"a plain mean over {length} steps where the reference leaves masked ones out", added | divided),
        (f"divided by all {length} steps where the reference counts those of the mask alone", divided),
        ("masked steps are in the sum where the reference leaves them out", added),
    ):
        yield Edit("masked steps counted", detail, _REMEDY, changes)


def _first_alone(function, arguments, keywords):
    return next(value for value in arguments if value.is_floating_point() and value.ndim == max(map(_ndim, arguments)))


def _ndim(value) -> int:
    return value.ndim if isinstance(value, torch.Tensor) else 0


def _divided(length: int, function, arguments, keywords):
    return arguments[0] / length


def _mean_of(mask: torch.Tensor, function, arguments, keywords):
    shares = mask.to(arguments[0].dtype)[..., None]
    summed = (arguments[0] * shares).sum(dim=1, keepdim=bool(keywords.get("keepdim")))
    return summed / shares.sum(dim=1, keepdim=bool(keywords.get("keepdim")))
