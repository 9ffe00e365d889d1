"""The transfer plan: which tensor of the reference becomes which variable of the port, and how its axes move."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from porting import patterns
from porting.rules import LayerRule


@dataclass(frozen=True, slots=True)
class Transfer:
    """One tensor's way: names, axis pattern and shape on either side."""

    reference: str
    port: str
    pattern: str
    reference_shape: tuple[int, ...]
    port_shape: tuple[int, ...]

    def sizes(self) -> tuple[str, str]:
        """Both shapes with the names of their axes, reference first."""
        reference, port = patterns.parse(self.pattern)
        return patterns.describe(reference, self.reference_shape), patterns.describe(port, self.port_shape)


@dataclass(frozen=True, slots=True)
class LayerPair:
    """Two layers that own weights and run at the same place; the rule says how they correspond."""

    reference: str
    port: str
    rule: LayerRule
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """All pairs of layers in execution order. Covers every tensor of both models.

    Attributes
    ----------
    pairs : tuple of LayerPair
    without_twin : tuple of str
        Tensors of the reference for which Keras has no variable.
    setting_differences : tuple of str
        Settings that make the two models different functions; empty where the port is right.
    settings_not_judged : tuple of str
        Settings that no rule knows.
    """

    pairs: tuple[LayerPair, ...]
    without_twin: tuple[str, ...] = ()
    setting_differences: tuple[str, ...] = ()
    settings_not_judged: tuple[str, ...] = ()

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Every tensor's transfer, in execution order."""
        return tuple(self._transfers())

    def _transfers(self) -> Iterator[Transfer]:
        for pair in self.pairs:
            yield from pair.transfers

    def as_json(self) -> list[dict]:
        """One object per tensor: both names, both shapes, the pattern."""
        return [
            {
                "reference": transfer.reference,
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
