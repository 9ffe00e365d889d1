"""How FINTA is trained, as data: what both implementations build optimiser, schedule and loss from.

Legarreta et al., 2021, doi 10.1016/j.media.2021.102126; names and meanings are PyTorch's.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

_STRICT = {"extra": "forbid"}
"""Unknown keys are refused where these classes are read from a file."""


@dataclass(frozen=True, slots=True)
class Adam:
    """``torch.optim.Adam``, or ``AdamW`` where the decay is decoupled."""

    __pydantic_config__: ClassVar = _STRICT
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    kind: Literal["adam"] = "adam"


@dataclass(frozen=True, slots=True)
class SGD:
    """``torch.optim.SGD``."""

    __pydantic_config__: ClassVar = _STRICT
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    kind: Literal["sgd"] = "sgd"


@dataclass(frozen=True, slots=True)
class Constant:
    """The same learning rate at every step."""

    __pydantic_config__: ClassVar = _STRICT
    learning_rate: float
    kind: Literal["constant"] = "constant"


@dataclass(frozen=True, slots=True)
class OneCycle:
    """``OneCycleLR``, stepped per batch over the whole training; it may cycle beta1, or SGD's momentum, as well."""

    __pydantic_config__: ClassVar = _STRICT
    max_learning_rate: float
    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    cycle_momentum: bool = True
    base_momentum: float = 0.85
    max_momentum: float = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    kind: Literal["one_cycle"] = "one_cycle"


@dataclass(frozen=True, slots=True)
class StepDecay:
    """``StepLR``, stepped per epoch: the learning rate times gamma every `step_size` epochs."""

    __pydantic_config__: ClassVar = _STRICT
    learning_rate: float
    step_size: int
    gamma: float = 0.1
    kind: Literal["step_decay"] = "step_decay"


@dataclass(frozen=True, slots=True)
class CosineAnnealing:
    """``CosineAnnealingLR``, stepped per epoch: down to `minimum` after `half_period` epochs."""

    __pydantic_config__: ClassVar = _STRICT
    learning_rate: float
    half_period: int
    minimum: float = 0.0
    kind: Literal["cosine_annealing"] = "cosine_annealing"


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Pairs of one class attract, pairs of two classes repel; a batch is [pos1 | pos2 | neg1 | neg2]."""

    __pydantic_config__: ClassVar = _STRICT
    groups: ClassVar[int] = 4
    margin: float = 1.25
    weight: float = 400.0
    kind: Literal["contrastive"] = "contrastive"


@dataclass(frozen=True, slots=True)
class Triplet:
    """An anchor is nearer to its class than to another; a batch is [anchor | positive | negative]."""

    __pydantic_config__: ClassVar = _STRICT
    groups: ClassVar[int] = 3
    margin: float
    distance: Literal["l2", "cosine"] = "l2"
    weight: float = 4000.0
    kind: Literal["triplet"] = "triplet"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that fixes a training but the data.

    Parameters
    ----------
    optimiser : Adam or SGD
    schedule : Constant, OneCycle, StepDecay or CosineAnnealing
        Holds the learning rate.
    batch_size : int
        Streamlines per batch: a multiple of the groups that the latent term compares.
    epochs : int
    steps_per_epoch : int, optional
        Batches of class-balanced draws; if not given, an epoch is every streamline once, shuffled.
    reduction : {"sum", "mean"}
        Of the squared errors over all coordinates of a batch.
    latent : Contrastive or Triplet, optional
        A term of the loss on the latent codes.
    flip_probability : float
        Of reversing the order of a streamline's points.
    clip_norm, clip_value : float, optional
        Greatest norm of all gradients together, or size of any of their values.
    seed : int
        Of initial weights and batches.

    Raises
    ------
    ValueError
        If the settings contradict each other.
    """

    __pydantic_config__: ClassVar = _STRICT
    optimiser: Adam | SGD
    schedule: Constant | OneCycle | StepDecay | CosineAnnealing
    batch_size: int
    epochs: int
    steps_per_epoch: int | None = None
    reduction: Literal["sum", "mean"] = "sum"
    latent: Contrastive | Triplet | None = None
    flip_probability: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("batch_size", "epochs", "steps_per_epoch")}
        for name, count in counts.items():
            if count is not None and count < 1:
                raise ValueError(f"{name}={count}: must be at least 1")
        if self.latent and self.batch_size % self.latent.groups:
            term = type(self.latent).__name__
            raise ValueError(
                f"batch_size={self.batch_size}: {term} compares {self.latent.groups} groups of a batch, "
                f"so it must be a multiple of {self.latent.groups}"
            )
        if self.reduction not in {"sum", "mean"}:
            raise ValueError(f"reduction={self.reduction!r}: must be 'sum' or 'mean'")
        if not 0 <= self.flip_probability <= 1:
            raise ValueError(f"flip_probability={self.flip_probability}: must be from 0 to 1")
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError("clip_norm and clip_value are both given: one of them")

    @property
    def is_stepped_per_batch(self) -> bool:
        """Whether the schedule moves with every batch; the others move with every epoch."""
        return isinstance(self.schedule, OneCycle)

    def count_steps_per_epoch(self) -> int:
        """Batches of an epoch.

        Raises
        ------
        ValueError
            If only the data can tell.
        """
        if self.steps_per_epoch is None:
            name = type(self.schedule).__name__
            raise ValueError(f"steps_per_epoch is not given: {name} cannot know its length without it")
        return self.steps_per_epoch

    def count_steps(self) -> int:
        """Batches of the whole training.

        Raises
        ------
        ValueError
            If only the data can tell.
        """
        return self.epochs * self.count_steps_per_epoch()


ORIGINAL = Recipe(
    optimiser=Adam(weight_decay=0.13),
    schedule=OneCycle(max_learning_rate=1e-3),
    batch_size=384,
    epochs=3,
    steps_per_epoch=100,
    latent=Contrastive(),
    flip_probability=0.5,
)
"""As the original's code trains by default: 96 positive and 96 negative pairs a batch."""

SIMPLE = Recipe(
    optimiser=Adam(weight_decay=0.13),
    schedule=Constant(learning_rate=6.68e-4),
    batch_size=1000,
    epochs=100,
)
"""The recipe that the FINTA paper attests: learning rate and weight decay are its."""
