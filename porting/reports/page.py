"""A parity report as one HTML page that needs nothing else: no network, no scripts, no fonts."""

import math
from collections.abc import Sequence

from porting.proof.training.gradients import GRADIENT_LIMIT
from porting.records.parity import FLOAT32_ULP, FLOAT64_LIMIT, RATIO_LIMIT
from porting.records.verdict import ParityReport
from porting.reports import headlines, page_views
from porting.reports.console import sentence_of
from porting.reports.rendering import render_template
from porting.reports.source_view import view_source

LINES = 4
"""Lines of one part of the verdict that are shown at once; the others fold away."""

PLACES = 6
"""Places where the models part that are shown at once."""

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
    backends = (report, *others) if (others := [other for other in backends if other is not report]) else ()
    concerns = headlines.view_concerns(report)
    sections = (
        ("divergences", "Divergences", report.divergences),
        ("concerns", "What keeps it from PASS", concerns),
        ("verdict", "Verdict", True),
        ("backends", "Backends", backends),
        ("depth", "Error against depth", True),
        ("landmarks", "Landmarks", report.evidence.landmarks),
        ("outputs", "Outputs", curves or values or report.worst),
        ("blind", "Blind spots", True),
        ("source", "Source", report.source),
        ("layers", "Layers", True),
        ("plan", "Plan", True),
        ("circumstances", "Circumstances", True),
    )
    content = {
        "report": report,
        "sentence": sentence_of(report),
        "limits": _LIMITS,
        "tiles": headlines.view_tiles(report),
        "concerns": concerns,
        "backends": [headlines.view_backend(held) for held in backends],
        "rows": (*report.layers, *report.outputs),
        "errors": page_views.draw_errors(report),
        "source": view_source(report),
        "landmarks": page_views.view_landmarks(report),
        "curves": curves,
        "values": values,
        "parameters": sum(math.prod(transfer.port_shape) for transfer in report.plan.transfers),
        "sections": [(id_, name) for id_, name, is_there in sections if is_there],
        "shown_lines": LINES,
        "shown_places": PLACES,
    }
    return render_template("page.html.jinja", content)
