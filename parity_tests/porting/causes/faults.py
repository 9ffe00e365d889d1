"""Ports with faults in them, as people make them, and what the verifier must say: where they are, and why.

A row plants one fault in one of three ways: other layers in the graph, other weights in the right graph, or another
plan. Two rows of one pair may be planted together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from keras import layers, ops

import checkpoints
from finta.pair import FINTA
from parity_tests.porting.zoo import pairs as zoo
from porting import ModelPair, ParityReport, convert, verify
from porting.pairs import build_reference, resolve
from porting.records.parity import Divergence

PAIRS = {pair.name: pair for pair in (FINTA, replace(FINTA, name="finta trained"), *zoo.PAIRS)}
SIZES = {"finta": {"latent_size": 4, "point_count": 64}}
"""What references are built with where their own sizes are too large for many runs."""

CAUSES = frozenset(
    {
        # wrong weights
        "kernel reversed along its taps",
        "transposed wrongly",
        "bias missing",
        "another layer's weights",
        "left at its initialisation",
        "mean and variance swapped",
        "rounded to float16",
        "rounded to bfloat16",
        "scaled weights",
        "gates in another order",
        "weights of unknown origin",
        # inside a layer
        "another epsilon",
        "training mode left on",
        "activation added",
        "offset by one point",
        "other groups",
        "another axis normalised",
        # between layers
        "flattened or reshaped in another order",
        "resizing of another kind",
        "padding of another kind",
        "activation missing",
        "activation of another kind",
        "pooling of another kind",
        "softmax over another axis",
        "residual connection missing",
        "scale missing",
        "input scaled",
        "reversed along an axis",
        "operands in another order",
        "transposition missing",
    }
)
"""All that the verifier has words for."""

Change = Callable[..., Any]
"""(right layer, its inputs) -> the outputs of what stands in its place."""

Spoil = Callable[[Any, Mapping[str, Any]], None]
"""(layer with its right weights, all layers by name) -> nothing; assigns others."""


@dataclass(frozen=True)
class Finding:
    """What the verifier must say of one place; no cause where there is no word for it."""

    where: str
    reference: str
    causes: frozenset[str]

    def causes_given(self, divergences: Iterable[Divergence]) -> list[str]:
        """The causes that a verdict names here."""
        here = [found for found in divergences if place_of(found) == (self.where, self.reference)]
        return [cause.name for found in here[:1] for cause in found.causes]

    def is_named(self, divergences: Iterable[Divergence]) -> bool:
        """Whether a right cause is among them; where there is no word for the fault nothing need be."""
        return not self.causes or not self.causes.isdisjoint(self.causes_given(divergences))

    def is_misnamed(self, divergences: Iterable[Divergence]) -> bool:
        """Whether there is one cause, and a wrong one: several are an honest doubt."""
        given = self.causes_given(divergences)
        return len(given) == 1 and given[0] not in self.causes


def place_of(divergence: Divergence) -> tuple[str, str]:
    """Where a verdict sees a fault; one inside a layer is the same in all its calls."""
    if divergence.where == "inside":
        return "inside", divergence.reference.partition(" (call ")[0]
    return divergence.where, divergence.reference


@dataclass(frozen=True)
class Fault:
    """One fault, or several at once.

    Attributes
    ----------
    pair : str
        Whose port it is planted in.
    expected : tuple of Finding
        Empty where the fault shows only in training.
    changes : Mapping
        Port layer -> what stands in its place.
    weights : Mapping
        Port layer -> what is done to its weights.
    axes : Mapping
        Patterns that somebody might write into the pair.
    matches : Mapping, optional
        Those that somebody might write instead of the pair's.
    port : callable, optional
        Builds the whole port where `changes` cannot tell.
    """

    pair: str
    expected: tuple[Finding, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    weights: Mapping[str, Spoil] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, str] | None = None
    port: Callable[..., keras.Model] | None = None

    def __post_init__(self) -> None:
        unknown = {cause for finding in self.expected for cause in finding.causes} - CAUSES
        if unknown:
            raise ValueError(f"the verifier has no word for {unknown}")

    def is_located(self, divergences: Iterable[Divergence]) -> bool:
        """Whether a verdict sees all that is wrong, and nothing else."""
        places = {(finding.where, finding.reference) for finding in self.expected}
        return {place_of(divergence) for divergence in divergences} == places

    @property
    def kind(self) -> str:
        """How it was planted, and whether it can be seen outside training."""
        if not self.expected:
            return "shows only in training"
        return "wrong weights" if self.weights else "wrong graph" if self.changes or self.port else "wrong plan"

    def model_pair(self, scale: float = 1.0) -> ModelPair:
        """The pair as the fault's author would have written it, with a probe of that scale."""
        pair = zoo.scaled(PAIRS[self.pair], scale)
        if self.changes or self.port:
            pair = replace(pair, port=partial(rebuilt, self.port or pair.port, self.changes))
        matches = pair.matches if self.matches is None else self.matches
        return replace(pair, axes={**pair.axes, **self.axes}, matches=matches)

    def judge(self, checkpoint: Path, folder: Path, scale: float = 1.0) -> ParityReport:
        """Convert a checkpoint with the fault in it, and verify what was written."""
        pair = self.model_pair(scale)
        report = convert(checkpoint, folder / "port", pair=pair, keep_failed=True, force=True).report
        if not self.weights:
            return report
        model = keras.saving.load_model(folder / "port.keras", compile=False)
        named = {layer.name: layer for layer in model._flatten_layers()}
        for name, spoil in self.weights.items():
            spoil(named[name], named)
        model.save(folder / "spoiled.keras")
        return verify(folder / "spoiled.keras", checkpoint, pair=pair)


