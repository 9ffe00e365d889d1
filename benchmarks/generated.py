"""Draw torch models, write the port of each, and judge it: ``python -m benchmarks.generated --models 300``.

Models that nobody wrote, so that nobody wrote the writer or the verdict for them: `parity_tests/generated` draws them,
one for each seed. Written in one process, its start excluded from the figures. PASS is the only right answer; FAIL is a
false alarm or a writer's mistake; refused is a written reason why there is no port, told apart by reason; an error is
an exception that is none of the project's. On the torch backend semantics is NOT CHECKED, as everywhere. With --shrink
the fewest lines that still fall short in the same way are printed.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    """Print each model that falls short, then the table; 1 if there was a FAIL or an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first model; the others follow")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many, whatever is left")
    parser.add_argument(
        "--json", type=Path, help="a file for the outcomes, a line each; seeds in it are not drawn again"
    )
    parser.add_argument("--backend", default="tensorflow", choices=["tensorflow", "jax", "torch"])
    parser.add_argument(
        "--shrink", type=float, default=0.0, metavar="SECONDS", help="to spend on each that falls short"
    )
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend
    from benchmarks.ground.machine import name_machine, prepare_frameworks

    prepare_frameworks()
    print(name_machine(), f"backend {options.backend}", flush=True)
    seeds = range(options.seed, options.seed + options.models)
    rows = _known(options.json) if options.json else {}
    ends = time.monotonic() + options.seconds
    for number in seeds:
        if number in rows or time.monotonic() > ends:
            continue
        rows[number] = _judged(number, options.shrink)
        if options.json:
            with options.json.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(rows[number])}\n")
    shown = [rows[number] for number in seeds if number in rows]
    _print_table(shown)
    return int(any(row["verdict"] in {"FAIL", "error"} for row in shown))


def _known(file: Path) -> dict[int, dict]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {row["seed"]: row for row in map(json.loads, lines)}


def _judged(number: int, shrink: float) -> dict:
    """One model's outcome; what falls short is printed."""
    from parity_tests.generated.judging import judge
    from parity_tests.generated.models import drawn_model
    from parity_tests.generated.shrinking import shrunk

    drawn = drawn_model(number)
    outcome = judge(drawn)
    if outcome.verdict != "PASS":
        kind = outcome.kind()
        found = shrunk(number, lambda model: judge(model).kind() == kind, shrink) if shrink else drawn
        print(f"\nseed {number}: {outcome.verdict}\n{outcome.why}\ninputs {found.inputs}\n{found.source}", flush=True)
    return {
        "seed": number,
        "verdict": outcome.verdict,
        "kind": outcome.kind(),
        "parts": dict(outcome.parts),
        "seconds": outcome.seconds,
    }


def _print_table(rows: list[dict]) -> None:
    if not rows:
        print("no models")
        return
    verdicts = Counter(row["verdict"] for row in rows)
    names = ("PASS", "FAIL", "NOT CHECKED", "refused", "error")
    print("\n" + "".join(f"{name:>13}" for name in ("models", *names)))
    print(f"{len(rows):>13}" + "".join(f"{verdicts[name]:>13}" for name in names))
    for part in dict.fromkeys(part for row in rows for part in row["parts"]):
        counts = Counter(row["parts"][part] for row in rows if part in row["parts"])
        print(f"{part:>13}" + "".join(f"{counts[name]:>13}" for name in names[:3]))
    for kind, count in Counter(row["kind"] for row in rows if row["verdict"] in {"refused", "error"}).most_common():
        print(f"{count:>6} x {kind}")
    seconds = sum(row["seconds"] for row in rows[1:])  # the first one loads what the frameworks load late
    if seconds:
        print(f"{60 * (len(rows) - 1) / seconds:.1f} models a minute, written and judged, process start excluded")


if __name__ == "__main__":
    raise SystemExit(main())
