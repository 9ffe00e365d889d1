"""What can go wrong, drawn as a tree. Every message ends with where to look or what to do.

PortingError
├── PackageError          a package that is not installed
├── InputError            something given to the tool is not what it must be
│   ├── CheckpointError     the reference's checkpoint
│   ├── PortFileError       a converted checkpoint, its certificate or its golden file
│   ├── ProbeError          the inputs that both models see
│   ├── PairError           the pair of models
│   └── OutputError         the place to write to
└── PlanError             the two models cannot be paired
    ├── LayerCountError     they ran different numbers of layers with weights
    ├── MissingRuleError    the table has no row for a pair of layer types
    ├── AxisSizeError       a named axis has different lengths on the two sides
    └── CoverageError       a tensor of either model would stay behind
"""

import re


class PortingError(Exception):
    """Any error that the user can mend; its text is complete without a traceback.

    Examples
    --------
    >>> from porting import PortingError, verify
    >>> try:
    ...     verify("nowhere.keras")
    ... except PortingError as error:
    ...     print(error)
    No converted checkpoint at nowhere.keras.
    """


class PackageError(PortingError):
    """A package that is needed is not installed."""


class InputError(PortingError):
    """Something given to the tool is not what it must be."""


class CheckpointError(InputError):
    """The reference's checkpoint cannot be read, or does not fit the reference model."""


class PortFileError(InputError):
    """A converted checkpoint, its certificate or its golden file cannot be used."""


class ProbeError(InputError):
    """The probe cannot be read, or the models cannot take it."""


class PairError(InputError):
    """The pair cannot be found, or its models cannot be built."""


class OutputError(InputError):
    """The result cannot be written where it was wanted."""


class PlanError(PortingError):
    """The two models cannot be paired."""


class LayerCountError(PlanError):
    """The two models ran different numbers of layers with weights."""


class MissingRuleError(PlanError):
    """The table of rules has no row for a pair of layer types."""


class AxisSizeError(PlanError):
    """A named axis has different lengths on the two sides."""


class CoverageError(PlanError):
    """A tensor of either model has no counterpart, or two claim the same one."""


def first_line(error: BaseException) -> str:
    """Say what another library's error says, without its later lines."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def reason_of(error: BaseException) -> str:
    """Say in a few words why the system does not read or write a file; HDF5 says it in many lines."""
    if told := re.search("error message = '([^']+)'", str(error)):
        return told[1].capitalize()
    return getattr(error, "strerror", None) or first_line(error)
