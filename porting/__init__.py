"""Porting: moves the weights of a PyTorch model into Keras and proves that the port computes the same function.

Importing this package imports neither torch nor keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

from porting.version import __version__

if TYPE_CHECKING:
    from porting.errors import PortingError
    from porting.jobs.conversion import Conversion, convert
    from porting.jobs.exporting import export
    from porting.jobs.planning import derive_plan
    from porting.jobs.verification import verify
    from porting.jobs.writing import Writing, write
    from porting.pairs.pair import ModelPair
    from porting.probes import Probe
    from porting.records.verdict import ParityReport
    from porting.rules.function_row import FunctionRow
    from porting.rules.rule import LayerRule
    from porting.rules.table import LAYER_RULES
    from porting.statuses import Status
    from porting.testing import assert_parity

__all__ = [
    "LAYER_RULES",
    "Conversion",
    "FunctionRow",
    "LayerRule",
    "ModelPair",
    "ParityReport",
    "PortingError",
    "Probe",
    "Status",
    "Writing",
    "__version__",
    "assert_parity",
    "convert",
    "derive_plan",
    "export",
    "verify",
    "write",
]

_HOMES = {
    "errors": ("PortingError",),
    "jobs.conversion": ("Conversion", "convert"),
    "jobs.exporting": ("export",),
    "jobs.planning": ("derive_plan",),
    "jobs.verification": ("verify",),
    "jobs.writing": ("Writing", "write"),
    "pairs.pair": ("ModelPair",),
    "probes": ("Probe",),
    "records.verdict": ("ParityReport",),
    "rules.function_row": ("FunctionRow",),
    "rules.rule": ("LayerRule",),
    "rules.table": ("LAYER_RULES",),
    "statuses": ("Status",),
    "testing": ("assert_parity",),
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used, so that the command line starts quickly."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"porting.{module}"), name)
    raise AttributeError(f"module 'porting' has no attribute {name!r}")
