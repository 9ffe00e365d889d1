"""Which layers of the reference may be variables of the port's: their tensors have the sizes of those that are left."""

import math
from collections import Counter
from collections.abc import Sequence

from porting.plans.partners.alignment import aligned
from porting.plans.partners.by_order import Fit
from porting.plans.partners.names import equally_named
from porting.plans.transfers import Traced
from porting.rules.opened import AXES
from porting.traces import PARAMETER, LayerCall


def found_opens(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], fit: Fit, traced: Traced) -> tuple[str, ...]:
    """Layers without a partner, where the port has variables without one that are as large as their tensors."""
    sides = aligned(ours, theirs, fit)
    left = [layer for layer, partner in sides if layer and not partner]
    right = [partner for layer, partner in sides if partner and not layer]
    for layer, partner in list(equally_named(left, right)):  # parallel branches run in any order
        if fit(layer, partner):
            left.remove(layer)
            right.remove(partner)
    opened = [layer for layer in left if layer.kind in AXES]
    rest = [layer for layer in left if layer not in opened]
    if not opened or any(layer.kind != PARAMETER for layer in (*rest, *right)):
        return ()
    ours_sizes = Counter(
        math.prod(traced.reference.shapes[name]) for layer in (*opened, *rest) for name in layer.weights.values()
    )
    theirs_sizes = Counter(math.prod(traced.port.shapes[name]) for layer in right for name in layer.weights.values())
    return tuple(layer.name for layer in opened) if ours_sizes == theirs_sizes else ()
