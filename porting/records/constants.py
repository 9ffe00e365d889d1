"""What a reference's own constants, which are float32 and which a port need not hold, do to what is compared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constants:
    """How far a reference moves where its constants are one float32 rounding away.

    Attributes
    ----------
    names : tuple of str
        Empty where it has none that float32 has rounded.
    alone : tuple of float
        Relative change of what arrives at each layer call, then at each output, while all layers are taught.
    whole : float
        Greatest relative change of anything as the whole model runs.
    """

    names: tuple[str, ...] = ()
    alone: tuple[float, ...] = ()
    whole: float = 0.0
