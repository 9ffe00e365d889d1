"""Derive the thresholds of an atlas' bundles from streamlines whose bundle is known, and judge them on others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finta.coding.coders import open_coder
from finta.coding.tasks import Lookup
from finta.filtering.atlases import encode_atlas, encode_labelled
from finta.pages.charts import draw_roc
from finta.requirements import check_comparing, check_readers
from porting.files.placement import check_apart, check_free
from porting.files.staging import staging
from porting.proof.runs import OnStep
from tractography.files.tractograms import Skips
from tractography.filtering.assignment import Assignment
from tractography.filtering.metrics import Evaluation, evaluate
from tractography.filtering.thresholds import Roc, Threshold, as_json, derive_rocs, summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Judged:
    """Streamlines of known bundles, assigned.

    Attributes
    ----------
    framework : str
        What encoded.
    bundles : tuple of str
    assignment : Assignment
    labels : ndarray, (streamline,)
        The true bundle of each, or `NO_BUNDLE`.
    codes : ndarray, (streamline, latent)
    skips : Skips
        What could not be encoded.
    """

    framework: str
    bundles: tuple[str, ...]
    assignment: Assignment
    labels: np.ndarray
    codes: np.ndarray
    skips: Skips

    def rocs(self) -> dict[str, Roc]:
        """The ROC of each bundle."""
        return derive_rocs(self.assignment, self.labels, self.bundles)

    def evaluated(self, thresholds: np.ndarray) -> Evaluation:
        """Compare with the truth what thresholds, (bundle,), would keep."""
        return evaluate(self.labels, self.assignment, thresholds, self.bundles)


def judge(
    model: Path,
    atlas: Path,
    bundles: Path,
    implausible: Path | None = None,
    *,
    neighbours: int = 1,
    approximate: bool = False,
    on_step: OnStep = lambda doing, done, total: None,
) -> Judged:
    """Assign streamlines of known bundles by an atlas.

    Parameters
    ----------
    model : Path
    atlas, bundles : Path
        Folders of a tractogram for each bundle, by its name.
    implausible : Path, optional
        A tractogram, or a folder of them, of streamlines that belong to no bundle.
    neighbours : int
        How many reference codes decide.
    approximate : bool
        Whether they are looked up in an approximate index.
    on_step : callable

    Raises
    ------
    TractogramError, FilteringError, ModelError
        If a file cannot be used.
    """
    check_readers()
    check_comparing(approximate)
    coder, skips = open_coder(model), Skips()
    reference = encode_atlas(atlas, coder, skips, on_step)
    labelled = encode_labelled(bundles, implausible, reference.bundles, coder, skips, on_step)
    on_step("comparing latent codes", 0, None)
    assignment = Lookup(reference, neighbours, approximate).assigner().assign(labelled.codes)
    return Judged(coder.framework, reference.bundles, assignment, labelled.labels, labelled.codes, skips)


@dataclass(frozen=True, slots=True)
class Written:
    """Thresholds that were written.

    Attributes
    ----------
    thresholds : Mapping
        By bundle.
    """

    thresholds: Mapping[str, Threshold]

    def warnings(self) -> list[str]:
        """What is not as it should be."""
        unseen = [name for name, held in self.thresholds.items() if not held.positives]
        alone = [name for name, held in self.thresholds.items() if held.positives and not held.negatives]
        found = []
        if unseen:
            found.append(f"nothing known is nearest to {', '.join(unseen)}: threshold 0, nothing will be kept there.")
        if alone:
            found.append(
                f"nothing foreign is nearest to {', '.join(alone)}: the threshold keeps all that is known. "
                "Give --implausible streamlines, or more."
            )
        return found


def check_output(output: Path, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse to replace thresholds, or what lies beside them, without `force`, and inputs at all.

    Raises
    ------
    OutputError
        If any of the files exists, or is an input.
    """
    written = [output, *(output.with_suffix(suffix) for suffix in (".roc.json", ".roc.png"))]
    check_apart(written, inputs)
    check_free(written, force)


def write_thresholds(output: Path, rocs: Mapping[str, Roc], *, force: bool = False) -> Written:
    """Write thresholds at equal error as published, ``{bundle: distance}``; beside them all that is known of each.

    ``NAME.roc.json`` has Youden's point, that of the best accuracy and the area under the curve as well, and
    ``NAME.roc.png`` shows the curves.

    Raises
    ------
    OutputError
        If the files exist, or cannot be written.
    """
    check_output(output, force)
    stored = {name: summarise(roc) for name, roc in rocs.items()}
    stem = output.with_suffix("")
    with staging(stem) as staged:
        flat = {name: held.equal_error for name, held in stored.items()}
        staged.stem.with_name(output.name).write_text(json.dumps(flat, indent=1) + "\n")
        staged.stem.with_name(f"{stem.name}.roc.json").write_text(as_json(stored))
        draw_rocs(rocs, flat).savefig(staged.stem.with_name(f"{stem.name}.roc.png"), dpi=150)
        staged.commit()
    return Written(stored)


def draw_rocs(rocs: Mapping[str, Roc], thresholds: Mapping[str, float]) -> "Figure":
    """Draw the curve of each bundle that has one, and its threshold on it."""
    areas = {name: area for name, roc in rocs.items() if (area := roc.area()) is not None}
    curves = {name: (*rocs[name].curve(), area) for name, area in areas.items()}
    return draw_roc(curves, {name: rocs[name].rates_at(thresholds[name]) for name in areas})
