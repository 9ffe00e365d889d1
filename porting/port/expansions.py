"""Layers of Keras that are several, or take other inputs than torch's: run as what they are made of, each recorded.

A SeparableConv is a depthwise convolution and one of a single tap; a PositionEmbedding is a table of positions; a
recurrent layer runs step by step where the reference steps through time by hand.
`reference.expansions` has the same of torch's modules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from porting import calls
from porting.port.structure import whole_of

Record = Callable[["Part", Any, Callable[[Any], Any]], Any]
"""Runs a layer on its input, records it, and returns what it is to return."""


class Part(NamedTuple):
    """A layer as a trace has it: its path, type, variables and settings."""

    path: str
    kind: str
    variables: Mapping[str, str]
    settings: Mapping[str, Any]


def expansion_of(
    path: str, layer: Any, names: Mapping[str, str], record: Record, unrolled: Sequence[str] = ()
) -> Callable[..., Any] | None:
    """What takes the place of a layer's ``call`` and records its parts; None where the layer is one by itself.

    Parameters
    ----------
    path : str
    layer : keras.layers.Layer
    names : Mapping
        The layer's word for each of its variables -> the variable's path in the model.
    record : callable
        (part, input, run) -> what the part is to return.
    unrolled : sequence of str
        Types of torch's recurrent layers whose twins run step by step.
    """
    is_stepped = any(kind.__name__ == "RNN" for kind in type(layer).__mro__)
    if is_stepped and (cell := getattr(layer, "cell", None)) and whole_of(cell).removeprefix("Simple") in unrolled:
        return _step_by_step(path, layer, names, record)
    for kind in type(layer).__mro__:
        if "call" in vars(kind):
            make = _EXPANSIONS.get(kind.__name__)
            return make(path, layer, names, record) if make else None
    return None


def _separable(path: str, layer: Any, names: Mapping[str, str], record: Record) -> Callable[..., Any]:
    from keras import ops

    channels, points = _separable_parts(path, layer, names)

    def by_channels(fed: Any) -> Any:
        strides, rate = _all_alike(layer.strides), _all_alike(layer.dilation_rate)
        given, padding = _padded(fed, layer)
        return ops.depthwise_conv(given, layer.depthwise_kernel, strides, padding, layer.data_format, rate)

    def by_points(fed: Any) -> Any:
        output = ops.conv(fed, layer.pointwise_kernel, 1, "valid", layer.data_format)
        return output + ops.reshape(layer.bias, (1,) * (layer.rank + 1) + (-1,)) if layer.use_bias else output

    def call(inputs: Any) -> Any:
        output = record(points, record(channels, inputs, by_channels), by_points)
        return output if layer.activation is None else layer.activation(output)

    return call


def _separable_parts(path: str, layer: Any, names: Mapping[str, str]) -> tuple[Part, Part]:
    settings, ones = layer.get_config(), (1,) * layer.rank
    shared = ("padding", "strides", "data_format", "dilation_rate", "kernel_size", "depth_multiplier")
    depthwise = {name: settings[name] for name in shared}
    pointwise = {"padding": "valid", "strides": ones, "dilation_rate": ones, "kernel_size": ones, "groups": 1}
    own = {word: names[name] for word, name in (("kernel", "pointwise_kernel"), ("bias", "bias")) if name in names}
    return (
        Part(f"{path}/depthwise", f"DepthwiseConv{layer.rank}D", {"kernel": names["depthwise_kernel"]}, depthwise),
        Part(f"{path}/pointwise", f"Conv{layer.rank}D", own, {**pointwise, "data_format": layer.data_format}),
    )


def _all_alike(values: tuple[int, ...]) -> Any:
    return values[0] if len(set(values)) == 1 else tuple(values)


def _padded(fed: Any, layer: Any) -> tuple[Any, str]:
    """The input and the padding of a convolution, where ``causal`` adds points in front."""
    from keras import ops

    if layer.padding != "causal":
        return fed, layer.padding
    before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
    return ops.pad(fed, ((0, 0), (before, 0), (0, 0))), "valid"


def _positions(path: str, layer: Any, names: Mapping[str, str], record: Record) -> Callable[..., Any]:
    """keras_hub's PositionEmbedding: a table, looked up at the positions of an input whose values it does not see."""
    from keras import ops

    part = Part(path, "PositionEmbedding", names, layer.get_config())

    def call(inputs: Any, start_index: Any = 0, positions: Any = None) -> Any:
        length = inputs.shape[-2]
        at = ops.expand_dims(ops.arange(length, dtype="int32"), 0) + start_index if positions is None else positions
        output = record(part, at, lambda fed: ops.take(layer.position_embeddings, fed, axis=0))
        return ops.broadcast_to(output, ops.shape(inputs))

    return call


