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
    ├── JoinOrderError      layers lie side by side in another order
    ├── MissingRuleError    the table has no row for a pair of layer types
    ├── AxisSizeError       a named axis has different lengths on the two sides
    └── CoverageError       a tensor of either model would stay behind
"""

import os
import re
import sysconfig
import traceback
from collections.abc import Mapping


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
    """A package that is needed is not installed.

    Remedy: install it by the line that the message gives.
    """


class InputError(PortingError):
    """Something given to the tool is not what it must be.

    Remedy: look at the file or the value that the message names.
    """


class CheckpointError(InputError):
    """The reference's checkpoint cannot be read, or does not fit the reference model.

    Remedy: give the file that holds the model's state dict, whole, and the pair whose reference it is of;
    ``porting inspect FILE`` shows what it holds. A file that would run code is never opened: save its state dict.
    """


class PortFileError(InputError):
    """A converted checkpoint, its certificate or its golden file cannot be used.

    Remedy: convert the checkpoint again. Keep the three files together, under the name that they were written with.
    """


class ProbeError(InputError):
    """The probe cannot be read, or the models cannot take it.

    Remedy: give numbers in the port's axis order, one row a sample, finite, as many rows for each input; or give the
    pair ``input_shapes`` and leave ``--probe`` out.
    """


class PairError(InputError):
    """The pair cannot be found, or its models cannot be built.

    Remedy: name it as it is registered, or as ``module:NAME`` from the folder that the module lies in; correct what
    the message says of the pair's models, ``matches``, ``axes`` or ``outputs``.
    """


class OutputError(InputError):
    """The result cannot be written where it was wanted.

    Remedy: name a place that can be written to; ``--force`` replaces what is there.
    """


class PlanError(PortingError):
    """The two models cannot be paired.

    Remedy: see the kinds of it below.
    """


class LayerCountError(PlanError):
    """The two models ran different numbers of layers with weights.

    Remedy: look for a layer that only one model has, or that did not run on the probe; the message lists both sides.
    """

    def __init__(
        self,
        message: str,
        splits: Mapping[str, int] | None = None,
        joins: tuple[str, ...] = (),
        opens: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.splits = splits or {}
        """Layers of the reference whose sizes are those of so many of the port's side by side."""
        self.joins = joins
        """Layers of the reference that have the sizes of one of the port's side by side."""
        self.opens = opens
        """Layers of the reference whose tensors have the sizes of variables of the port's."""


class JoinOrderError(PlanError):
    """Layers of the reference lie in one of the port's in another order than they were joined in.

    Remedy: join them in the order that the message has.
    """

    def __init__(self, joins: tuple[str, ...]) -> None:
        super().__init__(f"The port has layers side by side in another order: joins={joins}.")
        self.joins = joins


class SplitLayoutError(PlanError):
    """Layers of the port lie in one of the reference by turns, and not one after the other.

    Remedy: split it as the message has it.
    """

    def __init__(self, times: int) -> None:
        super().__init__(f'The port has layers apart that take turns in the reference: "... for each of {times}".')
        self.times = times


class SteppingError(PlanError):
    """One model steps cells by hand where the other has them run by a recurrent layer.

    Remedy: run those layers step by step in both, as the message has it.
    """

    def __init__(self, kinds: tuple[str, ...]) -> None:
        super().__init__(f"One model steps cells where the other has a layer: unrolled={kinds}.")
        self.kinds = kinds


class MissingRuleError(PlanError):
    """The table of rules has no row for a pair of layer types.

    Remedy: if the layers belong together, give the pair ``rules=(LayerRule(...),)``; if not, pair them by
    ``matches={torch layer: Keras layer}``.
    """


class AxisSizeError(PlanError):
    """A named axis has different lengths on the two sides.

    Remedy: check the setting that the message names; pair the layer with another one by ``matches``, or name the
    tensor's axes by ``axes={tensor: pattern}``.
    """


class CoverageError(PlanError):
    """A tensor of either model has no counterpart, or two claim the same one.

    Remedy: look for a bias or a scale on one side only, or a layer that did not run on the probe.
    """


_TRIMMINGS = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\} *| *\[Op:\w+\]")
"""Colours, and where in its graph TensorFlow was."""


def first_line(error: BaseException) -> str:
    """Say in a line, without a full stop, what another library's error gives as its reason.

    It is the first line as a rule. Keras gives it behind "Exception encountered", einops in its last line.
    """
    text = _TRIMMINGS.sub("", str(error)).strip()
    _, _, text = f"Exception encountered: {text}".rpartition("Exception encountered: ")
    paragraphs = [part.strip().splitlines() for part in re.split(r"\n\s*\n", text) if part.strip()]
    if not paragraphs:
        return type(error).__name__
    reason = paragraphs[0][0]
    if reason.startswith("Exception encountered when calling") and len(paragraphs) > 1:
        reason = f"{reason.rstrip('.')}: {paragraphs[1][0]}"
    elif reason.startswith("Error while processing"):
        reason = paragraphs[0][-1]
    return reason.partition(" Full object config:")[0].strip().rstrip(".:")


def reason_and_place(error: BaseException) -> str:
    """Say the reason, and in which line of the user's own code it arose."""
    kind = "" if isinstance(error, (ImportError, AttributeError, ValueError)) else f"{type(error).__name__}: "
    if isinstance(error, SyntaxError):
        return f"{kind}{error.msg} ({error.filename}, line {error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{kind}{first_line(error)}{place}"


def _is_users(file: str) -> bool:
    """Whether a file belongs neither to Python, nor to what is installed, nor to this package."""
    homes = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    homes.add(os.path.dirname(__file__))
    return not file.startswith("<") and not any(file.startswith(home + os.sep) for home in homes)


def reason_of(error: BaseException) -> str:
    """Say in a few words why the system does not read or write a file; HDF5 says it in many lines."""
    if told := re.search("error message = '([^']+)'", str(error)):
        return told[1].capitalize()
    return getattr(error, "strerror", None) or first_line(error)
