"""``porting plan | convert | export``: what moves weights."""

from pathlib import Path
from typing import Annotated

import typer

from porting.commands.console import show
from porting.commands.options import (
    WRITING,
    CheckpointArgument,
    DetailsOption,
    ForceOption,
    HtmlOption,
    JsonOption,
    MaybePairOption,
    OptimiserOption,
    PairOption,
    PatienceOption,
    ProbeOption,
    output_option,
)
from porting.commands.outputs import check_report_files, finish
from porting.commands.progress import steps
from porting.defaults import DEFAULT_PAIR, PATIENCE_SECONDS
from porting.statuses import EXIT_STATUS


def plan(context: typer.Context, checkpoint: CheckpointArgument, pair: PairOption = DEFAULT_PAIR) -> None:
    """Show how each tensor would move; write nothing."""
    if context.args:  # until 0.1 the pair stood first
        raise typer.BadParameter(f"give the pair by --pair: porting plan {context.args[0]} --pair {checkpoint}")
    from porting.jobs.planning import derive_plan
    from porting.reports.console import render_plan

    with steps() as on_step:
        derived = derive_plan(checkpoint, pair=pair, on_step=on_step)
    show(render_plan(derived))
    if derived.setting_differences:
        raise typer.Exit(EXIT_STATUS["FAIL"])


def convert(
    checkpoint: CheckpointArgument,
    output: Annotated[
        str,
        output_option("A folder, or the path of the files without suffixes.", "PATH"),
    ],
    pair: PairOption = DEFAULT_PAIR,
    probe: ProbeOption = None,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
    details: DetailsOption = False,
    formats: Annotated[
        str,
        typer.Option(
            help="Any of keras, weights.h5, safetensors, separated by commas.",
            metavar="FORMATS",
            rich_help_panel=WRITING,
        ),
    ] = "keras",
    with_optimiser: OptimiserOption = False,
    force: ForceOption = False,
    keep_failed: Annotated[
        bool, typer.Option("--keep-failed", help="Keep the files even if the verdict is FAIL.", rich_help_panel=WRITING)
    ] = False,
    patience: PatienceOption = PATIENCE_SECONDS,
) -> None:
    """Convert a checkpoint, verify what was written, and put it in place with its certificate."""
    names = [name.strip() for name in formats.split(",") if name.strip()]
    from porting.evidence.certificates import files_of, output_stem

    files = files_of(output_stem(output, checkpoint))
    check_report_files(json_file, html_file, inputs=[checkpoint, probe], outputs=files)
    from porting.jobs.conversion import convert as convert_checkpoint

    with steps() as on_step:
        conversion = convert_checkpoint(
            checkpoint,
            output,
            pair=pair,
            probe=probe,
            formats=names,
            with_optimiser=with_optimiser,
            force=force,
            keep_failed=keep_failed,
            patience=patience,
            on_step=on_step,
        )
    written = [f"wrote {path}" for path in conversion.files]
    moved = [f"optimiser: {conversion.optimiser}"] if conversion.optimiser else []
    finish(conversion.report, json_file, html_file, details=details, lines=[*moved, *written])


def export(
    port: Annotated[Path, typer.Argument(help="Converted checkpoint.", metavar="PORT", show_default=False)],
    output: Annotated[Path, output_option("The .pt file to write.", "FILE")],
    pair: MaybePairOption = None,
    with_optimiser: OptimiserOption = False,
    force: ForceOption = False,
) -> None:
    """Write a port's weights as a PyTorch checkpoint, bit for bit (all but the tensors that Keras adds up)."""
    from porting.jobs.exporting import export as export_port

    with steps() as on_step:
        written = export_port(port, output, pair=pair, with_optimiser=with_optimiser, force=force, on_step=on_step)
    show(f"wrote {written}")