def rebuilt(factory: Any, changes: Mapping[str, Change], **sizes: Any) -> Any:
    """Build a right model and lay it out again with some layers changed, at any depth."""
    model, unused = resolve(factory)(**sizes), set(changes)

    def call(layer, *inputs, **keywords):
        if isinstance(layer, keras.Model):
            return keras.models.clone_model(layer, call_function=call)(*inputs)
        unused.discard(layer.name)
        return changes[layer.name](layer, *inputs) if layer.name in changes else layer(*inputs, **keywords)

    if not changes:
        return model
    changed = keras.models.clone_model(model, call_function=call)
    if unused:
        raise ValueError(f"{model.name} has no layers {unused}")
    return changed


def write_checkpoint(name: str, folder: Path, seed: int = 0) -> Path:
    """Write weights for the reference of a pair, as if trained; the shipped ones where they are trained."""
    if name == "finta trained":
        return checkpoints.TORCH_CHECKPOINT
    name = name.removesuffix(", folded")
    reference = zoo.randomise(build_reference(PAIRS[name], SIZES.get(name, {})), seed)
    torch.save({"state_dict": reference.state_dict()}, path := folder / f"{name}_{seed}.pt")
    return path


def inside(reference: str, *causes: str) -> Finding:
    return Finding("inside", reference, frozenset(causes))


def between(reference: str, *causes: str) -> Finding:
    return Finding("between", reference, frozenset(causes))


def stream(*causes: str) -> tuple[Finding, ...]:
    """What goes wrong before the transformer's second half goes on around it."""
    return between("norm2", *causes), between("norm3", *causes)


# --- other layers ---


def with_config(**changes: Any) -> Change:
    return lambda layer, *inputs: type(layer).from_config({**layer.get_config(), **changes})(*inputs)


def with_class(other: type) -> Change:
    return lambda layer, *inputs: other.from_config(layer.get_config())(*inputs)


def instead(make: Callable[[], Any]) -> Change:
    return lambda layer, *inputs: make()(*inputs)


def before(*makes: Callable[[], Any]) -> Change:
    return lambda layer, hidden: layer(in_a_row(makes, hidden))


def after(*makes: Callable[[], Any]) -> Change:
    return lambda layer, *inputs: in_a_row(makes, layer(*inputs))


def in_a_row(makes, hidden):
    for make in makes:
        hidden = make()(hidden)
    return hidden


def skipped(layer, hidden):
    return hidden


def only(number: int) -> Change:
    return lambda layer, inputs: inputs[number]


def reordered(layer, inputs):
    return layer(inputs[::-1])


def all_steps_then(make: Callable[[], Any]) -> Change:
    return lambda layer, hidden: make()(with_config(return_sequences=True)(layer, hidden))


def activation(name: str) -> Callable[[], Any]:
    return lambda: layers.Activation(name)


def padded(first: int, last: int, mode: str) -> Callable[[], Any]:
    return lambda: zoo.Padding1D(first, last, mode)


