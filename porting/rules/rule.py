"""LayerRule: one row of the table, and how to write its patterns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from porting.rules.settings import Setting
from porting.rules.windows import Whole, Window
from porting.traces import LayerCall

CHANNELS_LAST = "sample channel ... -> sample ... channel"
SAME_ORDER = "... -> ..."


@dataclass(frozen=True, slots=True)
class LayerRule:
    """One row of the table.

    Attributes
    ----------
    reference, port : str
        Type names: of the ``torch.nn.Module`` and of the ``keras.layers.Layer``.
    tensors : Mapping
        The reference's tensor, or several that are stacked -> (the port's variable, one pattern per rank that the two
        can have).
    settings : tuple of Setting
        How each setting of either layer is judged.
    activation : str
        The axis pattern of the layer's input, and of its output where `output` names no other.
    output : str
        The axis pattern of its output.
    window : Window
        What part of its input the layer sees and what part of its output it keeps.
    without_twin : frozenset of str
        Tensors of the reference that Keras has no variable for.
    note : str
        What the row cannot carry back, if anything.
    by_calls : callable, optional
        ``(row, reference's call, port's call) -> row``: completes a row whose axes follow from the two layers.

    Examples
    --------
    A layer of one's own that multiplies each channel by a factor, and its twin, which calls it a gain:

    >>> from porting import LayerRule
    >>> rule = LayerRule("Scale", "Scaling", {"factor": ("gain", ("channel -> channel",))})
    >>> rule.activation
    'sample channel ... -> sample ... channel'

    A `ModelPair` takes it as ``rules=(rule,)``.
    """

    reference: str
    port: str
    tensors: Mapping[str, tuple[str, tuple[str, ...]]]
    settings: tuple[Setting, ...] = ()
    activation: str = CHANNELS_LAST
    output: str = ""
    window: Window = field(default_factory=Whole)
    without_twin: frozenset[str] = field(default_factory=frozenset)
    note: str = ""
    by_calls: "Callable[[LayerRule, LayerCall, LayerCall], LayerRule] | None" = None

    def for_calls(self, reference: LayerCall, port: LayerCall) -> "LayerRule":
        """The row for two layers, with the axes that follow from their settings and sizes."""
        return self.by_calls(self, reference, port) if self.by_calls else self
