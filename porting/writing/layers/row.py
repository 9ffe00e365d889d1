"""How the row of a layer is made known, and what several rows need."""

from collections.abc import Callable
from typing import Any

from porting.writing.values.axes import Value, arranged, settled, whole

LayerRow = Callable[..., Any]
LAYER_ROWS: dict[str, tuple[str, LayerRow]] = {}
"""Name of a function of ATen -> the layers of ``torch.nn`` whose weights make it a layer, and the row."""


def layer_row(function: str, owners: str) -> Callable[[LayerRow], LayerRow]:
    """Make a row known."""

    def known(row: LayerRow) -> LayerRow:
        LAYER_ROWS[function] = (owners, row)
        return row

    return known


def with_last(ops: Any, x: Value, axis: int) -> Value:
    """Hold all axes, this one of torch's last."""
    axis %= x.rank
    order = (0, *range(2, x.rank), 1) if x.form is not None and axis == 1 else whole(settled(x) if axis != 1 else x)
    return arranged(ops, x, (*(other for other in order if other != axis), axis))


def changed(**settings: tuple[Any, Any]) -> dict[str, Any]:
    """Settings that are not Keras' defaults: name -> (value, default)."""
    return {name: value for name, (value, default) in settings.items() if value != default}
