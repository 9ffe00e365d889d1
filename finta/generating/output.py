"""What is written of generated streamlines: a tractogram and a picture of each bundle, and a summary."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from finta.coding.coders import Coder
from finta.coding.drafts import refusal_told
from finta.generating.bundle_settings import Choices
from finta.generating.drafts import Finished, own_names, place_of
from finta.pages.charts import draw_generated
from finta.pages.summaries import name_pictures, write_summary
from porting.files.placement import check_apart, check_free, library_writes
from porting.files.staging import staging
from tractography.files.formats import format_of, name_of
from tractography.files.headers import Header
from tractography.files.streamlines import Streamlines
from tractography.generating.anatomy import FILTERS
from tractography.generating.generated import Generated
from tractography.writing.writers import open_writer

SCHEMA = "finta-generation/1"
"""Name and version of ``finta/schemas/finta-generation.schema.json``."""


def check_files(output: Path, paths: Sequence[Path], inputs: Iterable[Path | None], *, force: bool) -> None:
    """Refuse to replace what is read, and other files without `force`.

    Raises
    ------
    OutputError
        If any exists, or is a folder.
    """
    pictures = name_pictures(_heading(name_of(path)) for path in paths).values()
    names = (*map(_named, paths), *pictures, "summary.json", "summary.html")
    written = [output / name for name in names]
    check_apart(written, [*paths, *inputs])
    check_free(written, force)


def _named(path: Path) -> str:
    """Name a bundle's file as it is written: unpacked, and one file."""
    return f"{name_of(path)}{format_of(path)}"


def _heading(bundle: str) -> str:
    return f"{bundle}-generated"


def write_generated(
    output: Path, headers: Mapping[Path, Header], finished: Sequence[Finished], coder: Coder, choices: Choices
) -> None:
    """Write what was generated; when it is in place there is nothing left to go on with.

    Parameters
    ----------
    output : Path
    headers : mapping of Path to Header
        The bundles' tractograms.
    finished : sequence of Finished
        In their order.
    coder : Coder
    choices : Choices

    Raises
    ------
    OutputError
        If the folder, or the disk, does not take the files.
    """
    made = [held.generated for held in finished]
    with (
        refusal_told(place_of(output), lambda: True),
        staging(place_of(output), own_names=own_names(output)) as staged,
        library_writes(),
    ):
        folder = staged.stem.parent
        for (path, header), held in zip(headers.items(), finished, strict=True):
            _write_tractogram(folder / _named(path), header, held.generated)
        pictures = {
            _heading(held.generated.bundle): draw_generated(
                list(held.generated.streamlines), list(held.pictured), held.generated.seed_count
            )
            for held in finished
        }
        facts = _facts(made, sum(held.skipped for held in finished), coder, choices)
        notes = [f"{generated.bundle}: {note}" for generated in made for note in generated.notes]
        write_summary(folder, SCHEMA, "Generated streamlines", facts, _tables(made), pictures, notes)
        staged.commit()


def _write_tractogram(path: Path, header: Header, generated: Generated) -> None:
    with open_writer(path, header) as writer:
        writer.append(Streamlines.alike(generated.streamlines, {"round": generated.round_numbers[:, None]}))


def _facts(made: Sequence[Generated], skipped: int, coder: Coder, choices: Choices) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "bundles": len(made),
        "streamlines": sum(len(generated.streamlines) for generated in made),
        "latent codes drawn": sum(generated.drawn for generated in made),
        "skipped in the input": skipped,
        "model": str(coder.path),
        "computed by": coder.framework,
    }
    facts |= {name.replace("_", " "): value for name, value in asdict(choices.settings).items() if value is not None}
    return facts | {name: str(path) for name, path in choices.anatomy.images().items()}


def _tables(made: Sequence[Generated]) -> dict[str, list[dict[str, Any]]]:
    tables = {
        "bundles": [_row(generated) for generated in made],
        "removed by the filters": [{"bundle": generated.bundle, **generated.removed} for generated in made],
        "rounds": [
            {"bundle": generated.bundle, "round": past.number, "drawn": past.drawn, "accepted": past.accepted}
            | {"decoded": past.decoded}
            | {name: past.removed[name] for name in FILTERS}
            | {"kept": past.kept}
            for generated in made
            for past in generated.rounds
        ],
    }
    return {name: rows for name, rows in tables.items() if rows}


def _row(generated: Generated) -> dict[str, Any]:
    row = {
        "bundle": generated.bundle,
        "seeds": generated.seed_count,
        "bandwidth": generated.bandwidth,
        "drawn": generated.drawn,
        "accepted": generated.accepted,
        "acceptance rate": generated.acceptance_rate,
        "decoded": generated.decoded,
        "passed": generated.kept,
        "streamlines": len(generated.streamlines),
    }
    return row | ({"components": generated.components, "log M": generated.log_scale} if generated.components else {})
