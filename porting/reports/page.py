"""A parity report as one HTML page that needs nothing else: no network, no scripts, no fonts."""

import math
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from porting.proof.gradients import GRADIENT_LIMIT
from porting.records.parity import FLOAT32_ULP, FLOAT64_LIMIT, RATIO_LIMIT
from porting.records.verdict import ParityReport
from porting.reports import page_views
from porting.reports.console import SENTENCES
from porting.statuses import Status

LINES = 4
"""Lines of one part of the verdict that are shown at once; the others fold away."""

_LIMITS = {"float64": FLOAT64_LIMIT, "ratio": RATIO_LIMIT, "gradient": GRADIENT_LIMIT, "ulp": FLOAT32_ULP}


def render_page(report: ParityReport, backends: Sequence[ParityReport] = ()) -> str:
    """Render a report as one self-contained HTML page.

    Parameters
    ----------
    report : ParityReport
        What the page is about.
    backends : sequence of ParityReport
        The same port on Keras' other backends, or on all of them: one verdict each, in a table of their own.

    Returns
    -------
    str
        HTML that loads nothing and runs nothing.
    """
    curves, values = page_views.view_outputs(report)
    others = (other for other in backends if other is not report)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            sentence=SENTENCES[report.verdict],
            limits=_LIMITS,
            worst=page_views.view_backend(report),
            backends=[page_views.view_backend(held) for held in (report, *others)],
            rows=(*report.layers, *report.outputs),
            errors=page_views.draw_errors(report),
            landmarks=page_views.view_landmarks(report),
            curves=curves,
            values=values,
            parameters=sum(math.prod(transfer.port_shape) for transfer in report.plan.transfers),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"error": write_error, "limit": "{:.0e}".format, "figure": write_figure, "css": _css_class}
    environment.globals["shown_lines"] = LINES
    return environment


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
