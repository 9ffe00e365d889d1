"""Layers that share a tensor with another and have one of their own: heads that are tied to a table of words."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from porting.traces import PARAMETER, LayerCall, Trace, held_only


def with_heads_apart(reference: Trace, port: Trace) -> Trace:
    """The reference with the own tensors of such heads beside its layers, where the port uses all in functions."""
    tensors = {name: None for layer in reference.layers() for name in _own_of_a_head(layer, reference, port)}
    held = (held_only(name, reference.shapes[name]) for name in tensors)
    return replace(reference, shared=(*reference.shared, *held)) if tensors else reference


def is_tied(layer: LayerCall, trace: Trace) -> bool:
    """Whether all tensors of a layer are held by others too, so that the port may use them in a function."""
    held = {name for call in trace.shared if call.kind == PARAMETER for name in call.weights.values()}
    names = layer.weights.values()
    return bool(names) and all(name in trace.aliases or name in held for name in names)


def standing_in(trace: Trace, fits: Callable[[LayerCall], bool]) -> list[LayerCall]:
    """The layers, of those with the same tensors one that fits the port where the one registered first does not.

    Of a table of words and its head the one that was registered first has the tensor, which says nothing of the port.
    """
    found = trace.layers()
    for other in [layer for layer in found if is_tied(layer, trace)]:
        weights = _first_names(other, trace)
        first = next((layer for layer in found if layer is not other and layer.weights == weights), None)
        if first and not fits(first) and fits(other):
            found = [replace(layer, weights=weights) if layer is other else layer for layer in found]
            found.remove(first)
    return found


def _first_names(layer: LayerCall, trace: Trace) -> dict[str, str]:
    """The tensors of a layer, by the names under which they were registered first."""
    return {word: trace.aliases.get(name, name) for word, name in layer.weights.items()}


def _own_of_a_head(layer: LayerCall, reference: Trace, port: Trace) -> Iterator[str]:
    """Tensors of a tied layer that no other layer has, where variables of the port have their shapes."""
    firsts = {name: reference.aliases.get(name, name) for name in layer.weights.values()}
    others = {
        reference.aliases.get(name, name)
        for other in (*reference.layers(), *reference.shared)
        if other.name != layer.name
        for name in other.weights.values()
    }
    own = [first for first in firsts.values() if first not in others]
    variables = [port.shapes[name] for call in _parameters(port) for name in call.weights.values()]
    if 0 < len(own) < len(firsts) and all(reference.shapes[first] in variables for first in own):
        yield from own


def _parameters(trace: Trace) -> list[LayerCall]:
    return [call for call in (*trace.layers(), *trace.shared) if call.kind == PARAMETER]
