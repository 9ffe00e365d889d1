"""What the figures of a benchmark are measured on."""

import os
import platform

from porting.port import side as keras_side
from porting.reference import side as torch_side


def name_machine() -> str:
    """The processor's architecture, its cores, and Python's version."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def prepare_frameworks() -> str:
    """Import both frameworks, and name their versions."""
    torch_side.prepare()
    keras_side.prepare()
    versions = {**torch_side.versions(), **keras_side.versions()}
    return ", ".join(f"{name} {version}" for name, version in versions.items())
