"""What rounding does to the reference codes that decide about a streamline: their distances, and their order."""

import numpy as np

from tractography.agreement.decisions import NO_NEIGHBOUR, Decided, distance_rounding, norms


def reordering(reference: Decided, port: Decided, row: int, relative: float) -> tuple[float, float]:
    """How clearly two implementations order a streamline's neighbours differently, and what rounding explains of it.

    Of every two reference codes that change places, or of which one takes the other's place among the neighbours, the
    nearer is farther on the other side. Both distances move by their rounding at most: rounding explains a gap, on
    either side, up to the sum of both.

    Parameters
    ----------
    reference, port : Decided
    row : int
        The streamline.
    relative : float
        As `distance_rounding` takes it.

    Returns
    -------
    margin, rounding : float
        Of the two codes that rounding explains least: their gap on the side where it is wider. Infinite and 0 where
        both have the same neighbours in the same order, which explain no difference.
    """
    orders = [side.rows[row][side.rows[row] != NO_NEIGHBOUR].tolist() for side in (reference, port)]
    held = np.unique(np.concatenate(orders).astype(np.int64))
    first, second = (np.array([_place(order, each) for each in held.tolist()]) for order in orders)
    nearer, farther = np.nonzero((first[:, None] < first) & (second[:, None] > second))
    if not len(nearer):
        return np.inf, 0.0
    away, there = (norms(side.reference.codes[held].astype(np.float64) - side.codes[row]) for side in (reference, port))
    sizes = norms(reference.codes[row]) + norms(reference.reference.codes[held])
    margins = np.maximum(away[farther] - away[nearer], there[nearer] - there[farther])
    rounding = np.asarray(distance_rounding(relative, sizes[nearer] + sizes[farther]))
    worst = int(np.argmax(margins / np.maximum(rounding, np.finfo(float).tiny)))
    return float(margins[worst]), float(rounding[worst])


def _place(order: list[int], row: int) -> int:
    return order.index(row) if row in order else len(order)


def distance_allowances(reference: Decided, port: Decided, relative: float) -> np.ndarray:
    """How far apart rounding may bring each streamline's distances, (streamline,).

    Where the same neighbours decide, by the mean of what it does to each. Where rounding puts others in their place,
    the distance jumps, too: by what it does to the reference's own mean to let the port's neighbours decide.

    Parameters
    ----------
    reference, port : Decided
    relative : float
        As `distance_rounding` takes it.
    """
    allowed = np.array(distance_rounding(relative, reference.sizes))
    chosen = [np.where(side.deciding, side.rows, NO_NEIGHBOUR) for side in (reference, port)]
    differ = (np.sort(chosen[0], axis=1) != np.sort(chosen[1], axis=1)).any(axis=1)
    encoded = (reference.rows[:, 0] != NO_NEIGHBOUR) & (port.rows[:, 0] != NO_NEIGHBOUR)
    for row in np.flatnonzero(differ & encoded).tolist():
        margin, rounding = reordering(reference, port, row, relative)
        if margin <= rounding:
            codes = reference.reference.codes[chosen[1][row][chosen[1][row] != NO_NEIGHBOUR]].astype(np.float64)
            jump = abs(norms(codes - reference.codes[row]).mean() - reference.found.distances[row])
            sizes = norms(reference.codes[row]) + norms(codes).mean()
            allowed[row] = jump + float(distance_rounding(relative, sizes))
    return allowed
