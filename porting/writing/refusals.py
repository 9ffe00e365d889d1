"""What cannot be written, told at once: each function, how often, where, and what to do."""

from collections.abc import Sequence
from itertools import groupby

from porting.errors import PairError
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


def export_refusal(called: str, error: Exception) -> WritingError:
    """Torch's own reason why it cannot export a model, in a sentence."""
    return WritingError(f"{called} cannot be exported by torch: {_reason(error)}\n{_remedy(error)}")


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
        ("positional argument", "unexpected keyword", "required positional", "missing a required"),
        "it does not take the inputs that were given.",
        "Give one --input for each input of its forward, in order, or --example with their names.",
    ),
    (
        (
            "shapes cannot be multiplied",
            "size of tensor",
            "expected input",
            "Expected",
            "size mismatch",
            "shape",
            "Given",
        ),
        "the inputs do not fit it.",
        "Give torch's axes without the samples, as the model takes them: --input 3,224,224.",
    ),
    (
        ("Unsupported", "pytree", "output type", "Unknown type", "not supported"),
        "it takes or returns what is neither a tensor nor a list, a tuple or a dict of them.",
        "Wrap it in a torch.nn.Module whose forward takes and returns tensors.",
    ),
    (
        ("mutat", "assigned", "attribute", "buffer"),
        "it changes itself while it runs.",
        "Make what it changes a local variable, or a registered buffer.",
    ),
)


def _known(error: Exception) -> tuple[str, str]:
    text = f"{type(error).__name__} {error}"
    return next(((why, remedy) for words, why, remedy in _KNOWN if any(word in text for word in words)), ("", ""))


def _reason(error: Exception) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    why, _ = _known(error)
    return f"{why} Torch says: {first}" if why else first


def _remedy(error: Exception) -> str:
    return _known(error)[1] or "Run the model in PyTorch on the same inputs to see whether it runs there."