def _reversible(path: str, layer: Any, names: Mapping[str, str], record: Record) -> Callable[..., Any] | None:
    """A table that is looked up one way, and another one that is multiplied with the other way."""
    from keras import ops

    if "reverse_embeddings" not in names:
        return None
    settings = layer.get_config()
    table = Part(path, "ReversibleEmbedding", {"embeddings": names["embeddings"]}, settings)
    original = type(layer).call

    def call(inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return record(table, inputs, lambda fed: original(layer, fed))
        back = Part(
            f"{path}/reverse",
            "Dense",
            {"kernel": names["reverse_embeddings"]},
            {"units": layer.input_dim, "use_bias": False},
        )
        output = record(back, inputs, lambda fed: ops.matmul(fed, layer.reverse_embeddings))
        cap = layer.logit_soft_cap
        return output if cap is None else ops.tanh(output / cap) * cap

    return call


def of_all_steps(layer: Any) -> Callable[..., Any] | None:
    """What a TimeDistributed is without its loop: its layer once, on all steps; None where torch's has no such layer.

    A layer along the last axis takes the steps as they are, as torch's Linear does; what convolves, or normalises
    batches, takes them as samples.
    """
    inner = layer.layer
    if type(inner).__name__ in _ALONG_THE_LAST_AXIS:
        return lambda inputs, training=None, mask=None: inner(inputs)
    if any(type(held).__name__.startswith(_TAKES_SAMPLES) for held in inner._flatten_layers()):
        return partial(_on_samples, inner)
    return None


def _on_samples(inner: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    from keras import ops

    shape: Any = ops.shape(inputs)
    output = inner(ops.reshape(inputs, (shape[0] * shape[1], *shape[2:])))
    returned: Any = ops.shape(output)
    return ops.reshape(output, (*shape[:2], *returned[1:]))


def _step_by_step(path: str, layer: Any, names: Mapping[str, str], record: Record) -> Callable[..., Any] | None:
    """A recurrent layer of which each step is a call of its cell; none of a layer that keeps its state."""
    import keras

    if layer.stateful:
        return None
    part = Part(path, type(layer.cell).__name__, names, layer.cell.get_config())

    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        shape: Any = keras.ops.shape(sequences)
        states = layer.get_initial_state(batch_size=shape[0]) if initial_state is None else initial_state
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        outputs: list[Any] = []
        output: Any = None
        for step, is_there in _steps(sequences, mask, layer.go_backwards):
            new, after = _one_step(layer.cell, part, step, states, record, training)
            if is_there is None:
                output, states = new, after
            else:
                output, states = _where_there(layer, is_there, (new, after), (output, states))
            outputs.append(output)
        result: Any = keras.ops.stack(outputs, 1) if layer.return_sequences else outputs[-1]
        return (result, *states) if layer.return_state else result

    return call


def _steps(sequences: Any, mask: Any, goes_backwards: bool) -> Iterator[tuple[Any, Any]]:
    """Each step in the order in which it is taken, (sample, feature), and whether it is there in each sample."""
    places = range(sequences.shape[1])
    for place in reversed(places) if goes_backwards else places:
        yield sequences[:, place], None if mask is None else mask[:, place]


def _one_step(cell: Any, part: Part, step: Any, states: list[Any], record: Record, training: bool) -> tuple[Any, list]:
    """What a cell puts out, and its states behind that: the first is what it puts out."""
    after = states

    def run(fed: Any) -> Any:
        nonlocal after
        output, held = cell(fed, states, training=training)
        after = list(held) if isinstance(held, (list, tuple)) else [held]
        return output

    output = record(part, step, run)
    return output, [output, *after[1:]]


def _where_there(layer: Any, is_there: Any, new: tuple[Any, list], old: tuple[Any, list]) -> tuple[Any, list]:
    """A step's output and states where it is there, and those before it where it is masked, as Keras has them."""
    from keras import ops

    is_there = ops.expand_dims(is_there, -1)
    before = ops.zeros_like(new[0]) if old[0] is None or layer.zero_output_for_mask else old[0]
    states = [ops.where(is_there, now, held) for now, held in zip(new[1], old[1], strict=True)]
    return ops.where(is_there, new[0], before), states


_ALONG_THE_LAST_AXIS = frozenset({"Dense", "LayerNormalization", "Embedding"})
_TAKES_SAMPLES = ("Conv", "DepthwiseConv", "SeparableConv", "BatchNormalization")

_EXPANSIONS: Mapping[str, Callable[..., Callable[..., Any] | None]] = {
    "BaseSeparableConv": _separable,
    "SeparableConv1D": _separable,
    "PositionEmbedding": _positions,
    "ReversibleEmbedding": _reversible,
}
"""Type of a layer -> (path, layer, names of its variables, record) -> what takes the place of its ``call``."""


def of_masked_steps(
    layer: Any, keywords: Mapping[str, Any], record: Callable[..., Any]
) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """Record all steps of a recurrent layer that masks some, whatever it returns of them.

    It returns its last step again where steps are masked, or zeros, and of those that it is taught as much.
    """
    import keras

    mask = keywords.get("mask")
    if mask is None or not isinstance(layer, keras.layers.RNN):
        return record
    is_there: Any = keras.ops.flip(mask, axis=1) if layer.go_backwards else keras.ops.convert_to_tensor(mask)
    returns_all = layer.return_sequences

    def masked(given: Any, run: Callable[[Any], Any]) -> Any:
        if len(given.shape) != len(is_there.shape) + 1:  # images in time
            return record(given, run)
        with calls.with_attributes(layer, {"return_sequences": True}):
            output = record(given, run, mask=mask)
        whole = calls.first(output)
        held = _held(whole, is_there)
        if layer.return_state:
            output = (output[0], held[:, -1], *output[2:])
        if not returns_all:
            return calls.with_first(output, held[:, -1])
        behind = keras.ops.zeros_like(whole) if layer.zero_output_for_mask else held
        return calls.with_first(output, keras.ops.where(is_there[..., None], whole, behind))

    return masked


def _held(whole: Any, is_there: Any) -> Any:
    """All steps, (sample, time, unit), the last one again where steps are masked; zeros before the first."""
    from keras import ops

    steps: Any = ops.arange(whole.shape[1])
    earlier = ops.logical_and(is_there[:, None, :], steps[None, None, :] <= steps[None, :, None])
    last: Any = ops.max(ops.where(earlier, steps[None, None, :], -1), axis=2)
    last = last[..., None]
    places = ops.broadcast_to(ops.maximum(last, 0), ops.shape(whole))
    return ops.where(last < 0, ops.zeros_like(whole), ops.take_along_axis(whole, places, axis=1))
