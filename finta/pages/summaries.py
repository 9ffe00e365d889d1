"""A run's results as one page for people, ``summary.html``, and as JSON for programs, ``summary.json``."""

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finta.pages.summary_views import view_facts, view_table
from porting.files.staging import OwnNames, staging

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 150


def write_summary(
    folder: Path,
    schema: str,
    title: str,
    facts: Mapping[str, Any],
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    pictures: Mapping[str, "Figure"],
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write what a run found: ``summary.json``, a PNG for each picture, and ``summary.html``, which holds all of it.

    Parameters
    ----------
    folder : Path
        Made where it is missing; files of the same names are replaced, all of them together.
    schema : str
        Name and version of the schema of ``summary.json``, as ``finta/schemas`` has it.
    title : str
        What was done, as the heading says it.
    facts : mapping of str to Any
        Numbers are shown large, texts in a list; mappings inside are facts of the same kind.
    tables : mapping of str to sequence of mapping
        Rows of each table, the result first; a column for each name that any row holds, in the order of the first
        that holds it.
    pictures : mapping of str to Figure
        Headings, other ones than the tables', and figures; the files are called like the headings, with dashes for
        what file names do not hold.
    notes : sequence of str
        What is not as one would expect; shown first.

    Returns
    -------
    list of Path
        The files, sorted.

    Raises
    ------
    OutputError
        If the folder, or the disk, does not take the files; those that were there before stay as they were.
    ValueError
        If a table and a picture have one heading.
    """
    if both := sorted(set(tables) & set(pictures)):
        raise ValueError(f"A table and a picture are both called {both[0]}.")
    content = _as_json({"schema": schema, "title": title, "notes": list(notes), "facts": facts, "tables": tables})
    content["pictures"] = files = name_pictures(pictures)
    with staging(folder / "summary", own_names=OwnNames()) as staged:
        (drafts := staged.stem.parent).joinpath("summary.json").write_text(
            json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        for name, figure in pictures.items():
            figure.savefig(drafts / files[name], dpi=_DOTS_PER_INCH)
        page = _render(content, {name: (drafts / file).read_bytes() for name, file in files.items()})
        (drafts / "summary.html").write_text(page, encoding="utf-8")
        return sorted(staged.commit())


def name_pictures(headings: Iterable[str]) -> dict[str, str]:
    """Name a PNG for each heading: dashes for what file names do not hold, a number where two would be called alike."""
    files: dict[str, str] = {}
    for heading in headings:
        stem = re.sub(r"[^\w.-]+", "-", heading).strip("-.")
        names = chain([f"{stem}.png"], (f"{stem}-{number}.png" for number in count(2)))
        taken = {file.casefold() for file in files.values()}  # file systems that know no case keep one of two
        files[heading] = next(name for name in names if name.casefold() not in taken)
    return files


def _as_json(value: Any) -> Any:
    """What JSON holds of a value: arrays are lists, and numbers that are not finite are null."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(held) for name, held in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _as_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return [_as_json(held) for held in value] if isinstance(value, Sequence | set | frozenset) else str(value)


def _render(content: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    from porting.reports.rendering import render_template

    figures, texts = view_facts(content["facts"])
    tables = {name: view_table(rows) for name, rows in content["tables"].items()}
    result, *others = [(f"table-{number}", name) for number, name in enumerate(tables, 1)] or [("", "")]
    drawn = [(f"picture-{number}", name) for number, name in enumerate(pictures, 1)]
    sections = [section for section in (result, *drawn, *others) if section[0]]
    filled = {
        **content,
        "figures": figures,
        "texts": texts,
        "tables": tables,
        "sections": sections,
        "pictures": {name: base64.b64encode(png).decode() for name, png in pictures.items()},
        "files": content["pictures"],
    }
    return render_template("summary.html.jinja", filled, [Path(__file__).parent / "templates"])
