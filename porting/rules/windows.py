"""What part of its input a layer sees, and what part of its output it keeps: so that like is compared with like.

torch keeps padding inside a convolution where Keras may need a layer before it, and crops a transposed convolution
where Keras may need a layer behind it. All arrays here are in the port's axis order (sample, spatial axes, channel).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from porting.rules.unit_axes import with_axes_of
from porting.traces import LayerCall, Teaching

_NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
Ends = list[tuple[int, int]]
"""Points before and after, for each spatial axis."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The layer sees its input and keeps its output as they are."""

    def inputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs as the layers see them."""
        return reference, port

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both outputs, as far as both have them."""
        return reference, port

    def returned(self, output: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> np.ndarray:
        """The reference's whole output with the axes of the port's, which may have samples and steps merged."""
        return with_axes_of(output, calls[1].output.shape)

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """What the port's layer is to be fed and to return, for the reference's input and output."""
        return Teaching(calls[1].name, calls[1].kind, feed, give)


@dataclass(frozen=True, slots=True)
class Convolution(Whole):
    """The taps see the input with the layer's own padding, and not the points that the stride never reaches."""

    def inputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs, padded by their own layers and cut to what the taps reach."""
        ours, theirs = calls
        ends = keras_padding(theirs.settings, port.shape)
        seen = seen_by_torch(reference, ours.settings)
        return (
            seen[self._without_end(calls)],
            _seen(port, ends, "constant", theirs.settings, "strides", "dilation_rate"),
        )

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both outputs, the reference's without the end that it cuts off behind the layer."""
        return reference[self._without_end(calls)], port

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """The port's taps are to see what the reference's see, without padding of their own."""
        ours, theirs = calls
        kept = self._without_end(calls)
        seen, give = seen_by_torch(feed, ours.settings)[kept], give[kept]
        fits = give.shape[1:] == theirs.output.shape[1:]
        return Teaching(theirs.name, theirs.kind, seen, give, {"padding": "valid"}, fits=fits)

    @staticmethod
    def _without_end(calls: tuple[LayerCall, LayerCall]) -> tuple[slice, ...]:
        """All but the end of each axis that the padding made, where the reference is longer by just that.

        A causal convolution that is padded at both ends and cut at the later one behind it.
        """
        ours, theirs = calls
        lengths, others = ours.output.shape[2:], theirs.output.shape[1:-1]
        ends = [after for _, after in torch_padding(ours.settings)]
        strides = _tuple(ours.settings["stride"], len(ends))
        spare = [length - other for length, other in zip(lengths, others, strict=False)]
        fits = all(cut in (0, end if step == 1 else 0) for cut, end, step in zip(spare, ends, strides, strict=False))
        if not fits or len(lengths) != len(others):
            return ()
        return (slice(None), *(slice(None, -cut or None) for cut in spare))


@dataclass(frozen=True, slots=True)
class TransposedConvolution(Whole):
    """The port may crop its output in a later layer where the reference crops its own."""

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The reference's output, and the port's cut to the same window where it is wider."""
        ours, theirs = calls
        if reference.shape == port.shape or theirs.settings["padding"] != "valid":
            return reference, port
        return reference, port[self._kept(reference, ours)]

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """The port's layer returns what the reference's returns, with margins of its own where it is wider."""
        ours, theirs = calls
        wider = give.shape[1:] != theirs.output.shape[1:] and theirs.settings["padding"] == "valid"
        return Teaching(theirs.name, theirs.kind, feed, give, window=self._kept(give, ours) if wider else ())

    @staticmethod
    def _kept(reference: np.ndarray, call: LayerCall) -> tuple[slice, ...]:
        """What the reference's crop leaves of an output without one."""
        cropped = _tuple(call.settings["padding"], reference.ndim - 2)
        lengths = reference.shape[1:-1]
        return (slice(None), *(slice(at, at + length) for at, length in zip(cropped, lengths, strict=True)))


Window = Whole
"""Any of them: those of tables are in `tables`."""


def seen_by_torch(
    array: np.ndarray, settings: Mapping[str, Any], ends: Ends | None = None, mode: str = ""
) -> np.ndarray:
    """What a torch convolution's taps see of its input; `ends` and `mode` in the place of its own padding."""
    own_mode = settings["padding_mode"]
    return _seen(
        array,
        torch_padding(settings) if ends is None else ends,
        _NUMPY_MODES[mode or own_mode],
        settings,
        "stride",
        "dilation",
    )


def padding_variants(array: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Iterator[tuple[str, np.ndarray]]:
    """What the taps would see with other padding than a torch convolution's own, in words and values."""
    settings, theirs = calls[0].settings, calls[1]
    own, keras = torch_padding(settings), keras_padding(theirs.settings, theirs.input.shape)
    if any(map(any, keras)) and keras != list(own):
        ends = ", ".join(f"{before} before and {after} behind" for before, after in keras)
        where = f'padding="{theirs.settings["padding"]}" takes {ends}'
        yield f"{where}, where the reference has {_words(own)}", seen_by_torch(array, settings, keras, "zeros")
    if not any(map(any, own)):
        return
    placements: dict[str, Ends] = {
        "at both ends": own,
        "all at the end": [(0, before + after) for before, after in own],
        "all at the beginning": [(before + after, 0) for before, after in own],
        "half as much at either end": [(before // 2, before - before // 2) for before, _ in own],
    }
    for where, ends in placements.items():
        for mode, how in _NUMPY_MODES.items():
            if how != "reflect" or all(max(at) < length for at, length in zip(ends, array.shape[1:-1], strict=True)):
                yield f"padded with {mode} {where}", seen_by_torch(array, settings, ends, mode)


def _words(ends: Ends) -> str:
    return ", ".join(f"{before} and {after}" for before, after in ends) if any(map(any, ends)) else "none"


def torch_padding(settings: Mapping[str, Any]) -> Ends:
    """Points that a torch convolution adds at either end of each spatial axis."""
    padding, spans = settings["padding"], _spans(settings["kernel_size"], settings["dilation"])
    if padding == "same":
        return [(span // 2, span - span // 2) for span in spans]
    return [(0, 0) for _ in spans] if padding == "valid" else [(points, points) for points in padding]


def crop_of_transposed(reference: LayerCall) -> Ends:
    """Points to cut off at either end of a Keras layer's ``valid`` output, for what torch's transposed one gives."""
    settings, lengths = reference.settings, reference.input.shape[2:]
    strides = _tuple(settings["stride"], len(lengths))
    spans = _spans(settings["kernel_size"], _tuple(settings["dilation"], len(lengths)))
    wholes = [
        length * step + max(span + 1 - step, 0) for length, step, span in zip(lengths, strides, spans, strict=True)
    ]
    given = zip(wholes, _tuple(settings["padding"], len(lengths)), reference.output.shape[2:], strict=True)
    return [(first, whole - first - length) for whole, first, length in given]


def keras_padding(settings: Mapping[str, Any], input_shape: tuple[int, ...]) -> Ends:
    """Points that a Keras convolution adds at either end of each spatial axis, on all its backends."""
    spans = _spans(settings["kernel_size"], _tuple(settings["dilation_rate"], len(settings["kernel_size"])))
    if settings["padding"] == "causal":
        return [(span, 0) for span in spans]
    if settings["padding"] == "valid":
        return [(0, 0) for _ in spans]
    ends = []
    for length, stride, span in zip(input_shape[1:-1], _tuple(settings["strides"], len(spans)), spans, strict=True):
        total = max((-(-length // stride) - 1) * stride + span + 1 - length, 0)
        ends.append((total // 2, total - total // 2))
    return ends


def _seen(
    array: np.ndarray, ends: Ends, mode: str, settings: Mapping[str, Any], stride_name: str, dilation_name: str
) -> np.ndarray:
    """Pad the spatial axes, then cut off what the last position of the taps does not reach."""
    padded = np.pad(array, [(0, 0), *ends, (0, 0)], mode=mode) if any(map(any, ends)) else array  # type: ignore[call-overload]
    spans = _spans(settings["kernel_size"], _tuple(settings[dilation_name], len(ends)))
    strides = _tuple(settings[stride_name], len(ends))
    reached = [
        slice((length - span - 1) // stride * stride + span + 1)
        for length, span, stride in zip(padded.shape[1:-1], spans, strides, strict=True)
    ]
    return padded[(slice(None), *reached)]


def _spans(kernel_size: Any, dilation: Any) -> list[int]:
    """Distance from the first tap to the last, along each spatial axis."""
    return [(size - 1) * step for size, step in zip(kernel_size, dilation, strict=True)]


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)
