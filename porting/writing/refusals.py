"""What cannot be written, told at once: each function, how often, where, and what to do."""

import os
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from porting.errors import PairError, reason_and_place
from porting.writing.graph.authors import own_place
from porting.writing.recording.recorder import Missing

_PLACES = 3


class WritingError(PairError):
    """The reference cannot be written as a port.

    Remedy: give the pair a row for each function that the message names (``functions=(FunctionRow(...),)``), write the
    rest by ``--partial``, or rewrite the line of torch that it names.
    """


def refusal(called: str, missing: Sequence[Missing]) -> WritingError:
    """All functions that have no row, or are called in a way that it cannot say."""
    lines = [f"{called} cannot be written: {_counted(missing)}."]
    ordered = sorted(missing, key=lambda item: (item.function, item.why))
    for (function, why), group in groupby(ordered, lambda item: (item.function, item.why)):
        places = [item.place for item in group]
        shown = list(dict.fromkeys(places))
        lines.append(f"  torch.ops.aten.{function}  {len(places)} x  {why}")
        lines += [f"    {place}" for place in shown[:_PLACES]]
        lines += [f"    and {len(shown) - _PLACES} more places"] if len(shown) > _PLACES else []
    lines.append(
        "Give a row of your own for each: FunctionRow in the functions of a ModelPair, or write the rest by "
        "--partial, which raises NotImplementedError there."
    )
    return WritingError("\n".join(lines))


def _counted(missing: Sequence[Missing]) -> str:
    count = len({item.function for item in missing})
    return f"{count} function{'s' if count > 1 else ''} of torch cannot be said in Keras yet"


def export_refusal(called: str, error: Exception, run: Callable[[], Any]) -> WritingError:
    """Why a model cannot be exported, in a sentence: its own fault where it does not `run` either, or torch's."""
    try:
        run()
    except Exception as own:  # a model raises what it likes
        return _own_failure(called, own)
    why, remedy = _PACKED if _packs(error) else _known(error)
    reason = f"{why} Torch says: " if why else ""
    return WritingError(
        f"{called} cannot be exported by torch: {reason}{_with_place(error)}.\n"
        f"{remedy or 'Rewrite what stands there, or write the part of the model that does not need it.'}"
    )


def _packs(error: Exception) -> bool:
    """Whether code on the way to an error packs sequences."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any("pack_padded_sequence" in frame.f_code.co_names for frame in frames)


def _with_place(error: Exception) -> str:
    """The reason and its place, which torch may tell in words alone, or which is in a package of somebody's."""
    said, place = reason_and_place(error), own_place(str(error))
    if ", line " in said:
        return said
    if place is None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_of_a_model(frame.filename)]
        place = (frames[-1].filename, f"{frames[-1].lineno}: {frames[-1].line}") if frames else None
    return f"{said} ({place[0]}, line {place[1]})" if place else said


def _is_of_a_model(file: str) -> bool:
    """Whether a file belongs neither to Python, nor to torch, nor to this package."""
    homes = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    is_installed = any(part in file for part in (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"))
    is_python = any(file.startswith(home + os.sep) for home in homes) and not is_installed
    is_known = f"{os.sep}torch{os.sep}" in file or file.startswith(os.path.dirname(os.path.dirname(__file__)) + os.sep)
    return not (file.startswith("<") or is_python or is_known)


def _own_failure(called: str, error: Exception) -> WritingError:
    """What a model raises in PyTorch itself."""
    text = str(error)
    why, remedy = "its own code fails.", "Mend what stands there, or give inputs that the model takes."
    if isinstance(error, TypeError) and error.__traceback__ is not None and _is_of_the_call(error):
        why, remedy = _INPUTS
    elif any(word in text for word in _SIZES):
        why, remedy = (
            "the inputs do not fit it.",
            "Give torch's axes without the samples, as the model takes them: --input 3,224,224.",
        )
    return WritingError(f"{called} does not run in PyTorch: {why} Torch says: {reason_and_place(error)}.\n{remedy}")


def _is_of_the_call(error: TypeError) -> bool:
    """Whether an error arose where the model was called, and not further in: its forward did not begin."""
    return not any(
        frame.name == "forward" and not frame.filename.startswith("<")
        for frame in traceback.extract_tb(error.__traceback__)
    )


_INPUTS = (
    "it does not take the inputs that were given.",
    "Give one --input for each input of its forward, in order, or --example with their names.",
)
_SIZES = (
    "shapes cannot be multiplied",
    "size of tensor",
    "expected input",
    "Expected",
    "size mismatch",
    "shape",
    "Given",
)
_PACKED = (
    "it packs sequences, whose sizes depend on the values of their lengths, and which Keras does not have.",
    "Run the recurrence over all positions, and mask those behind the end of each sample.",
)
_KNOWN = (
    (
        ("Cache'> in output",),
        "it returns the keys and values that it keeps for a next step.",
        "Build it without: model.config.use_cache = False, or use_cache=False in its configuration.",
    ),
    (
        ("data-dependent", "GuardOnDataDependent", "could not guard", "Dynamic control flow", "_local_scalar_dense"),
        "what it does depends on the values of its inputs (an if, a loop or a size that is read off a tensor).",
        "Write that line without looking at values (torch.where in the place of if), or export the part that does not.",
    ),
    (
        ("found a fake tensor in the exported program",),
        "it reads or changes a weight by its .data, which torch's export does not follow.",
        "Read the weight itself, or its detach(), and change weights outside of forward.",
    ),
    (
        ("numpy",),
        "it leaves torch on the way, for numpy.",
        "Write that line in torch.",
    ),
    (
        ("Unsupported", "pytree", "output type", "Unknown type", "not supported"),
        "it takes or returns what is neither a tensor nor a list, a tuple or a dict of them.",
        "Wrap it in a torch.nn.Module whose forward takes and returns tensors.",
    ),
    (
        ("mutat", "was assigned", "were assigned", "buffer"),
        "it changes itself while it runs.",
        "Make what it changes a local variable, or a registered buffer.",
    ),
)


def _known(error: Exception) -> tuple[str, str]:
    text = f"{type(error).__name__} {error}"
    return next(((why, remedy) for words, why, remedy in _KNOWN if any(word in text for word in words)), ("", ""))
