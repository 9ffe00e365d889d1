"""Write down how well a filtering did."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finta.filtering.sorting import IMPLAUSIBLE
from finta.filtering.thresholding import Judged, draw_rocs
from finta.pages.charts import draw_confusion
from finta.pages.pictures import draw_latent_codes
from finta.pages.summaries import write_summary
from tractography.filtering.metrics import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SCHEMA = "finta-evaluation/1"
"""Name and version of ``finta/schemas/finta-evaluation.schema.json``."""


def write_evaluation(output: Path, evaluation: Evaluation, judged: Judged, thresholds: np.ndarray, model: Path) -> None:
    """Write metrics, confusion matrix and pictures into a folder, as a page and as JSON; thresholds are (bundle,).

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    names = [*judged.bundles, IMPLAUSIBLE]
    facts = {
        "accuracy": evaluation.accuracy,
        "balanced accuracy": evaluation.balanced_accuracy,
        "F1": evaluation.f1,
        "streamlines": len(judged.labels),
        "model": f"{model}, {judged.framework}",
        "streamlines that could not be encoded": judged.skips.counts or "none",
        "plausible or not": asdict(evaluation.plausible),
    }
    tables = {
        "bundles": [
            {"bundle": name, "class": number, "threshold": float(threshold), **asdict(scores)}
            for (number, (name, scores)), threshold in zip(enumerate(evaluation.bundles), thresholds, strict=True)
        ],
        "confusion matrix": [
            {"true": name, **{found: int(count) for found, count in zip(names, row, strict=True)}}
            for name, row in zip(names, evaluation.confusion, strict=True)
        ],
    }
    numbers = {name: number for number, name in enumerate(judged.bundles)}
    pictures: dict[str, Figure] = {"shares of the confusion matrix": draw_confusion(evaluation.confusion, names)}
    if len(judged.codes) > 2:
        pictures["latent codes"] = draw_latent_codes(judged.codes, np.array(names)[judged.labels].tolist(), numbers)
    pictures["ROC of each bundle"] = draw_rocs(
        judged.rocs(), dict(zip(judged.bundles, thresholds.tolist(), strict=True))
    )
    write_summary(output, SCHEMA, "Filtering against the truth", facts, tables, pictures)
