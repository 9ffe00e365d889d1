"""FunctionRow: how a function of torch is said in Keras, where the table of `porting.write` has no row for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A row of one's own for a function of torch.

    Attributes
    ----------
    name : str
        As ``torch.ops.aten`` calls it, without its overload: ``"logit"``.
    write : callable
        Called with a target (``target.ops`` is ``keras.ops``) and the function's own arguments, tensors being values
        with ``data``, torch's ``shape`` and the ``axes`` that they are held in; returns such a value.

    Examples
    --------
    A function of each element by itself leaves shape and axes as they are:

    >>> from porting import FunctionRow
    >>> row = FunctionRow("logit", lambda target, x, eps=None: x.with_data(target.ops.log(x.data / (1 - x.data))))
    >>> row.name
    'logit'

    A `ModelPair` takes it as ``functions=(row,)``.
    """

    name: str
    write: Callable[..., Any]
