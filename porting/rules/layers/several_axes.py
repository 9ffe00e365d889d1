"""The axes of a layer normalisation over several of them, which lie otherwise in a port whose channels are last."""

from dataclasses import replace

from porting.rules.rule import CHANNELS_LAST, SAME_ORDER, LayerRule
from porting.rules.settings import Agreement
from porting.rules.shared_settings import LAST_AXIS
from porting.traces import LayerCall


def over_several_axes(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row with a name for each axis that is normalised, where there are several; else as it is."""
    places = _places(reference, port)
    if len(places) == 1 == len(_port_axes(port)):
        return rule
    weight = f"{_named(places)} -> {_named(sorted(places))}"
    settings = tuple(Agreement((), ("axis",), _same_axes) if held is LAST_AXIS else held for held in rule.settings)
    return replace(
        rule,
        tensors={word: (variable, (weight,)) for word, (variable, _) in rule.tensors.items()},
        settings=settings,
        activation=CHANNELS_LAST if _has_channels_last(reference, port) else SAME_ORDER,
    )


def _places(reference: LayerCall, port: LayerCall) -> list[int]:
    """Where the axes that torch normalises, its last ones, are in the port."""
    return _places_if(_has_channels_last(reference, port), reference)


def _places_if(channels_last: bool, reference: LayerCall) -> list[int]:
    rank, count = reference.input.ndim, len(reference.settings["normalized_shape"])
    order = [0, rank - 1, *range(1, rank - 1)] if channels_last else list(range(rank))
    return order[rank - count :]


def _has_channels_last(reference: LayerCall, port: LayerCall) -> bool:
    """Whether the port has the reference's second axis last.

    Where both orders fit the axes that it normalises tell, and where they do not either, images have.
    """
    ours, theirs = reference.input.shape[1:], port.input.shape[1:]
    if theirs != (*ours[1:], *ours[:1]) or theirs != ours:
        return theirs == (*ours[1:], *ours[:1])
    moved, same = (sorted(_places_if(channels_last, reference)) for channels_last in (True, False))
    return len(ours) > 2 and (moved == same or _port_axes(port) != same)


def _named(places: list[int]) -> str:
    return " ".join(f"axis_{place}" for place in places)


def _port_axes(port: LayerCall) -> list[int]:
    axis = port.settings["axis"]
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return sorted(each % port.input.ndim for each in axes)


def _same_axes(reference: LayerCall, port: LayerCall) -> str:
    wanted = sorted(_places(reference, port))
    if _port_axes(port) == wanted:
        return ""
    shape = tuple(reference.settings["normalized_shape"])
    return f"axis={port.settings['axis']} in Keras, must be {wanted}: normalized_shape={shape} in torch"
