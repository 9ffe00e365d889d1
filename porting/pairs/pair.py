"""ModelPair: a reference, its port, and what both are to see; all of it data, so that nothing is imported early."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.calls import Signature
from porting.probes import Probe, ProbeBatches
from porting.rules import patterns
from porting.rules.function_row import FunctionRow
from porting.rules.rule import LayerRule

if TYPE_CHECKING:
    import keras
    import torch

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
        Build the ``torch.nn.Module`` and the ``keras.Model``; called with the sizes as keywords. A pair without a port
        is one for ``porting write``.
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
        many: ``{"*.c_attn": "query key value"}`` where the port has them apart. ``"query key value for each of 8"``
        where each of eight heads has its own three together.
    joins : tuple of str
        Layers of the reference, where ``*`` stands for anything, that the port has side by side in one, in their order
        there: ``("*.attn.(q_proj k_proj v_proj)",)``.
    opens : tuple of str
        Layers of the reference, where ``*`` stands for anything, that the port has as variables of a layer of its own,
        or tensors that a function is a layer by: each of their tensors is taken by itself, and what they compute
        belongs to what lies between layers.
    unrolled : tuple of str
        Types of torch's recurrent layers, of ``LSTM``, ``GRU`` and ``RNN``, that both models run step by step, as one
        of them steps their cells by hand.
    proves_splits : bool
        Whether how the layers of `splits` lie must be borne out by a proof, as nobody has written it.
    proves_joins : bool
        Whether the order in `joins` must be borne out by a proof, as nobody has written it.
    rules : tuple of LayerRule
        Rows for layers that the table does not have, or that replace its own.
    functions : tuple of FunctionRow
        Rows for functions of torch that ``porting write`` does not know, or that replace its own.
    training : TrainingPair, optional
        How both are trained, for ``porting verify-training``.
    optimiser : OptimiserPair, optional
        How an optimiser's state moves with the weights, for ``porting convert --with-optimizer``.
    input_names : tuple of str
        Names of the inputs, as the mapping `inputs` gives them.
    place : str
        ``"FILE.py"`` or ``"module:NAME"`` by which another process finds the pair.
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
    port: str | Callable[..., "keras.Model"] = ""
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
    joins: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    unrolled: tuple[str, ...] = ()
    proves_splits: bool = False
    proves_joins: bool = False
    rules: tuple[LayerRule, ...] = ()
    functions: tuple[FunctionRow, ...] = ()
    training: TrainingPair | None = None
    optimiser: OptimiserPair | None = None
    place: str = ""
    demo: str = ""
    input_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take the names of inputs apart from their patterns."""
        if isinstance(self.inputs, Mapping):
            object.__setattr__(self, "input_names", tuple(self.inputs))
            object.__setattr__(self, "inputs", tuple(self.inputs.values()))

    def reference_signature(self) -> Signature:
        """The names of inputs and outputs on the reference's side, and how its layers run."""
        names = tuple(name.partition("->")[0].strip() for name in self.input_names)
        return Signature(names, tuple(self.outputs), self.unrolled)

    def port_signature(self) -> Signature:
        """The names of inputs and outputs on the port's side, and how its layers run."""
        names = tuple(name.split("->")[-1].strip() for name in self.input_names)
        return Signature(names, tuple(self.outputs), self.unrolled)

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
