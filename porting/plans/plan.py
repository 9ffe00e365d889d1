"""The transfer plan: which tensor of the reference becomes which variable of the port, and how its axes move."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from porting.plans.parts import part
from porting.rules import patterns
from porting.rules.rule import LayerRule
from porting.rules.settings import Finding, described


@dataclass(frozen=True, slots=True)
class Transfer:
    """One variable's way: names, axis pattern and shape on either side.

    Several tensors of the reference may be one variable of the port: they are stacked along the pattern's first axis.
    """

    references: tuple[str, ...]
    port: str
    pattern: str
    reference_shape: tuple[int, ...]
    port_shape: tuple[int, ...]

    @property
    def reference(self) -> str:
        """The tensor's name in the reference; several are listed."""
        return ", ".join(self.references)

    def names_as_json(self) -> dict[str, str | list[str]]:
        """The tensor's name, or the list of several."""
        several = len(self.references) > 1
        return {"references": list(self.references)} if several else {"reference": self.reference}

    def gather(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The reference's tensor, or the stack of several."""
        first, *others = (part(tensors, name) for name in self.references)
        return np.stack([first, *others]) if others else first

    @property
    def is_sum(self) -> bool:
        """Whether the port has only the sum of the reference's tensors."""
        return bool(patterns.summed_axis(self.pattern))

    def to_port(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the port's variable gets from the reference's tensors."""
        return patterns.to_port(self.gather(tensors), self.pattern, self.port_shape, named=self.reference)

    def to_reference(self, value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The reference's tensors, by name, as the port's variable has them."""
        return self.parts(patterns.to_reference(value, self.pattern, named=self.port))

    def parts(self, tensor: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """What `gather` gave, taken apart again."""
        return zip(self.references, tensor if len(self.references) > 1 else (tensor,), strict=True)

    def sizes(self) -> tuple[str, str]:
        """Both shapes with the names of their axes, reference first."""
        reference, port = patterns.parse(self.pattern)
        return patterns.describe(reference, self.reference_shape), patterns.describe(port, self.port_shape)


@dataclass(frozen=True, slots=True)
class LayerPair:
    """Two layers that own weights and run at the same place; the rule says how they correspond.

    Attributes
    ----------
    reference, port : str
    rule : LayerRule
    transfers : tuple of Transfer
    input_axes, output_axes : str
        Axis patterns of what goes in and comes out: the rule's, or what a tensor's own axes make of them.
    calls : tuple of (int, int)
        Which of the reference's calls is which of the port's, where not simply each in its turn.
    """

    reference: str
    port: str
    rule: LayerRule
    transfers: tuple[Transfer, ...]
    input_axes: str
    output_axes: str
    calls: tuple[tuple[int, int], ...] = ()

    def partner_of(self, place: int) -> int:
        """Which call of the port is the reference's, by its place among the layer's calls; -1 where none is."""
        return next((theirs for ours, theirs in self.calls if ours == place), -1) if self.calls else place

    def own_of(self, place: int) -> int:
        """The other way round."""
        return next((ours for ours, theirs in self.calls if theirs == place), -1) if self.calls else place


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """All pairs of layers in execution order. Covers every tensor of both models.

    Attributes
    ----------
    pairs : tuple of LayerPair
    without_twin : tuple of str
        Tensors of the reference for which Keras has no variable.
    settings : tuple of Finding
        The audit of every setting of every pair.
    aliases : Mapping
        Further names of the reference's tensors -> the name that moves.
    told : tuple of str
        What is to be told of how layers were paired.
    """

    pairs: tuple[LayerPair, ...]
    without_twin: tuple[str, ...] = ()
    settings: tuple[Finding, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    @property
    def setting_differences(self) -> tuple[str, ...]:
        """Settings that make the two models different functions; empty where the port is right."""
        return described(self.settings, "differs", in_training=False)

    @property
    def training_differences(self) -> tuple[str, ...]:
        """Settings that make the two models train differently."""
        return described(self.settings, "differs", in_training=True)

    @property
    def settings_not_judged(self) -> tuple[str, ...]:
        """Settings that no rule knows."""
        return described(self.settings, "unknown", in_training=False) + described(
            self.settings, "unknown", in_training=True
        )

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Every variable's transfer, in execution order."""
        return tuple(self._transfers())

    def _transfers(self) -> Iterator[Transfer]:
        for pair in self.pairs:
            yield from pair.transfers

    @property
    def tensors(self) -> tuple[str, ...]:
        """Every tensor of the reference that moves."""
        return tuple(name for transfer in self.transfers for name in transfer.references)

    def as_json(self) -> list[dict]:
        """One object per variable: the names, both shapes, the pattern."""
        return [
            {
                **transfer.names_as_json(),
                "port": transfer.port,
                "pattern": transfer.pattern,
                "reference_shape": list(transfer.reference_shape),
                "port_shape": list(transfer.port_shape),
            }
            for transfer in self.transfers
        ]

    def sha256(self) -> str:
        """Hash of the plan's JSON."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()
