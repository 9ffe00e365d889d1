"""Write one torch model: its source, and all that a pair needs to know of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from porting.writing.examples import Example
from porting.writing.functions.complexes import complex_row
from porting.writing.functions.row import NoRowError
from porting.writing.functions.table import EMITS_NOTHING, FUNCTION_ROWS, name_of
from porting.writing.graph.exported import Exported, export, samples_for
from porting.writing.interpreter import Interpreter
from porting.writing.layers import LAYER_ROWS
from porting.writing.patterns_of import array_pattern, pattern_of
from porting.writing.recording.recorder import Missing
from porting.writing.references import Reference
from porting.writing.refusals import WritingError, export_refusal, refusal
from porting.writing.source import input_names, source_of

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class WrittenModel:
    """A port's source, and what its pair says.

    Attributes
    ----------
    text : str
        The module's source; ``build()`` makes the port.
    inputs : Mapping or tuple
        Axis pattern of each input, by name where the reference is called by names.
    outputs : Mapping
        Name -> axis pattern of each output.
    input_shapes : tuple
        In the port's axis order, without the samples.
    axes : Mapping
        Path of each of the model's own arrays -> its axis pattern.
    activations : Mapping
        Path of a layer -> the axis pattern of its activations, where they lie otherwise than the table has them.
    opens : tuple of str
        Paths of layers, and of arrays, that are functions over arrays in it.
    missing : tuple of Missing
        What raises NotImplementedError in it.
    """

    text: str
    inputs: Mapping[str, str] | tuple[str, ...]
    outputs: Mapping[str, str]
    input_shapes: tuple[tuple[int, ...], ...]
    axes: Mapping[str, str]
    activations: Mapping[str, str]
    missing: tuple[Missing, ...]
    opens: tuple[str, ...] = ()

    def patterns(self) -> tuple[str, ...]:
        """The axis pattern of each input, in order."""
        return tuple(self.inputs.values()) if isinstance(self.inputs, Mapping) else self.inputs

    def lines(self) -> int:
        """Count the lines that are neither blank, comment nor docstring."""
        plain = re.sub(r'"""(?:.|\n)*?"""', "", self.text)
        return sum(bool(line.strip()) and not line.strip().startswith("#") for line in plain.splitlines())

    def functions(self) -> int:
        """Count the functions and classes."""
        return len(re.findall(r"^(def|class) ", self.text, re.MULTILINE))

    def transposes(self) -> int:
        """Count the transpositions."""
        return self.text.count("ops.transpose(")


def _run(model: "torch.nn.Module", args: Sequence[Any], keywords: Mapping[str, Any]) -> None:
    """Run a model as PyTorch does."""
    import torch

    with torch.no_grad():
        model.eval()(*args, **keywords)


def write_model(
    model: "torch.nn.Module", reference: Reference, example: Example, *, partial: bool = False
) -> WrittenModel:
    """Export a model, go through its graph, lay out the source.

    Raises
    ------
    WritingError
        If torch cannot export it, or functions have no row and `partial` is not set.
    """
    return write_exported(model, reference, example, export_model(model, reference, example), partial=partial)


def export_model(
    model: "torch.nn.Module",
    reference: Reference,
    example: Example,
    samples: int | None = None,
    beside: Sequence[Example] = (),
) -> Exported:
    """Export a model with so many samples; with a number that no size has, of other examples neither, if none is given.

    Raises
    ------
    WritingError
        If torch cannot export it.
    """
    args, keywords = example.tensors()
    rows = reference.pair.functions if reference.pair else ()
    known = {row.name for row in rows} | FUNCTION_ROWS.keys() | LAYER_ROWS.keys() | EMITS_NOTHING | {"getitem"}
    known |= complex_row.by_name.keys()
    if samples is None and beside:
        samples = samples_for(model, [array for other in beside for array in other.arrays()])
    try:
        return export(model, args, keywords, lambda function: name_of(function) in known, samples)
    except NoRowError as error:
        raise WritingError(f"{reference.called} cannot be written: {error}.") from error
    except Exception as error:  # torch raises what it likes
        raise export_refusal(reference.called, error, lambda: _run(model, args, keywords)) from error


def write_exported(
    model: "torch.nn.Module", reference: Reference, example: Example, exported: Exported, *, partial: bool = False
) -> WrittenModel:
    """Go through a model's graph, lay out the source.

    Raises
    ------
    WritingError
        If functions have no row and `partial` is not set.
    """
    args, keywords = example.positional, example.named
    rows = reference.pair.functions if reference.pair else ()
    tensors, words = example.tensors()

    def run(other: "torch.nn.Module") -> None:
        _run(other, tensors, words)

    written = Interpreter(model, exported, rows=rows, partial=partial, build=reference.build, run=run).written()
    if written.missing and not partial:
        raise refusal(reference.called, written.missing)
    patterns = [pattern_of(value) for value in written.inputs]
    called = input_names(written)
    names = [name if name == port else f"{name} -> {port}" for name, port in zip(keywords, called, strict=False)]
    by_name = dict(zip(names, patterns, strict=True)) if not args and names else None
    return WrittenModel(
        text=source_of(written, reference.called),
        inputs=by_name or tuple(patterns),
        outputs=dict(zip(exported.outputs, map(pattern_of, written.outputs), strict=True)),
        input_shapes=tuple(tuple(int(v.shape[axis]) for axis in v.axes[1:]) for v in written.inputs),
        axes={
            **{path: array_pattern(own.shape, own.axes()) for path, own in written.arrays.items()},
            **written.layer_axes.weights,
        },
        activations=written.layer_axes.activations,
        missing=tuple(written.missing),
        opens=written.opened,
    )
