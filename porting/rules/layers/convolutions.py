"""Rows of the convolutions: plain, transposed and depthwise."""

from porting.rules.rule import LayerRule
from porting.rules.settings import Agreement, Declared, Equal
from porting.rules.shared_settings import CHANNELS_ARE_LAST, LINEAR, by_sizes, trained
from porting.rules.windows import Convolution, TransposedConvolution
from porting.traces import LayerCall

_BY_TRACE = Declared(
    "where padding differs, so do the inputs that the taps see", ("padding", "padding_mode"), ("padding",)
)
_CROP_BY_TRACE = Declared(
    "where cropping differs, so do the outputs",
    ("padding", "output_padding", "padding_mode"),
    ("padding", "output_padding"),
)

_WINDOW_SETTINGS = (Equal("stride", "strides"), Equal("dilation", "dilation_rate"), LINEAR, CHANNELS_ARE_LAST)
_CONVOLUTION_SIZES = by_sizes("in_channels out_channels kernel_size", "filters kernel_size depth_multiplier use_bias")


def convolution(rank: int, taps: str) -> LayerRule:
    """The row of a convolution over so many axes."""
    return LayerRule(
        f"Conv{rank}d",
        f"Conv{rank}D",
        {
            "weight": ("kernel", (f"filter channel {taps} -> {taps} channel filter",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Equal("groups", "groups"),
            _BY_TRACE,
            Declared("of transposed convolutions only", ("output_padding",)),
            _CONVOLUTION_SIZES,
            *trained("kernel", "bias"),
        ),
        window=Convolution(),
    )


def _as_many_groups(reference: LayerCall, port: LayerCall) -> str:
    groups, others = reference.settings["groups"], port.settings.get("groups", 1)
    return "" if groups == others else f"groups={groups} in torch, {others} in the port: Keras' own layer has one"


def transposed_convolution(rank: int, taps: str) -> LayerRule:
    """The row of a transposed convolution over so many axes."""
    return LayerRule(
        f"ConvTranspose{rank}d",
        f"Conv{rank}DTranspose",
        {
            "weight": ("kernel", (f"channel filter {taps} -> {taps} filter channel",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Agreement(("groups",), ("groups",), _as_many_groups),
            _CROP_BY_TRACE,
            _CONVOLUTION_SIZES,
            *trained("kernel", "bias"),
        ),
        window=TransposedConvolution(),
    )


def _one_group_per_channel(reference: LayerCall, port: LayerCall) -> str:
    groups, channels = reference.settings["groups"], reference.settings["in_channels"]
    return "" if groups == channels else f"groups={groups} in torch, must be in_channels={channels}: Keras has one each"


def depthwise_convolution(rank: int, taps: str) -> LayerRule:
    """The row of a convolution with a group for each channel, which is a layer of its own in Keras."""
    return LayerRule(
        f"Conv{rank}d",
        f"DepthwiseConv{rank}D",
        {
            "weight": ("kernel", (f"(channel multiplier) 1 {taps} -> {taps} channel multiplier",)),
            "bias": ("bias", ("filter -> filter",)),
        },
        (
            *_WINDOW_SETTINGS,
            Agreement(("groups",), (), _one_group_per_channel),
            _BY_TRACE,
            Declared("of transposed convolutions only", ("output_padding",)),
            _CONVOLUTION_SIZES,
            *trained("depthwise", "bias"),
        ),
        window=Convolution(),
    )
