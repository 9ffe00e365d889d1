"""What a model came to."""

from collections.abc import Mapping
from dataclasses import dataclass

from porting.writing.recording.arrays import OwnArray
from porting.writing.recording.layer_axes import LayerAxes
from porting.writing.recording.recorder import Missing
from porting.writing.values.axes import Value
from porting.writing.values.blocks import Block


@dataclass(frozen=True, slots=True)
class Written:
    """What a model came to.

    Attributes
    ----------
    block : Block
        The model.
    inputs, outputs : list of Value
    own : list of str
        Names of what is copied from `inserted`.
    arrays : Mapping
        Path -> each of the model's own arrays, which are layers of their own.
    missing : list of Missing
    layer_axes : LayerAxes
    opened : tuple of str
        Paths of layers, and of arrays, that are functions over arrays in it.
    """

    block: Block
    inputs: list[Value]
    outputs: list[Value]
    own: list[str]
    arrays: Mapping[str, OwnArray]
    missing: list[Missing]
    layer_axes: LayerAxes
    opened: tuple[str, ...]
