"""Write a port whose inputs have any size where nothing in the model fixes it."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from porting.writing.examples import Example
from porting.writing.graph.authors import AuthorNames
from porting.writing.graph.exported import Exported
from porting.writing.model import WrittenModel, export_model, write_exported
from porting.writing.references import Reference
from porting.writing.refusals import WritingError
from porting.writing.sizing.axes import Axis, Unit, axes_of, resized, try_axes, why_refused
from porting.writing.sizing.other_sizes import OtherGraphError, beside_each_other
from porting.writing.values.sizes import SizeError

if TYPE_CHECKING:
    import torch

Proves = Callable[[WrittenModel, Example, Example], str]
"""``(written, example, inputs of other sizes) ->`` why the port cannot be of any size; empty where it can."""


@dataclass(frozen=True, slots=True)
class AnySize:
    """A port of any size.

    Attributes
    ----------
    model : WrittenModel
    other : Example, optional
        Inputs of other sizes; none where all axes are fixed.
    free : tuple of str
        The axes of inputs that may have any size, in words.
    fixed : Mapping
        Axis of an input, in words -> what fixes it.
    """

    model: WrittenModel
    other: Example | None
    free: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Writer:
    """Writes one model, for these axes or those."""

    model: "torch.nn.Module"
    reference: Reference
    example: Example
    partial: bool
    proves: Proves
    exported: Exported

    def plain(self) -> WrittenModel:
        """The port of the example's sizes."""
        return write_exported(self.model, self.reference, self.example, self.exported, partial=self.partial)

    def attempt(self, units: Sequence[Unit]) -> tuple[WrittenModel | None, str]:
        """The port in which these axes are free, or why there is none."""
        other = resized(self.example, units)
        if (why := why_refused(self.model, other)) is not None:
            return None, why
        try:
            there = export_model(self.model, self.reference, other, self.exported.samples)
            with beside_each_other(self.exported, there) as (ours, theirs):
                written, swapped = (
                    write_exported(self.model, self.reference, self.example, each, partial=self.partial)
                    for each in (ours, theirs)
                )
        except OtherGraphError as error:
            return None, ": ".join([AuthorNames().place(error.node).strip("()"), str(error)])
        except (WritingError, SizeError) as error:
            return None, _reason(error)
        if written.text != swapped.text:
            return None, _difference(written.text, swapped.text)
        return written, self.proves(written, self.example, other)


def write_any_size(
    model: "torch.nn.Module", reference: Reference, example: Example, proves: Proves, *, partial: bool = False
) -> AnySize:
    """Write a port with as many axes of any size as the model has.

    Raises
    ------
    WritingError
        If torch cannot export it, or functions have no row and `partial` is not set.
    """
    tried = try_axes(model, example)
    largest = [example, *(resized(example, [unit]) for unit in tried.units)]
    writer = _Writer(
        model, reference, example, partial, proves, export_model(model, reference, example, beside=largest)
    )
    plain = writer.plain()
    units, fixed = tried.units, dict(tried.fixed)
    if plain.missing:
        fixed |= dict.fromkeys(axes_of(example), "parts are left out, and nothing is proven")
        return AnySize(plain, None, (), _told(fixed, plain, example))
    while units:
        written, why = writer.attempt(units)
        if written is not None and not why:
            free = tuple(_in_words(axis, plain, example) for unit in units for axis in unit.axes)
            return AnySize(written, resized(example, units), free, _told(fixed, plain, example))
        kept = tuple(unit for unit in units if len(units) > 1 and not _alone(writer, unit, fixed))
        if kept == units:
            fixed.update((axis, why) for unit in units for axis in unit.axes)
            kept = ()
        elif len(units) == 1:
            fixed.update((axis, why) for axis in units[0].axes)
        units = kept
    return AnySize(plain, None, (), _told(fixed, plain, example))


def _alone(writer: _Writer, unit: Unit, fixed: dict[Axis, str]) -> str:
    """Why there is no port in which these axes alone are free."""
    _, why = writer.attempt([unit])
    if why:
        fixed.update((axis, why) for axis in unit.axes)
    return why


def _told(fixed: Mapping[Axis, str], plain: WrittenModel, example: Example) -> dict[str, str]:
    return {_in_words(axis, plain, example): why for axis, why in sorted(fixed.items(), key=lambda item: _at(item[0]))}


def _at(axis: Axis) -> tuple[int, int]:
    return axis.input, axis.axis


def _in_words(axis: Axis, plain: WrittenModel, example: Example) -> str:
    """``input 0, row (224)``."""
    word = plain.patterns()[axis.input].partition(" -> ")[0].split()[axis.axis]
    named = list(example.named)[axis.input - len(example.positional) :][:1] if example.named else []
    return f"{named[0] if named else f'input {axis.input}'}, {word} ({axis.size})"


def _reason(error: Exception) -> str:
    """The first function that stands in the way, why, and where."""
    lines = str(error).splitlines()
    return ": ".join(line.strip() for line in lines[1:3]) if isinstance(error, WritingError) and lines[2:] else lines[0]


def _difference(one: str, other: str) -> str:
    """The first statements in which two sources differ."""
    pairs = [*zip(_statements(one), _statements(other), strict=False)]
    pairs += zip(one.splitlines(), other.splitlines(), strict=False)
    here, there = next(((a.strip(), b.strip()) for a, b in pairs if a != b), ("less", "more"))
    return f"the port would say `{here}`, and `{there}` for another size"


def _statements(text: str) -> list[str]:
    """Statements of a source, each in a line."""
    plain = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt) and not hasattr(node, "body"))
    return [ast.unparse(node) for node in plain]