@keras.saving.register_keras_serializable("faults")
class Reverse(layers.Layer):
    """Reverses one axis."""

    def __init__(self, axis: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return ops.flip(inputs, self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable("faults")
class Roll(layers.Layer):
    """Moves every point one on, the last one to the front."""

    def call(self, inputs):
        return ops.roll(inputs, 1, axis=1)


@keras.saving.register_keras_serializable("faults")
class AlignedUpsampling(layers.Layer):
    """Linear upsampling with aligned corners: (streamline, point, channel) -> (streamline, 2 point, channel)."""

    def call(self, inputs):
        points = inputs.shape[1]
        at = ops.cast(ops.arange(2 * points), inputs.dtype) * ((points - 1) / (2 * points - 1))
        left = ops.cast(ops.floor(at), "int32")
        share = ops.expand_dims(at - ops.cast(left, inputs.dtype), -1)
        return (1 - share) * ops.take(inputs, left, 1) + share * ops.take(inputs, ops.minimum(left + 1, points - 1), 1)


@keras.saving.register_keras_serializable("faults")
class ApproximateGelu(layers.Layer):
    """What `keras.ops.gelu` does unless told otherwise."""

    def call(self, inputs):
        return ops.gelu(inputs)


@keras.saving.register_keras_serializable("faults")
class LastingDropout(layers.Dropout):
    """Drops when the model is used, too."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable("faults")
class BatchNormalization(layers.BatchNormalization):
    """Normalises by the batch, and gathers its statistics, when the model is used, too."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)


@keras.saving.register_keras_serializable("faults")
class SwappedSiamese(zoo.SiamesePort):
    """Subtracts the other way round."""

    def difference(self, left, right):
        return right - left


@keras.saving.register_keras_serializable("faults")
class SumSiamese(zoo.SiamesePort):
    """Adds where the reference subtracts."""

    def difference(self, left, right):
        return left + right


@keras.saving.register_keras_serializable("faults")
class SwappedOutputs(zoo.SiamesePort):
    """Returns its outputs in another order."""

    def call(self, inputs):
        left, difference = super().call(inputs)
        return difference, left


SHIFTED = (lambda: layers.ZeroPadding1D((1, 0)), lambda: layers.Cropping1D((0, 1)))
POINT_MAJOR = {
    "unflatten": lambda layer, hidden: layers.Reshape(layer.target_shape[::-1])(hidden),
    "point_major": skipped,
}

# --- other weights ---


def changed(change: Callable[[np.ndarray], Any], *variables: str) -> Spoil:
    def spoil(layer, named):
        for variable in variables or ("kernel",):
            tensor = getattr(layer, variable)
            tensor.assign(np.asarray(change(keras.ops.convert_to_numpy(tensor)), np.float32))

    return spoil


def rounded(dtype: str) -> Spoil:
    return changed(lambda kernel: keras.ops.convert_to_numpy(ops.cast(ops.cast(kernel, dtype), "float32")))


def copied(other: str, *variables: str) -> Spoil:
    def spoil(layer, named):
        for variable in variables or ("kernel", "bias"):
            getattr(layer, variable).assign(getattr(named[other], variable))

    return spoil


def gates(*order: int, variables: tuple[str, ...] = ("kernel", "recurrent_kernel", "bias")) -> Spoil:
    """Puts a recurrent cell's gates in another order."""

    def reordered_gates(array: np.ndarray) -> np.ndarray:
        members = np.split(array, len(order), axis=-1)
        return np.concatenate([members[at] for at in order], axis=-1)

    return changed(reordered_gates, *variables)


def swapped(one: str, other: str) -> Spoil:
    """Swaps variables of two layers, or of one layer if `one` and `other` are its variables."""

    def spoil(layer, named):
        pairs = (
            [(getattr(layer, one), getattr(layer, other))]
            if hasattr(layer, one)
            else zip(named[one].weights, named[other].weights, strict=True)
        )
        for left, right in pairs:
            kept = keras.ops.convert_to_numpy(left).copy()
            left.assign(right)
            right.assign(kept)

    return spoil


def forgotten(layer, named):
    """Leaves a layer as Keras initialised it."""
    fresh = type(layer).from_config(layer.get_config())
    keras.utils.set_random_seed(0)
    fresh.build(layer.get_build_config()["input_shape"])
    layer.set_weights(fresh.get_weights())


def another_seed(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).permutation(array.ravel()).reshape(array.shape) * 0.9 + 0.1


ZEROS = changed(np.zeros_like, "bias")
FLIPPED = changed(lambda kernel: kernel[::-1])
FLIPPED_2D = changed(lambda kernel: kernel[::-1, ::-1])
TRANSPOSED = changed(np.transpose)

NO_WORD = ()


def planted(pair: str, expected: Finding | tuple[Finding, ...], **how: Any) -> Fault:
    return Fault(pair, expected if isinstance(expected, tuple) else (expected,), **how)


def graph(pair: str, expected: Finding | tuple[Finding, ...], **changes: Change) -> Fault:
    return planted(pair, expected, changes=changes)


def weights(pair: str, expected: Finding | tuple[Finding, ...], **spoils: Spoil) -> Fault:
    return planted(pair, expected, weights=spoils)


def plan(pair: str, expected: Finding, **axes: str) -> Fault:
    """Axes by the reference's tensors, with two underscores for a dot."""
    return planted(pair, expected, axes={name.replace("__", "."): pattern for name, pattern in axes.items()})


FLATTENED, RESIZED, PADDED = (
    "flattened or reshaped in another order",
    "resizing of another kind",
    "padding of another kind",
)
SHIFT, MISSING, ADDED, OTHER = (
    "offset by one point",
    "activation missing",
    "activation added",
    "activation of another kind",
)
POOLED, ORDER, REVERSED, SCALED = (
    "pooling of another kind",
    "operands in another order",
    "reversed along an axis",
    "input scaled",
)
TRAINING, EPSILON, FOREIGN, INITIAL = (
    "training mode left on",
    "another epsilon",
    "another layer's weights",
    "left at its initialisation",
)
TAPS, TURNED, UNKNOWN = "kernel reversed along its taps", "transposed wrongly", "weights of unknown origin"
HALF, BRAIN = "rounded to float16", "rounded to bfloat16"
GATES = "gates in another order"

_GRAPHS = {
    # FINTA
    "encoder flattened point by point": graph("finta", between("fc1", FLATTENED), channel_major=skipped),
    "decoder unflattened point by point": graph("finta", between("decod_conv1.1", FLATTENED), **POINT_MAJOR),
    "upsampling that repeats": graph(
        "finta", between("decod_conv3.1", RESIZED), upsample2=instead(lambda: layers.UpSampling1D(2))
    ),
    "last upsampling that repeats": graph(
        "finta", between("decod_conv6.1", RESIZED), upsample5=instead(lambda: layers.UpSampling1D(2))
    ),
    "upsampling with aligned corners": graph(
        "finta", between("decod_conv6.1", RESIZED), upsample5=instead(AlignedUpsampling)
    ),
    "first upsampling with aligned corners": graph(
        "finta", between("decod_conv2.1", RESIZED), upsample1=instead(AlignedUpsampling)
    ),
    "zero padding": graph(
        "finta", between("encod_conv3.1", PADDED), encod_pad3=instead(lambda: layers.ZeroPadding1D(1))
    ),
    "zero padding in the decoder": graph(
        "finta", between("decod_conv1.1", PADDED), decod_pad1=instead(lambda: layers.ZeroPadding1D(1))
    ),
    "edge padding": graph("finta", between("encod_conv1.1", PADDED), encod_pad1=instead(padded(1, 1, "edge"))),
    "edge padding in the decoder": graph(
        "finta", between("decod_conv6.1", PADDED), decod_pad6=instead(padded(1, 1, "edge"))
    ),
    "circular padding": graph("finta", between("encod_conv4.1", PADDED), encod_pad4=instead(padded(1, 1, "wrap"))),
    "padding on one side": graph(
        "finta", between("encod_conv2.1", PADDED, SHIFT), encod_pad2=instead(padded(0, 2, "reflect"))
    ),
    "same padding with a stride": graph(
        "finta", between("encod_conv2.1", PADDED, SHIFT), encod_pad2=skipped, encod_conv2=with_config(padding="same")
    ),
    "same padding without a stride": graph(
        "finta", between("decod_conv4.1", PADDED), decod_pad4=skipped, decod_conv4=with_config(padding="same")
    ),
    "shifted by one point": graph("finta", between("encod_conv4.1", SHIFT), encod_relu3=after(*SHIFTED)),
    "shifted by one point in the decoder": graph("finta", between("decod_conv4.1", SHIFT), upsample3=after(*SHIFTED)),
    "rolled by one point": graph("finta", between("encod_conv2.1", SHIFT), encod_relu1=after(Roll)),
    "missing activation": graph("finta", between("encod_conv5.1", MISSING), encod_relu4=skipped),
    "missing activation in the decoder": graph("finta", between("decod_conv6.1", MISSING), decod_relu5=skipped),
    "LeakyReLU .01 for ReLU": graph(
        "finta", between("decod_conv2.1", OTHER), decod_relu1=instead(lambda: layers.LeakyReLU(0.01))
    ),
    "LeakyReLU .3 for ReLU": graph(
        "finta", between("encod_conv2.1", OTHER), encod_relu1=instead(lambda: layers.LeakyReLU(0.3))
    ),
    "ELU for ReLU": graph("finta", between("encod_conv3.1", OTHER), encod_relu2=instead(activation("elu"))),
    "GELU for ReLU": graph("finta", between("decod_conv3.1", OTHER), decod_relu2=instead(activation("gelu"))),
    "ReLU6 for ReLU": graph("finta", between("encod_conv4.1", OTHER), encod_relu3=instead(lambda: layers.ReLU(6))),
    "tanh for ReLU": graph("finta", between("encod_conv6.1", OTHER), encod_relu5=instead(activation("tanh"))),
    "activation before the flattening": graph("finta", between("fc1", ADDED), channel_major=before(activation("relu"))),
    "activation between the models": graph("finta", between("fc2", ADDED), fc2=before(activation("tanh"))),
    "activation inside a layer": graph("finta", inside("fc1", ADDED), fc1=with_config(activation="relu")),
    "activation after the last layer": graph(
        "finta", inside("decod_conv6.1", ADDED), decod_conv6=with_config(activation="tanh")
    ),
    "streamlines reversed at the input": graph(
        "finta", between("encod_conv1.1", REVERSED), encod_pad1=before(lambda: Reverse(1))
    ),
    "coordinates reversed at the output": graph(
        "finta", between("reconstruction", REVERSED), decod_conv6=after(lambda: Reverse(2))
    ),
    "streamlines divided by 100": graph(
        "finta", between("encod_conv1.1", SCALED), encod_pad1=before(lambda: layers.Rescaling(0.01))
    ),
    "streamlines centred and scaled": graph(
        "finta", between("encod_conv1.1", SCALED), encod_pad1=before(lambda: layers.Rescaling(0.02, -0.3))
    ),
    # classifier
    "strided convolution with same padding": graph(
        "classifier", between("conv2", PADDED, SHIFT), pad=skipped, conv2=with_config(padding="same")
    ),
    "padding at two ends only": graph(
        "classifier",
        between("conv2", PADDED, SHIFT),
        pad=instead(lambda: layers.ZeroPadding2D(((2, 0), (2, 0)))),
    ),
    "average for maximum": graph(
        "classifier", between("conv2", POOLED), pool=instead(lambda: layers.AveragePooling2D(2))
    ),
    "global maximum for average": graph(
        "classifier", between("head", POOLED), average=instead(layers.GlobalMaxPooling2D)
    ),
    "channels reversed at the input": graph("classifier", between("conv1", REVERSED), conv1=before(lambda: Reverse(3))),
    "rows reversed at the input": graph("classifier", between("conv1", REVERSED), conv1=before(lambda: Reverse(1))),
    "rows and columns exchanged": graph(
        "classifier",
        between("conv1", "transposition missing", FLATTENED),
        conv1=before(lambda: layers.Permute((2, 1, 3))),
    ),
    "images divided by 255": graph(
        "classifier", between("conv1", SCALED), conv1=before(lambda: layers.Rescaling(1 / 255))
    ),
    "BatchNorm with Keras' epsilon": graph("classifier", inside("norm1", EPSILON), norm1=with_config(epsilon=1e-3)),
    "second BatchNorm with Keras' epsilon": graph(
        "classifier", inside("norm2", EPSILON), norm2=with_config(epsilon=1e-3)
    ),
    "BatchNorm always in training mode": graph(
        "classifier", inside("norm1", TRAINING), norm1=with_class(BatchNormalization)
    ),
    "activation inside a convolution": graph(
        "classifier", inside("conv1", ADDED), conv1=with_config(activation="relu")
    ),
    "ReLU before the normalisation": graph(
        "classifier",
        (between("norm1", ADDED), between("conv2", MISSING)),
        norm1=before(activation("relu")),
        relu1=skipped,
    ),
    "activation missing before a depthwise layer": graph("classifier", between("depthwise", MISSING), relu2=skipped),
    "SiLU for ReLU": graph("classifier", between("depthwise", OTHER), relu2=instead(activation("silu"))),
    "scores through softmax": graph("classifier", inside("head", ADDED), head=with_config(activation="softmax")),
    "softmax after the scores": graph("classifier", between("scores", ADDED), head=after(layers.Softmax)),
    # decoder
    "code unflattened row by row": graph(
        "decoder",
        between("up1", FLATTENED),
        unflatten=instead(lambda: layers.Reshape((2, 2, 8))),
        channels_last=skipped,
    ),
    "rows and columns exchanged in the decoder": graph(
        "decoder", between("up1", FLATTENED, "transposition missing"), channels_last=with_config(dims=(3, 2, 1))
    ),
    "cropped at the other end": graph("decoder", between("image", SHIFT), crop=with_config(cropping=((0, 1), (0, 1)))),
    "cropped inside at the other end": graph(
        "decoder", inside("up2", SHIFT), up2=with_config(padding="same"), crop=skipped
    ),
    "first transposed convolution cropped at one end": graph(
        "decoder",
        between("group_norm", SHIFT),
        up1=with_config(padding="valid"),
        group_norm=before(lambda: layers.Cropping2D(((2, 0), (2, 0)))),
    ),
    "LayerNorm with Keras' epsilon": graph("decoder", inside("norm", EPSILON), norm=with_config(epsilon=1e-3)),
    "GroupNorm with Keras' epsilon": graph(
        "decoder", inside("group_norm", EPSILON), group_norm=with_config(epsilon=1e-3)
    ),
    "one group for two": graph("decoder", inside("group_norm", "other groups"), group_norm=with_config(groups=1)),
    "three groups for two": graph("decoder", inside("group_norm", "other groups"), group_norm=with_config(groups=3)),
    "missing activation between transposed convolutions": graph("decoder", between("up2", MISSING), relu=skipped),
    "activation after the LayerNorm": graph("decoder", between("up1", ADDED), unflatten=before(activation("relu"))),
    "tanh after the image": graph("decoder", between("image", ADDED), crop=after(activation("tanh"))),
    # transformer
    "approximate GELU": graph("transformer", between("contract", OTHER), gelu=instead(ApproximateGelu)),
    "ReLU for GELU": graph("transformer", between("contract", OTHER), gelu=instead(activation("relu"))),
    "GELU twice": graph("transformer", between("contract", ADDED), gelu=after(activation("gelu"))),
    "missing GELU": graph("transformer", between("contract", MISSING), gelu=skipped),
    "softmax over the queries": graph(
        "transformer", between("project", "softmax over another axis"), softmax=with_config(axis=2)
    ),
    "softmax over the heads": graph(
        "transformer", between("project", "softmax over another axis"), softmax=with_config(axis=1)
    ),
    "scores not divided by the root of the depth": graph(
        "transformer", between("project", "scale missing"), scores=with_config(exponent=0.0)
    ),
    "scores not divided, one head": graph(
        "one head", between("project", "scale missing"), scores=with_config(exponent=0.0)
    ),
    "scores divided by the depth": graph("transformer", between("project", *NO_WORD), scores=with_config(exponent=1.0)),
    "query and key exchanged": graph(
        "transformer", between("project", ORDER, "transposition missing"), scores=reordered
    ),
    "query and key exchanged, one head": graph(
        "one head", between("project", ORDER, "transposition missing"), scores=reordered
    ),
    "shares transposed": graph(
        "transformer", between("project", "transposition missing", ORDER), attend=with_config(transposed=True)
    ),
    "heads split the other way round": graph(
        "transformer",
        between("project", FLATTENED),
        **{f"split_{word}": with_config(depth_first=True) for word in ("query", "key", "value")},
    ),
    "heads merged without transposition": graph(
        "transformer", between("project", "transposition missing", FLATTENED), merge=with_config(order=(0, 1, 2, 3))
    ),
    "heads merged depth first": graph(
        "transformer", between("project", FLATTENED, "transposition missing"), merge=with_config(order=(0, 2, 3, 1))
    ),
    "first residual connection missing": graph("transformer", stream("residual connection missing"), residual1=only(1)),
    "second residual connection missing": graph(
        "transformer", between("norm3", "residual connection missing"), residual2=only(1)
    ),
    "residual connection averaged": graph(
        "transformer",
        stream("scale missing"),
        residual1=instead(layers.Average),
    ),
    "dropout left on": graph(
        "transformer",
        (between("norm2", TRAINING), between("norm3", *NO_WORD)),  # behind the second sum the mask is of two branches
        dropout1=with_class(LastingDropout),
    ),
    "second dropout left on": graph("transformer", between("norm3", TRAINING), dropout2=with_class(LastingDropout)),
    "LayerNorm over the positions": graph(
        "transformer", inside("norm2", "another axis normalised"), norm2=with_config(axis=1)
    ),
    "first LayerNorm with Keras' epsilon": graph(
        "transformer", inside("norm1", EPSILON), norm1=with_config(epsilon=1e-3)
    ),
    "last LayerNorm with Keras' epsilon": graph(
        "transformer", inside("norm3", EPSILON), norm3=with_config(epsilon=1e-3)
    ),
    "GELU inside a Dense layer": graph("transformer", inside("expand", ADDED), expand=with_config(activation="gelu")),
    # separable
    "zeros for circular padding": graph(
        "separable", between("stem", PADDED), pad=instead(lambda: layers.ZeroPadding1D(2))
    ),
    "reflection for circular padding": graph(
        "separable", between("stem", PADDED), pad=instead(padded(2, 2, "reflect"))
    ),
    "circular padding at one end": graph(
        "separable", between("stem", PADDED, SHIFT), pad=instead(padded(3, 1, "wrap"))
    ),
    "causal convolution": graph("separable", between("dilated", PADDED, SHIFT), dilated=with_config(padding="causal")),
    "ReLU for SiLU": graph("separable", between("depthwise", OTHER), silu=instead(activation("relu"))),
    "hard SiLU for SiLU": graph("separable", between("depthwise", OTHER), silu=instead(activation("hard_silu"))),
    "SiLU twice": graph("separable", between("depthwise", ADDED), silu=after(activation("silu"))),
    "ReLU for ReLU6": graph("separable", between("pointwise", OTHER), relu6=instead(activation("relu"))),
    "gain missing": graph("separable", between("pointwise", "scale missing"), gain=skipped),
    "average of what is there": graph(
        "separable", between("group_norm", POOLED), pool_pad=skipped, smooth=with_config(padding="same")
    ),
    "maximum for smoothing": graph(
        "separable",
        between("group_norm", POOLED),
        pool_pad=skipped,
        smooth=instead(lambda: layers.MaxPooling1D(3, strides=1, padding="same")),
    ),
    "ReLU for ELU": graph("separable", between("dilated", OTHER), elu=instead(activation("relu"))),
    "SELU for ELU": graph("separable", between("dilated", OTHER), elu=instead(activation("selu"))),
    "LeakyReLU .3 for .125": graph("separable", between("head", OTHER), leaky=instead(lambda: layers.LeakyReLU(0.3))),
    "ReLU for LeakyReLU": graph("separable", between("head", OTHER), leaky=instead(activation("relu"))),
    "maximum of windows shifted": graph(
        "separable", between("head", POOLED, SHIFT), max_pad=skipped, max_pool=with_config(padding="same")
    ),
    "maximum over padding of zeros": graph(
        "separable", between("head", POOLED, PADDED), max_pad=instead(lambda: layers.ZeroPadding1D((1, 0)))
    ),
    "poolings joined in another order": graph("separable", between("head", ORDER), pools=reordered),
    "signals flattened point by point": graph("separable", between("head", FLATTENED), channel_major=skipped),
    "missing tanh at the end": graph("separable", between("scores", MISSING), tanh=skipped),
    "sigmoid for tanh": graph("separable", between("scores", OTHER), tanh=instead(activation("sigmoid"))),
    "second GroupNorm with Keras' epsilon": graph(
        "separable", inside("group_norm", EPSILON), group_norm=with_config(epsilon=1e-3)
    ),
    # siamese
    "difference the other way round": planted("siamese", between("head (call 2)", ORDER), port=SwappedSiamese),
    "sum for difference": planted("siamese", between("head (call 2)", *NO_WORD), port=SumSiamese),
    "outputs in another order": planted(
        "siamese", (between("left", *NO_WORD), between("difference", *NO_WORD)), port=SwappedOutputs
    ),
    # recurrent
    "sequence backwards": graph("recurrent", inside("lstm", *NO_WORD), lstm=with_config(go_backwards=True)),
    "hard sigmoid in the gates": graph(
        "recurrent", inside("lstm", *NO_WORD), lstm=with_config(recurrent_activation="hard_sigmoid")
    ),
    "activation behind the steps": graph("recurrent", between("gru", ADDED), gru=before(activation("relu"))),
    "steps averaged": graph("recurrent", between("head", *NO_WORD), rnn=all_steps_then(layers.GlobalAveragePooling1D)),
    # trained weights
    "trained: encoder flattened point by point": graph(
        "finta trained", between("fc1", FLATTENED), channel_major=skipped
    ),
    "trained: decoder unflattened point by point": graph(
        "finta trained", between("decod_conv1.1", FLATTENED), **POINT_MAJOR
    ),
    "trained: upsampling that repeats": graph(
        "finta trained", between("decod_conv4.1", RESIZED), upsample3=instead(lambda: layers.UpSampling1D(2))
    ),
    "trained: zero padding": graph(
        "finta trained", between("encod_conv5.1", PADDED), encod_pad5=instead(lambda: layers.ZeroPadding1D(1))
    ),
}

_WEIGHTS = {
    "kernel reversed along its taps": weights("finta", inside("encod_conv4.1", TAPS), encod_conv4=FLIPPED),
    "2-D kernel reversed along its taps": weights("classifier", inside("conv1", TAPS), conv1=FLIPPED_2D),
    "2-D kernel reversed along its rows": weights("classifier", inside("conv2", TAPS), conv2=FLIPPED),
    "transposed convolution's kernel reversed": weights("decoder", inside("up1", TAPS), up1=FLIPPED_2D),
    "depthwise kernel reversed along its taps": weights("separable", inside("depthwise", TAPS), depthwise=FLIPPED),
    "2-D kernel with rows and columns exchanged": weights(
        "classifier", inside("conv1", TURNED), conv1=changed(lambda kernel: kernel.swapaxes(0, 1))
    ),
    "square Dense kernel transposed": weights("transformer", inside("value", TURNED), value=TRANSPOSED),
    "bias zero": weights("finta", inside("encod_conv5.1", "bias missing"), encod_conv5=ZEROS),
    "bias of the latent code zero": weights("finta", inside("fc1", "bias missing"), fc1=ZEROS),
    "bias of a projection zero": weights("transformer", inside("project", "bias missing"), project=ZEROS),
    "bias of a depthwise layer zero": weights("separable", inside("depthwise", "bias missing"), depthwise=ZEROS),
    "bias of another layer": weights("transformer", inside("query", FOREIGN), query=copied("key", "bias")),
    "weights of another layer": weights("transformer", inside("value", FOREIGN), value=copied("key")),
    "query and key swapped": weights(
        "transformer", (inside("query", FOREIGN), inside("key", FOREIGN)), query=swapped("query", "key")
    ),
    "LayerNorms swapped": weights(
        "transformer", (inside("norm1", FOREIGN), inside("norm3", FOREIGN)), norm1=swapped("norm1", "norm3")
    ),
    "convolution left at its initialisation": weights("finta", inside("decod_conv4.1", INITIAL), decod_conv4=forgotten),
    "latent layer left at its initialisation": weights("finta", inside("fc2", INITIAL), fc2=forgotten),
    "BatchNorm left at its initialisation": weights("classifier", inside("norm2", INITIAL), norm2=forgotten),
    "embedding left at its initialisation": weights("siamese", inside("embedding", INITIAL), embedding=forgotten),
    "transposed convolution left at its initialisation": weights("decoder", inside("up2", INITIAL), up2=forgotten),
    "mean and variance swapped": weights(
        "classifier",
        inside("norm1", "mean and variance swapped"),
        norm1=swapped("moving_mean", "moving_variance"),
    ),
    "mean and variance of signals swapped": weights(
        "separable", inside("norm", "mean and variance swapped"), norm=swapped("moving_mean", "moving_variance")
    ),
    "gamma and beta swapped": weights(
        "decoder", inside("group_norm", FOREIGN, UNKNOWN), group_norm=swapped("gamma", "beta")
    ),
    "kernel through float16": weights("finta", inside("fc2", HALF), fc2=rounded("float16")),
    "kernel through bfloat16": weights("finta", inside("encod_conv2.1", BRAIN), encod_conv2=rounded("bfloat16")),
    "2-D kernel through float16": weights("classifier", inside("conv2", HALF), conv2=rounded("float16")),
    "Dense kernel through bfloat16": weights("transformer", inside("expand", BRAIN), expand=rounded("bfloat16")),
    "kernel half as large again": weights(
        "decoder", inside("fc", "scaled weights"), fc=changed(lambda kernel: 1.5 * kernel)
    ),
    "kernel one per cent too large": weights(
        "finta", inside("decod_conv3.1", "scaled weights"), decod_conv3=changed(lambda kernel: 1.01 * kernel)
    ),
    "kernel with its sign changed": weights(
        "separable", inside("pointwise", "scaled weights"), pointwise=changed(lambda kernel: -kernel)
    ),
    "weights of another training": weights("finta", inside("fc1", UNKNOWN), fc1=changed(another_seed)),
    "embedding of another training": weights(
        "siamese", inside("embedding", UNKNOWN), embedding=changed(another_seed, "embeddings")
    ),
    "one weight changed": weights(
        "separable",
        inside("head", UNKNOWN),
        head=changed(lambda kernel: kernel + (np.arange(kernel.size) == 7).reshape(kernel.shape)),
    ),
    "layer that runs twice doubled": weights(
        "siamese", inside("encoder", "scaled weights"), encoder=changed(lambda kernel: 2 * kernel)
    ),
    "GRU gates in torch's order": weights("recurrent", inside("gru", GATES), gru_cell=gates(1, 0, 2)),
    "GRU kernel in torch's order of gates": weights(
        "recurrent", inside("gru", GATES), gru_cell=gates(1, 0, 2, variables=("kernel",))
    ),
    "LSTM gates in the order i f o g": weights("recurrent", inside("lstm", GATES), lstm_cell=gates(0, 1, 3, 2)),
    "LSTM bias zero": weights("recurrent", inside("lstm", "bias missing"), lstm_cell=ZEROS),
    "GRU biases exchanged": weights(
        "recurrent", inside("gru", FOREIGN), gru_cell=changed(lambda bias: bias[::-1], "bias")
    ),
    "recurrent kernel transposed": weights(
        "recurrent", inside("rnn", TURNED), simple_rnn_cell=changed(np.transpose, "recurrent_kernel")
    ),
    "LSTM left at its initialisation": weights("recurrent", inside("lstm", INITIAL), lstm=forgotten),
    "trained: bias zero": weights("finta trained", inside("encod_conv1.1", "bias missing"), encod_conv1=ZEROS),
    "trained: kernel through float16": weights(
        "finta trained", inside("decod_conv2.1", HALF), decod_conv2=rounded("float16")
    ),
    "trained: kernel reversed along its taps": weights(
        "finta trained", inside("decod_conv5.1", TAPS), decod_conv5=FLIPPED
    ),
}

_PLANS = {
    "first kernel transposed": plan(
        "finta", inside("encod_conv1.1", TURNED), encod_conv1__1__weight="filter channel tap -> channel tap filter"
    ),
    "last kernel transposed": plan(
        "finta", inside("decod_conv6.1", TURNED), decod_conv6__1__weight="filter channel tap -> filter channel tap"
    ),
    "trained: first kernel transposed": plan(
        "finta trained",
        inside("encod_conv1.1", TURNED),
        encod_conv1__1__weight="filter channel tap -> channel tap filter",
    ),
    "Dense kernel not transposed": plan(
        "transformer", inside("query", TURNED), query__weight="unit feature -> unit feature"
    ),
    "multipliers before channels": plan(
        "separable",
        inside("depthwise", TURNED),
        depthwise__weight="(multiplier channel) 1 tap -> tap channel multiplier",
    ),
    "2-D multipliers before channels": plan(
        "classifier",
        inside("depthwise", TURNED),
        depthwise__weight="(multiplier channel) 1 row column -> row column channel multiplier",
    ),
    "rows for columns": plan(
        "decoder", inside("up2", TURNED), up2__weight="channel filter row column -> column row filter channel"
    ),
    "GRU gates not reordered": plan(
        "recurrent",
        inside("gru", GATES),
        gru__weight_ih_l0="(gate=rzn unit) feature -> feature (gate=rzn unit)",
        gru__weight_hh_l0="(gate=rzn unit) state -> state (gate=rzn unit)",
        gru__bias_ih_l0="bias=2 (gate=rzn unit) -> bias=2 (gate=rzn unit)",
    ),
    "GRU gates reordered in the bias only": plan(
        "recurrent",
        inside("gru", GATES),
        gru__weight_ih_l0="(gate=rzn unit) feature -> feature (gate=rzn unit)",
        gru__weight_hh_l0="(gate=rzn unit) state -> state (gate=rzn unit)",
    ),
    "LSTM kernel in the order i f o g": plan(
        "recurrent", inside("lstm", GATES), lstm__weight_ih_l0="(gate=ifgo unit) feature -> feature (gate=ifog unit)"
    ),
    "units before gates": plan(
        "recurrent", inside("lstm", TURNED), lstm__weight_ih_l0="(gate=4 unit) feature -> feature (unit gate)"
    ),
    "query paired with key, as they run": planted(
        "transformer",
        between("project", ORDER, "transposition missing"),
        matches={},
    ),
    "key paired with value": planted(
        "transformer", between("project", ORDER), matches={"query": "query", "key": "value", "value": "key"}
    ),
}

_TRAINING = {
    "BatchNorm with torch's momentum": graph("classifier", (), norm1=with_config(momentum=0.1)),
    "BatchNorm with Keras' momentum": graph("separable", (), norm=with_config(momentum=0.99)),
    "frozen layer": graph("finta", (), encod_conv3=with_config(trainable=False)),
    "regularised kernel": graph("transformer", (), expand=with_config(kernel_regularizer="l2")),
}

_SINGLE = {**_GRAPHS, **_WEIGHTS, **_PLANS, **_TRAINING}


def together(one: str, other: str) -> Fault:
    """Both faults in one port."""
    left, right = _SINGLE[one], _SINGLE[other]
    if left.pair != right.pair:
        raise ValueError(f"{one} is of {left.pair}, {other} of {right.pair}")
    both = {name: {**getattr(left, name), **getattr(right, name)} for name in ("changes", "weights", "axes")}
    return Fault(left.pair, (*left.expected, *right.expected), port=left.port or right.port, **both)


_TOGETHER = (
    ("encoder flattened point by point", "decoder unflattened point by point"),
    ("zero padding", "upsampling that repeats"),
    ("edge padding", "missing activation in the decoder"),
    ("LeakyReLU .3 for ReLU", "tanh for ReLU"),
    ("activation inside a layer", "activation after the last layer"),
    ("streamlines divided by 100", "bias zero"),
    ("kernel reversed along its taps", "missing activation in the decoder"),
    ("first kernel transposed", "last kernel transposed"),
    ("kernel through float16", "kernel through bfloat16"),
    ("BatchNorm with Keras' epsilon", "second BatchNorm with Keras' epsilon"),
    ("channels reversed at the input", "global maximum for average"),
    ("BatchNorm always in training mode", "SiLU for ReLU"),
    ("2-D kernel reversed along its taps", "2-D multipliers before channels"),
    ("code unflattened row by row", "cropped at the other end"),
    ("LayerNorm with Keras' epsilon", "GroupNorm with Keras' epsilon"),
    ("transposed convolution's kernel reversed", "tanh after the image"),
    ("approximate GELU", "scores not divided by the root of the depth"),
    ("first residual connection missing", "last LayerNorm with Keras' epsilon"),
    ("dropout left on", "query and key swapped"),
    ("softmax over the queries", "second residual connection missing"),
    ("zeros for circular padding", "average of what is there"),
    ("signals flattened point by point", "missing tanh at the end"),
    ("mean and variance of signals swapped", "multipliers before channels"),
    ("ReLU for ReLU6", "kernel with its sign changed"),
    ("embedding left at its initialisation", "difference the other way round"),
    ("trained: encoder flattened point by point", "trained: decoder unflattened point by point"),
    ("trained: zero padding", "trained: upsampling that repeats"),
    ("LSTM gates in the order i f o g", "GRU gates in torch's order"),
    ("units before gates", "recurrent kernel transposed"),
)

FAULTS = {**_SINGLE, **{f"{one} + {other}": together(one, other) for one, other in _TOGETHER}}


def folded(pair: ModelPair, changes: Mapping[str, Change], **axes: str) -> ModelPair:
    """The pair with its layout changes taken out of the graph and put into the kernels; a right port, too."""
    named = {name.replace("__", "."): pattern for name, pattern in axes.items()}
    return replace(pair, name=f"{pair.name}, folded", port=partial(rebuilt, pair.port, changes), axes=named)


_SPLIT_UNITS = dict.fromkeys(("query", "key", "value"), "(head=2 depth=6)")
FOLDED = (
    folded(
        FINTA,
        {"channel_major": skipped, **POINT_MAJOR},
        fc1__weight="latent (channel=1024 point=2) -> (point channel) latent",
        fc2__weight="(channel=1024 point=2) latent -> latent (point channel)",
        fc2__bias="(channel=1024 point=2) -> (point channel)",
    ),
    folded(
        zoo.DECODER,
        {"unflatten": instead(lambda: layers.Reshape((2, 2, 8))), "channels_last": skipped},
        fc__weight="(channel=8 row=2 column=2) latent -> latent (row column channel)",
        **{
            f"{name}": "(channel=8 row=2 column=2) -> (row column channel)"
            for name in ("fc__bias", "norm__weight", "norm__bias")
        },
    ),
    folded(
        zoo.TRANSFORMER,
        {
            **{f"split_{word}": with_config(depth_first=True) for word in _SPLIT_UNITS},
            "merge": with_config(order=(0, 2, 3, 1)),
        },
        **{f"{word}__weight": f"{units} feature -> feature (depth head)" for word, units in _SPLIT_UNITS.items()},
        **{f"{word}__bias": f"{units} -> (depth head)" for word, units in _SPLIT_UNITS.items()},
        project__weight="feature (head=2 depth=6) -> (depth head) feature",
    ),
    folded(
        zoo.SEPARABLE,
        {"channel_major": skipped},
        head__weight="label (channel=16 point=8) -> (point channel) label",
    ),
)
RIGHT = {**PAIRS, **{pair.name: pair for pair in FOLDED}}
"""Right ports, layout changes in the graph or in the kernels."""
