"""ModelPair: a reference, its port, and what both are to see; all of it data, so that nothing is imported early."""

import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porting.calls import Signature, sign
from porting.errors import PairError, reason_and_place
from porting.probes import SYNTHETIC, InputKind, Probe, ProbeBatches, read_probe, read_probe_batches, synthetic_probe
from porting.requirements import is_known, not_found
from porting.rules import patterns
from porting.rules.rule import LayerRule

if TYPE_CHECKING:
    import keras
    import torch

ENTRY_POINTS = "porting.pairs"
Shapes = Mapping[str, tuple[int, ...]]
Sizes = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPair:
    """How both models of a pair are trained. Callables may be given as ``"module:name"``.

    Attributes
    ----------
    reference, port : str or callable
        Make a trainer of a model and a recipe: an object whose ``step(batch, with_gradients=True)`` takes a step on a
        batch in the port's axis order and returns its figures (`porting.training.runners.TrainingStep`). The
        reference's has ``optimiser_state()``, an `OptimiserState` by the names of its parameters; the port's has the
        same by the paths of its variables, and takes one in ``load_optimiser_state``.
    recipes : tuple of str
        Names of the recipes, the usual one first.
    recipe : str or callable
        ``(name, steps, batch size or None) -> recipe``, in whatever form the trainers take.
    batches : str or callable
        ``(file, recipe) -> iterable of arrays``: the batches, in the port's axis order.
    """

    reference: str | Callable[..., Any]
    port: str | Callable[..., Any]
    recipes: tuple[str, ...]
    recipe: str | Callable[..., Any]
    batches: str | Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimiserPair:
    """How an optimiser's state moves with the weights. Callables may be given as ``"module:name"``.

    Attributes
    ----------
    port : str or callable
        ``(settings) -> keras.optimizers.Optimizer``: the twin of PyTorch's optimiser with these settings of a group of
        parameters (lr, betas, eps ...); ValueError where there is none.
    settings : str or callable
        ``(keras.optimizers.Optimizer) -> settings``: the other way round.
    slots : Mapping
        PyTorch's name of what is kept for each parameter -> the Keras optimiser's list of it, in the order of the
        trainable variables.
    """

    port: str | Callable[..., Any]
    settings: str | Callable[..., Mapping[str, Any]]
    slots: Mapping[str, str] = field(
        default_factory=lambda: {name: name for name in ("exp_avg", "exp_avg_sq", "momentum_buffer")}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPair:
    """Two models that should compute the same function. Callables may be given as ``"module:name"``.

    Attributes
    ----------
    name : str
        What the pair is called in reports.
    reference, port : str or callable
        Build the ``torch.nn.Module`` and the ``keras.Model``; called with the sizes as keywords.
    inputs : tuple of str, or Mapping
        Axis pattern of each input, reference -> port: ``"sample channel point -> sample point channel"``. A mapping
        gives the names too, by which both models are given them: ``{"input_ids": "... -> ..."}``, or
        ``{"input_ids -> token_ids": ...}`` where they differ.
    outputs : Mapping
        Name -> axis pattern of each output, in the order in which the models return them; a model that returns a
        mapping or a dataclass with all these names, by them.
    input_shapes : tuple of tuple of int
        Shape of each input in the port's axis order, without the samples; for the default probe.
    probe : str or callable, optional
        ``(sizes, file or None, count) -> Probe``; if not given, .npy and .npz files are read, or numbers drawn.
    probe_batches : str or callable, optional
        ``(sizes, file, batch size) -> ProbeBatches``: all samples of a file; if not given, of .npy and .npz files.
    reference_sizes, port_sizes : str or callable, optional
        Read the sizes off the shapes of the reference's tensors or of the port's variables.
    units : Mapping
        Output -> unit of its values, for distances between the two models'.
    landmarks : Mapping
        Reference layer -> what its output is called in reports.
    matches : Mapping
        Reference layer -> port layer, where execution order does not pair them.
    axes : Mapping
        Reference tensor -> axis pattern, where the rule has none for it.
    activations : Mapping
        Reference layer -> axis pattern of its input and output, where the rule's is not theirs; two with ``;`` between
        them where they differ: ``{"head": "position sample feature -> sample position feature"}``.
    splits : Mapping
        Reference layer, where ``*`` stands for anything -> the names of the layers that it is side by side, or how
        many: ``{"*.c_attn": "query key value"}`` where the port has them apart.
    rules : tuple of LayerRule
        Rows for layers that the table does not have, or that replace its own.
    training : TrainingPair, optional
        How both are trained, for ``porting verify-training``.
    optimiser : OptimiserPair, optional
        How an optimiser's state moves with the weights, for ``porting convert --with-optimizer``.
    input_names : tuple of str
        Names of the inputs, as the mapping `inputs` gives them.
    demo : str
        ``"module:name"`` of what ``porting demo`` runs for this pair, if anything; called with a rich console.

    Examples
    --------
    One output, one input of four features, whose axes are in the same order in both frameworks:

    >>> import keras, torch
    >>> from porting import ModelPair
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)),
    ...     port=lambda: keras.Sequential(
    ...         [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Activation("tanh"), keras.layers.Dense(2)]
    ...     ),
    ...     outputs={"scores": "sample label -> sample label"},
    ...     input_shapes=((4,),),
    ... )

    Images, which Keras has with their channels last; the models are imported when they are needed:

    >>> pair = ModelPair(
    ...     name="images",
    ...     reference="my_project.models:Classifier",
    ...     port="my_project.keras_models:build_classifier",
    ...     inputs=("sample channel row column -> sample row column channel",),
    ...     input_shapes=((64, 64, 3),),
    ... )
    """

    name: str
    reference: str | Callable[..., "torch.nn.Module"]
    port: str | Callable[..., "keras.Model"]
    inputs: tuple[str, ...] | Mapping[str, str] = ("... -> ...",)
    outputs: Mapping[str, str] = field(default_factory=lambda: {"output": "... -> ..."})
    input_shapes: tuple[tuple[int, ...], ...] = ()
    probe: str | Callable[..., Probe] | None = None
    probe_batches: str | Callable[..., ProbeBatches] | None = None
    reference_sizes: str | Callable[[Shapes], Sizes] | None = None
    port_sizes: str | Callable[[Shapes], Sizes] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    landmarks: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    activations: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, int | str] = field(default_factory=dict)
    rules: tuple[LayerRule, ...] = ()
    training: TrainingPair | None = None
    optimiser: OptimiserPair | None = None
    demo: str = ""
    input_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take the names of inputs apart from their patterns."""
        if isinstance(self.inputs, Mapping):
            object.__setattr__(self, "input_names", tuple(self.inputs))
            object.__setattr__(self, "inputs", tuple(self.inputs.values()))

    def reference_signature(self) -> Signature:
        """The names of inputs and outputs on the reference's side."""
        return Signature(tuple(name.partition("->")[0].strip() for name in self.input_names), tuple(self.outputs))

    def port_signature(self) -> Signature:
        """The names of inputs and outputs on the port's side."""
        return Signature(tuple(name.split("->")[-1].strip() for name in self.input_names), tuple(self.outputs))

    def whole_kinds(self) -> frozenset[str]:
        """Types of modules that are one layer each, whatever functions they call: those that the pair has rules for."""
        return frozenset(rule.reference for rule in self.rules)

    def whole_port_kinds(self) -> frozenset[str]:
        """Types of the port's layers that are one layer each, whatever they do inside."""
        return frozenset(rule.port for rule in self.rules)

    def sample_axes(self) -> tuple[int, ...]:
        """Where each of the reference's inputs has its samples, which are the port's first axis."""
        return tuple(_samples_at(*patterns.parse(pattern)) for pattern in self.inputs)


