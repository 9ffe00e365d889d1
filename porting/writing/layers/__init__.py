"""Rows that write a layer: a torch function called with the weights of a layer of ``torch.nn`` that owns them.

A subclass that pads, permutes or activates besides (``Conv2dSame``, ``LayerNorm2d``, ``BatchNormAct2d``) is written as
that: what it adds stands in the graph as calls of their own. May import `functions` and `axes`.
"""

from porting.writing.layers import (  # noqa: F401 - each makes its rows known
    attention,
    convolutions,
    dense,
    normalisations,
    recurrences,
)
from porting.writing.layers.recurrences import KINDS as RECURRENCES  # noqa: F401
from porting.writing.layers.row import LAYER_ROWS as LAYER_ROWS
