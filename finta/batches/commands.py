"""The commands ``finta batches build | pack | info``."""

from pathlib import Path
from typing import Annotated

import typer

from finta.pages.tables import print_table
from finta.words import SpaceOption, tell_skips
from porting.commands.console import show
from porting.commands.options import ForceOption, output_option
from porting.commands.progress import steps


def build(
    bundles: Annotated[
        list[Path], typer.Argument(help="Tractograms (TRK, TCK, TRX), or folders of them.", metavar="BUNDLE...")
    ],
    output: Annotated[Path, output_option("The HDF5 file to write.", "FILE")],
    split: Annotated[
        list[str],
        typer.Option(
            help="Repeat: shares (train=0.8), names of files or folders (train=sub_1,sub_2), or one split for all.",
            metavar="SPLIT",
        ),
    ] = ["train=0.8", "thres=0.1", "test=0.1"],  # noqa: B006
    points: Annotated[int, typer.Option(help="Points per streamline.", min=2)] = 256,
    label: Annotated[str, typer.Option(help="Take the class from the name of the file or of its folder.")] = "file",
    reference: SpaceOption = None,
    force: ForceOption = False,
) -> None:
    """Read labelled bundles, resample them and write them as batches."""
    from finta.batches.building import LABELS, build_batches
    from tractography.files.tractograms import Skips

    if label not in LABELS:
        raise typer.BadParameter(f"must be one of {', '.join(LABELS)}", param_hint="--label")
    skips = Skips()
    with steps() as on_step:
        held = build_batches(
            bundles,
            output,
            splits=split,
            point_count=points,
            label=label,
            reference=reference,
            skips=skips,
            force=force,
            on_file=lambda path, number, count: on_step(f"reading {path.name} ({number} of {count})"),
        )
    tell_skips(skips)
    _show(held)


def pack(
    file: Annotated[Path, typer.Argument(help="HDF5 batches.", metavar="INPUT", show_default=False)],
    output: Annotated[Path, output_option("The packed HDF5 file to write.", "FILE")],
    force: ForceOption = False,
) -> None:
    """Rewrite batches into one array per split and a small index, which training reads fastest."""
    from porting.files.placement import check_apart
    from tractography.batches.packing import pack_batches

    check_apart([output], [file])
    with steps() as on_step:
        on_step(f"reading the index of {file.name}")
        held = pack_batches(file, output, force=force, on_rows=on_step)
    _show(held)


def info(file: Annotated[Path, typer.Argument(help="HDF5 batches.", metavar="FILE", show_default=False)]) -> None:
    """Check a batch file's layout and show what it holds."""
    from tractography.batches.batches import inspect_batches

    _show(inspect_batches(file))


def _show(held) -> None:
    layout = ", packed" if held.packed else ""
    show(f"{held.path}: streamlines of {held.point_count} points, RAS+ mm{layout}")
    print_table([_row(split, list(counts.values()) or [0]) for split, counts in held.counts.items()])


def _row(split: str, sizes: list[int]) -> dict[str, str]:
    numbers = {"classes": len(sizes), "streamlines": sum(sizes), "fewest": min(sizes), "most in a class": max(sizes)}
    return {"split": split, **{name: f"{number:,}" for name, number in numbers.items()}}
