"""How well and how fast streamlines are filtered: ``python -m benchmarks.bundles.filtering --atlas DIR --model FILE``.

On a labelled atlas (one tractogram per bundle; HCP1065 in the README), dealt out as `benchmarks.bundles.atlas` says.
The model must have been trained on the reference part: ``--write-parts DIR`` writes the parts, from which

    finta batches build DIR --output parts.h5 --split train=reference --split thres=thresholds --split test=test
    finta train original.yaml (with epochs: 15) --batches parts.h5 --output RUN --framework torch
    porting convert RUN/best.pt --output port.keras

make it. Beside it, in the same run: the nearest neighbour by DIPY's MDF distance (minimum average direct-flip) on the
256 points, with thresholds from the same ROC; and DIPY's RecoBundles, bundle by bundle, for bundles of at least
`RECOGNISED` reference streamlines; a streamline that several of them claim goes to the one with the nearest reference
streamline. Speeds are of assigning the judged streamlines, the encoding of the reference not counted.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.bundles.atlas import Part, deal_out, prepare, write_parts
from finta.coding.coders import Coder, open_coder
from porting.commands.progress import steps
from tractography.files.formats import find_tractograms
from tractography.filtering.assignment import NO_BUNDLE, Assigner, Assignment, encode_reference
from tractography.filtering.metrics import Evaluation, Scores, evaluate
from tractography.filtering.thresholds import derive_rocs

RECOGNISED = 20
AT_ONCE = 500
GOAL_ACCURACY, GOAL_SPEED = 0.90, 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a method did.

    Attributes
    ----------
    evaluation : Evaluation
    rate : float
        Streamlines per second.
    """

    evaluation: Evaluation
    rate: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atlas", type=Path, required=True, help="folder of a tractogram for each bundle")
    parser.add_argument("--model", type=Path, help="trained on the reference part")
    parser.add_argument("--write-parts", type=Path, help="write the parts there, and end")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    parts = deal_out(arguments.atlas)
    if arguments.write_parts:
        write_parts(arguments.write_parts, parts, find_tractograms([arguments.atlas])[0])
        return
    prepared = prepare(parts)
    methods: dict[str, Callable[..., Result]] = {
        "FINTA": lambda *given: by_latent_codes(*given, open_coder(arguments.model)),
        "MDF": by_mdf,
        "RecoBundles": by_recobundles,
    }
    results = {}
    with steps() as on_step:
        for name, method in methods.items():
            on_step(name)
            results[name] = method(prepared["reference"], prepared["thresholds"], prepared["test"])
    tell(results, prepared)
    if arguments.json:
        arguments.json.write_text(json.dumps({name: as_json(result) for name, result in results.items()}, indent=1))


def by_latent_codes(reference: Part, known: Part, judged: Part, coder: Coder) -> Result:
    """The nearest latent code."""
    codes = encode_reference({name: [held] for name, held in reference.bundles.items()}, coder.encode)
    assigner = Assigner(codes)
    return _with_thresholds(lambda streamlines: assigner.assign(coder.encode(streamlines)), known, judged)


def by_mdf(reference: Part, known: Part, judged: Part) -> Result:
    """The nearest streamline by DIPY's MDF distance, which looks at both orders of the points itself."""
    from dipy.tracking.distances import bundles_distances_mdf

    streamlines, labels = reference.together()
    held = list(streamlines)

    def assign(given: np.ndarray) -> Assignment:
        nearest, away = [], []
        for first in range(0, len(given), AT_ONCE):
            distances = bundles_distances_mdf(list(given[first : first + AT_ONCE]), held)
            nearest.append(labels[distances.argmin(axis=1)])
            away.append(distances.min(axis=1))
        return Assignment(np.concatenate(nearest).astype(np.int32), np.concatenate(away))

    return _with_thresholds(assign, known, judged)