def _samples_at(reference: patterns.Side, port: patterns.Side) -> int:
    return reference.index(port[0]) if port and port[0] in reference and ("...",) not in reference[:1] else 0


def find_pair(name: "str | ModelPair") -> ModelPair:
    """Find a pair by its registered name or as ``module:NAME``, which a user said: the working folder is looked in.

    Raises
    ------
    PairError
        If there is no such pair, or it is not a `ModelPair`.
    """
    if isinstance(name, ModelPair):
        return name
    if ":" in name:
        if (folder := os.getcwd()) not in sys.path:
            sys.path.insert(0, folder)
        return _checked(resolve(name), name)
    check_name(name)
    return _checked(_registered()[name].load(), name)


def check_name(name: str | None) -> None:
    """Find out, without importing anything, whether a pair of that name is registered; module:NAME is not looked at.

    Raises
    ------
    PairError
        If it is not.
    """
    registered = _registered()
    if name and ":" not in name and name not in registered:
        known = ", ".join(sorted(registered)) or "none"
        raise PairError(f'No pair is called "{name}". Registered: {known}. Give your own by --pair module:NAME.')


def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _checked(found: Any, name: str) -> ModelPair:
    if not isinstance(found, ModelPair):
        raise PairError(f"{name} is of type {type(found).__name__}, not a porting.ModelPair.")
    return found


