"""Layers whose axes lie in the port otherwise than the table of layers has them: the pair must say how."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.writing.values.axes import Value

if TYPE_CHECKING:
    from torch.fx import Node

ALONG_THE_LAST = {"linear", "transposed_linear", "layer_norm", "rms_norm", "embedding"}
"""Functions of layers that work along the last axes, or add one, whatever lies before them."""


@dataclass(slots=True)
class LayerAxes:
    """What is noted of a model's layers.

    Attributes
    ----------
    is_batch : callable
        Whether a size is the number of samples.
    activations : dict
        Path of a layer -> the axis pattern of what it is given and gives.
    weights : dict
        Path of a weight -> its axis pattern.
    """

    is_batch: Callable[[int], bool]
    activations: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)

    def note(self, owner: str, function: str, made: Any, node: "Node") -> None:
        """Note how a layer is held, if that is not in torch's order, or could be taken for another one."""
        if function not in ALONG_THE_LAST or not isinstance(made, Value) or made.rank < 3:
            return
        shape: Any = node.args[1] if function == "layer_norm" else ()
        if made.axes == tuple(range(made.rank)) and len(shape) < 2:
            return
        names = [f"axis_{axis}" for axis in range(made.rank)]
        if len(shape) > 1:
            last = " ".join(names[-len(shape) :])
            self.weights |= {f"{owner}.{word}": f"{last} -> {last}" for word in _weights(node)}
        if (samples := next((at for at, size in enumerate(made.shape) if self.is_batch(size)), None)) is not None:
            names[samples] = "sample"
        ours, theirs = " ".join(names), " ".join(names[axis] for axis in made.axes)
        if function == "embedding":  # what it is given has not the last axis
            ours, theirs = (side.replace(names[-1], "...") for side in (ours, theirs))
        self.activations[owner] = f"{ours} -> {theirs}"


def _weights(node: "Node") -> Iterator[str]:
    """The weights that a normalisation is called with."""
    given = dict(zip(("weight", "bias"), node.args[2:4], strict=False)) | dict(node.kwargs)
    return (word for word in ("weight", "bias") if given.get(word) is not None)
