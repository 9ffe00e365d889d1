"""Options and arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

REPORTS, WRITING, RUNNING = "Reports", "Writing", "Running"
"""Groups of options in a command's help."""

PAIR_WORDS = "A registered pair, or module:NAME of your own ModelPair"

PairOption = Annotated[str, typer.Option("--pair", help=f"{PAIR_WORDS}.", metavar="PAIR")]
MaybePairOption = Annotated[
    str | None,
    typer.Option("--pair", help=f"{PAIR_WORDS}; if not given, the one that the certificate names.", metavar="PAIR"),
]
ProbeOption = Annotated[
    Path | None,
    typer.Option(
        "--probe",
        help="Inputs to verify on, or synthetic; the pair's own if not given.",
        metavar="FILE",
        show_default=False,
    ),
]
JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json", help="Write the report as JSON.", metavar="FILE", show_default=False, rich_help_panel=REPORTS
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html", help="Write the report as a page.", metavar="FILE", show_default=False, rich_help_panel=REPORTS
    ),
]
DetailsOption = Annotated[
    bool, typer.Option("--details", help="Show all figures of each layer.", rich_help_panel=REPORTS)
]
Tf32Option = Annotated[
    bool, typer.Option("--tf32/--no-tf32", help="Let a GPU multiply float32 by TF32.", rich_help_panel=RUNNING)
]
PatienceOption = Annotated[
    float,
    typer.Option(
        "--patience",
        help="How long to search for the causes of a FAIL at most.",
        metavar="SECONDS",
        min=0.0,
        rich_help_panel=RUNNING,
    ),
]
OptimiserOption = Annotated[
    bool, typer.Option("--with-optimizer", help="Carry the optimiser's state, too: training goes on where it was.")
]


def output_option(text: str, metavar: str):
    """The option that says where results go."""
    return typer.Option("--output", "-o", help=text, metavar=metavar, rich_help_panel=WRITING)


ForceOption = Annotated[bool, typer.Option("--force", help="Replace existing files.", rich_help_panel=WRITING)]
CheckpointArgument = Annotated[
    Path, typer.Argument(help="PyTorch checkpoint, .pt or .safetensors.", metavar="CHECKPOINT", show_default=False)
]