def resolve(name: Any) -> Any:
    """Import what ``"module:name"`` names; anything else is returned as it is.

    Raises
    ------
    PairError
        If it cannot be imported.
    PackageError
        If a package of an extra, which it imports, is not installed.
    """
    if not isinstance(name, str):
        return name
    try:
        return pkgutil.resolve_name(name)
    except ModuleNotFoundError as error:
        if is_known(error.name or "") and (missing := not_found(error, name)):
            raise missing from error
        said = f"{name} cannot be imported: {reason_and_place(error)}. Check the name and the folder."
        raise PairError(said) from error
    except (Exception, SystemExit) as error:  # a module that is run raises what it likes
        raise PairError(f"{name} cannot be imported: {reason_and_place(error)}.{_mend(name, error)}") from error


def _mend(name: str, error: BaseException) -> str:
    """What is often meant where a name cannot be read."""
    return " Write it as module:NAME." if isinstance(error, ValueError) and not name.partition(":")[2] else ""


def build_reference(pair: ModelPair, sizes: Sizes) -> "torch.nn.Module":
    """Build the reference model.

    Raises
    ------
    PairError
        If the factory fails or returns something else.
    """
    factory = resolve(pair.reference)
    import torch

    return sign(_built(factory, sizes, torch.nn.Module, f"{pair.name}'s reference"), pair.reference_signature())


def build_port(pair: ModelPair, sizes: Sizes) -> "keras.Model":
    """Build the port, untrained.

    Raises
    ------
    PairError
        If the factory fails or returns something else.
    """
    factory = resolve(pair.port)
    import keras

    return sign(_built(factory, sizes, keras.Model, f"{pair.name}'s port"), pair.port_signature())


def _built(factory: Callable[..., Any], sizes: Sizes, kind: type, label: str) -> Any:
    try:
        model = factory(**sizes)
    except (Exception, SystemExit) as error:
        raise PairError(f"{label} could not be built with {dict(sizes)}: {reason_and_place(error)}.") from error
    if not isinstance(model, kind):
        raise PairError(f"{label} is a {type(model).__name__}, not a {kind.__module__.split('.')[0]}.{kind.__name__}.")
    return model


def read_reference_sizes(pair: ModelPair, shapes: Shapes) -> Sizes:
    """Sizes to build both models with, read off a checkpoint; ValueError where its architecture allows none."""
    return resolve(pair.reference_sizes)(shapes) if pair.reference_sizes else {}


def read_port_sizes(pair: ModelPair, shapes: Shapes) -> Sizes:
    """Sizes to build both models with, read off a port's variables; ValueError where its architecture allows none."""
    return resolve(pair.port_sizes)(shapes) if pair.port_sizes else {}


def draw_probe(pair: ModelPair, sizes: Sizes, file: Path | None, count: int, kinds: Sequence[InputKind] = ()) -> Probe:
    """The inputs that both models are to see; a file called ``synthetic`` stands for normal numbers of their scale."""
    if file == SYNTHETIC:
        return synthetic_probe(draw_probe(pair, sizes, None, count, kinds))
    if pair.probe is None:
        return read_probe(pair.input_shapes, file, count, kinds)
    return resolve(pair.probe)(sizes, file, count)


def read_all(pair: ModelPair, sizes: Sizes, file: Path, batch_size: int) -> ProbeBatches:
    """Every sample of a file, batch by batch."""
    if pair.probe_batches is None:
        return read_probe_batches(file, batch_size)
    return resolve(pair.probe_batches)(sizes, file, batch_size)
