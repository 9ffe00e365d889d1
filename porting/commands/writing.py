"""``porting write``: the port itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porting.commands.console import show
from porting.commands.options import (
    WRITING,
    DetailsOption,
    ForceOption,
    HtmlOption,
    JsonOption,
    PatienceOption,
    output_option,
)
from porting.commands.outputs import check_report_files, finish
from porting.commands.progress import steps
from porting.defaults import PATIENCE_SECONDS
from porting.wording import counted

if TYPE_CHECKING:
    from porting.jobs.writing import Writing

MODEL = "The model"


def write(
    reference: Annotated[
        str,
        typer.Argument(
            help="A registered pair, or module:NAME of a class, a factory, a module or a pair.",
            metavar="REFERENCE",
            show_default=False,
        ),
    ],
    output: Annotated[Path, output_option("The .py file to write.", "FILE.py")],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Torch's axes of an input, without the samples: 3,224,224; 12:int99 for integers below 99.",
            metavar="SHAPE",
            rich_help_panel=MODEL,
        ),
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(
            "--example",
            help="A .npz or .pt file of inputs, by position or by name.",
            metavar="FILE",
            rich_help_panel=MODEL,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="An argument that the model is built with.", metavar="NAME=VALUE", rich_help_panel=MODEL
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            help="Weights to convert, too; drawn as if trained if not given.",
            metavar="FILE",
            rich_help_panel=MODEL,
        ),
    ] = None,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
    details: DetailsOption = False,
    force: ForceOption = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Keep the files without a PASS.", rich_help_panel=WRITING)
    ] = False,
    any_size: Annotated[
        bool,
        typer.Option(
            "--any-size",
            help="Let images and sequences have any size where nothing in the model fixes it.",
            rich_help_panel=MODEL,
        ),
    ] = False,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Write what can be written; the rest raises NotImplementedError.", rich_help_panel=WRITING
        ),
    ] = False,
    patience: PatienceOption = PATIENCE_SECONDS,
) -> None:
    """Write a torch model as Keras source, prove it, and put it in place."""
    check_report_files(json_file, html_file, inputs=[checkpoint, example], outputs=[output])
    from porting.jobs.writing import write as write_port
    from porting.writing.references import read_settings

    with steps() as on_step:
        writing = write_port(
            reference,
            output,
            inputs=inputs or (),
            example=example,
            settings=read_settings(settings or []),
            checkpoint=checkpoint,
            force=force,
            keep_failed=keep_failed,
            any_size=any_size,
            partial=partial,
            patience=patience,
            on_step=on_step,
        )
    lines = [_counts(writing), *_sizes(writing), *(f"wrote {path}" for path in writing.files)]
    if not writing.files:
        lines += ["wrote nothing, as only what passes is kept; --keep-failed keeps it"]
    if writing.report is None:
        for line in lines:
            show(line)
        for file in filter(None, (json_file, html_file)):
            show(f"no report at {file}: there is none, as nothing was verified")
        show("NOT CHECKED: parts are left out, each a call of not_written.")
        raise typer.Exit(3)
    finish(writing.report, json_file, html_file, details=details, lines=lines)


def _sizes(writing: "Writing") -> list[str]:
    """Which axes may have any size, and what fixes the others."""
    if writing.sizes is None:
        return []
    free = [f"any size: {axis}" for axis in writing.sizes.free] or ["any size: no axis"]
    return [*free, *(f"fixed: {axis}: {why}" for axis, why in writing.sizes.fixed.items())]


def _counts(writing: "Writing") -> str:
    model, report = writing.model, writing.report
    return ", ".join(
        (
            counted(model.lines(), "line"),
            counted(model.functions(), "function or class", "functions and classes"),
            *([counted(len(report.layers), "layer with weights", "layers with weights")] if report else []),
            counted(model.transposes(), "transposition"),
        )
    )
