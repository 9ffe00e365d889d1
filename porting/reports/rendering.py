"""What all pages have alike: one file each from templates, that loads nothing and runs nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porting.statuses import Status

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure that is shown large, what it is of, and what it is to be read by."""

    name: str
    value: str
    aside: str = ""


def render_template(name: str, content: Mapping[str, Any], folders: Sequence[Path] = ()) -> str:
    """Fill in a template with names and figures, none of which is believed to be HTML.

    Parameters
    ----------
    name : str
        Of the template.
    content : mapping of str to Any
        What the template speaks of.
    folders : sequence of Path
        Where templates are looked for before those of reports.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"error": write_error, "limit": write_limit, "figure": write_figure, "css": _css_class}
    return environment.get_template(name).render(content)


def write_limit(limit: float) -> str:
    """A limit as a power of ten."""
    return f"{limit:.0e}"


def write_error(error: float | None) -> str:
    """An error in two digits, or a dash where it was not checked."""
    if error is None:
        return "-"
    return "0" if error == 0 else f"{error:.1e}" if math.isfinite(error) else "inf"


def write_figure(value: float | None, digits: int = 2) -> str:
    """A number with some decimals, in powers of ten where that is long, or a dash where it was not checked."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "inf"
    return f"{value:.{digits}f}" if value == 0 or 10.0**-digits <= abs(value) < 1e5 else f"{value:.1e}"


def _css_class(status: Status) -> str:
    return status.name.lower().replace("_", "-")
