"""Porting: moves the weights of a PyTorch model into Keras and proves that the port computes the same function.

Importing this package imports neither torch nor keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.conversion import Conversion, convert
    from porting.errors import PortingError
    from porting.exporting import export
    from porting.mapper import derive_plan
    from porting.pairs import ModelPair
    from porting.probes import Probe
    from porting.rules import LAYER_RULES, LayerRule
    from porting.testing import assert_parity
    from porting.verdict import ParityReport, Status
    from porting.verification import verify

__version__ = "0.1.0"

DEFAULT_PAIR = "finta"
"""The registered pair that is meant where none is named."""

EXIT_STATUS = {"PASS": 0, "FAIL": 1, "NOT CHECKED": 3}
"""What a command exits with for each verdict; 2 is a user's mistake."""

__all__ = [
    "LAYER_RULES",
    "Conversion",
    "LayerRule",
    "ModelPair",
    "ParityReport",
    "PortingError",
    "Probe",
    "Status",
    "assert_parity",
    "convert",
    "derive_plan",
    "export",
    "verify",
]

_HOMES = {
    "conversion": ("Conversion", "convert"),
    "errors": ("PortingError",),
    "exporting": ("export",),
    "mapper": ("derive_plan",),
    "pairs": ("ModelPair",),
    "probes": ("Probe",),
    "rules": ("LAYER_RULES", "LayerRule"),
    "testing": ("assert_parity",),
    "verdict": ("ParityReport", "Status"),
    "verification": ("verify",),
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used, so that the command line starts quickly."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"porting.{module}"), name)
    raise AttributeError(f"module 'porting' has no attribute {name!r}")
