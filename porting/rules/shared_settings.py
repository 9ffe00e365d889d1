"""Settings that the rows of many layer types share, and the axes of their taps."""

from porting.rules.settings import Agreement, Declared, Fixed, Setting
from porting.traces import LayerCall


def trained(*names: str) -> tuple[Setting, ...]:
    """Settings that every Keras layer has and that say nothing about what a trained layer computes."""
    regularizers = (*(f"{name}_regularizer" for name in names), "activity_regularizer")
    constraints = (f"{name}_constraint" for name in names)
    return (
        Declared("a label, or how the layer is stored", port=("name", "dtype", "autocast", "quantization_config")),
        Declared("matters before training only", port=tuple(f"{name}_initializer" for name in names), in_training=True),
        *(Fixed("keras", name, None, "torch decays weights in the optimiser", True) for name in regularizers),
        *(Fixed("keras", name, None, "torch's layers constrain nothing", True) for name in constraints),
        Fixed("keras", "trainable", True, "a frozen layer is not trained as torch's is", True),
    )


LINEAR = Declared("belongs to what lies behind the layer, which is compared before it", port=("activation",))
CHANNELS_ARE_LAST = Fixed("keras", "data_format", "channels_last", "rules name the axes of channels-last layers")


def by_sizes(reference: str, port: str) -> Declared:
    """Settings that need no judgement, as tensors of the same axis sizes follow from them."""
    return Declared("seen in the tensors and their axis sizes", tuple(reference.split()), tuple(port.split()))


def _channels_are_last(reference: LayerCall, port: LayerCall) -> str:
    axis = port.settings["axis"]
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    last = port.input.ndim - 1
    return (
        ""
        if axes in ([-1], [last])
        else f"axis={axis} in Keras, must be -1: rules name the axes of channels-last layers"
    )


LAST_AXIS = Agreement((), ("axis",), _channels_are_last)

TAPS = {1: "tap", 2: "row column", 3: "plane row column"}