def _with_thresholds(assign: Callable[[np.ndarray], Assignment], known: Part, judged: Part) -> Result:
    names = sorted(known.bundles)
    streamlines, labels = known.together()
    rocs = derive_rocs(assign(streamlines), labels, names)
    thresholds = np.array([rocs[name].point("equal_error") for name in names])
    streamlines, labels = judged.together()
    started = time.perf_counter()
    assignment = assign(streamlines)
    seconds = time.perf_counter() - started
    return Result(evaluate(labels, assignment, thresholds, names), len(streamlines) / seconds)


def by_recobundles(reference: Part, known: Part, judged: Part) -> Result:
    """What DIPY's RecoBundles recognises, with its defaults; it knows no thresholds."""
    from dipy.segment.bundles import RecoBundles
    from dipy.tracking.distances import bundles_distances_mdf
    from dipy.tracking.streamline import Streamlines

    names = sorted(reference.bundles)
    streamlines, labels = judged.together()
    started = time.perf_counter()
    recogniser = RecoBundles(Streamlines(streamlines), greater_than=0, rng=np.random.default_rng(0), verbose=False)
    nearest = np.full(len(streamlines), np.inf)
    found = np.full(len(streamlines), NO_BUNDLE, np.int32)
    for number, name in enumerate(names):
        if len(reference.bundles[name]) < RECOGNISED:
            continue
        model = Streamlines(reference.bundles[name])
        _, rows = recogniser.recognize(model, model_clust_thr=5, reduction_thr=15, num_threads=2)
        if not len(rows):
            continue
        distances = bundles_distances_mdf(list(streamlines[rows]), list(reference.bundles[name])).min(axis=1)
        nearer = distances < nearest[rows]
        nearest[rows[nearer]], found[rows[nearer]] = distances[nearer], number
    seconds = time.perf_counter() - started
    kept_all = np.full(len(names), np.inf)
    return Result(evaluate(labels, Assignment(found, nearest), kept_all, names), len(streamlines) / seconds)


def tell(results: dict[str, Result], prepared: dict[str, Part]) -> None:
    """Print the figures."""
    judged = prepared["test"]
    counts = ", ".join(f"{len(held)} {way}" for way, held in judged.implausible.items())
    plausible = sum(map(len, judged.bundles.values()))
    print(
        f"{platform.machine()}; {len(judged.bundles)} bundles, {plausible} plausible streamlines; implausible: {counts}"
    )
    both = f"{'plausible or not':>17} {'balanced':>9} {'F1':>6} {'AUC':>6}"
    print(f"{'':12} {'accuracy':>9} {'balanced':>9} {'F1':>6} | {both} | /s")
    for name, result in results.items():
        scored, both = result.evaluation, result.evaluation.plausible
        print(
            f"{name:12} {scored.accuracy:9.3f} {scored.balanced_accuracy:9.3f} {scored.f1:6.3f} | "
            f"{both.accuracy:17.3f} {both.balanced_accuracy:9.3f} {both.f1:6.3f} {both.auc:6.3f} | {result.rate:,.0f}"
        )
    own = results["FINTA"]
    print(f"accuracy {own.evaluation.accuracy:.3f}, goal > {GOAL_ACCURACY}")
    for name, result in results.items():
        if result is not own:
            print(f"{own.rate / result.rate:,.1f} x as fast as {name}, goal {GOAL_SPEED:g}")
    print("\nbundle: accuracy, balanced accuracy, F1, AUC of each method")
    for number, (bundle, _) in enumerate(own.evaluation.bundles):
        print(f"{bundle:50}", *(_cells(result.evaluation.bundles[number][1]) for result in results.values()), sep=" | ")


def _cells(scores: Scores) -> str:
    return f"{scores.accuracy:.3f} {scores.balanced_accuracy:.3f} {scores.f1:.3f} {scores.auc:.3f}"


def as_json(result: Result) -> dict:
    """All figures of a method."""
    scored = result.evaluation
    return {
        "streamlines per second": result.rate,
        "accuracy": scored.accuracy,
        "balanced accuracy": scored.balanced_accuracy,
        "F1": scored.f1,
        "plausible or not": asdict(scored.plausible),
        "bundles": {name: asdict(scores) for name, scores in scored.bundles},
    }


if __name__ == "__main__":
    main()
