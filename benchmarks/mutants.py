"""What the verifier makes of written ports that were damaged: ``python -m benchmarks.mutants --mutants 1000 --seed 0``.

Models are small ones of many kinds and FINTA; with ``--drawn COUNT`` as many that `parity_tests/generated` draws
instead, with ``--public`` those of the census instead (in an environment of their own, ``pip install '.[public]'``).
Ports are written by `porting.write`, then their source or their weights are changed by a table of operators. A mutant
that changes no output, no gradient and nothing of training is equivalent, and counted apart; all others must FAIL, at
the changed line's layer or segment, with a name that fits, and with the line of the written file. Beside it, what
other checks accept of the same ports: the usual comparisons of float32 outputs. With ``--json FILE`` each mutant is a
line of that file, and a run that was stopped goes on. Exits with 1 where a fault was missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ground.machine import name_machine, prepare_frameworks

CHECKS = ("allclose 1e-3", "allclose 1e-4", "allclose 1e-5", "torch.testing.assert_close", "keras-hub's converters")
COLUMNS = ("mutants", "equivalent", "FAIL", "located", "line", "named", "misnamed", "missed")


TOGETHER = 10
"""How many drawn models one process judges."""


def names_of(options: argparse.Namespace) -> list[str]:
    """Names of all models whose ports are damaged: ``drawn 7`` is that of seed 7."""
    if options.names:
        return options.names
    if options.drawn:
        return [f"drawn {options.first + number}" for number in range(options.drawn)]
    if options.public:
        from benchmarks.public.census import CENSUS

        return [f"public {name}" for name in CENSUS]
    from parity_tests.mutated.models import MODELS

    return [*MODELS, "FINTA"]


def model_of(name: str, folder: Path) -> tuple[Callable[[], Any], tuple[str, ...] | Path]:
    """What builds a model, and its inputs; a folder for what must lie in files."""
    import numpy as np

    group, _, which = name.partition(" ")
    if group == "drawn":
        from parity_tests.generated.loading import imported
        from parity_tests.generated.models import drawn_model

        drawn = drawn_model(int(which))
        return getattr(imported(drawn.source, folder), drawn.name), drawn.inputs
    if group == "public":
        from benchmarks.public.census import CENSUS

        np.savez(folder / "inputs.npz", *[tensor.numpy() for tensor in CENSUS[which].inputs()])
        return CENSUS[which].build, folder / "inputs.npz"
    if group == "FINTA":
        from reference_torch.autoencoder import Autoencoder

        return Autoencoder, ("3,256",)
    from parity_tests.mutated.models import MODELS

    return MODELS[name].build, MODELS[name].inputs


def judge(name: str, count: int, seed: int, operator: str | None) -> Iterator[dict]:
    """Write one model's port and judge its mutants; the first record is of the right one, which must PASS."""
    from parity_tests.mutated.others import accepted_by
    from parity_tests.mutated.running import judged_mutants
    from parity_tests.mutated.written import write
    from porting import PortingError

    with tempfile.TemporaryDirectory() as folder:
        try:
            written = write(name, *model_of(name, Path(folder)), Path(folder))
        except PortingError as error:
            yield {"model": name, "operator": "", "outcome": "refused", "said": str(error).splitlines(), "accepted": []}
            return
        accepted = accepted_by(written.outputs, [port for _, port in written.report.evidence.outputs.values()])
        yield {"model": name, "operator": "", "outcome": written.report.verdict.value, "accepted": accepted}
        if written.report.verdict.value != "PASS":
            return
        for record in judged_mutants(written, count, seed, operator):
            yield asdict(record)


def options_of() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="MODEL", help="all if none is given")
    parser.add_argument("--mutants", type=int, default=200, help="to be judged, of all models together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drawn", type=int, default=0, metavar="COUNT", help="so many drawn models instead")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="of the first drawn model")
    parser.add_argument("--public", action="store_true", help="the models of benchmarks.public.census instead")
    parser.add_argument("--operator", help="one of the operators alone")
    parser.add_argument("--json", type=Path, help="a file for the records, a line each; models in it are done")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Judge mutants of each model in a process of its own, and print the table."""
    options = options_of()
    if options.one:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        prepare_frameworks()
        for name in options.names:
            for record in judge(name, options.mutants, options.seed, options.operator):
                print(json.dumps(record), flush=True)
        return 0
    print(name_machine(), flush=True)
    began, names = time.monotonic(), names_of(options)
    records = _held(options.json)
    done = {record["model"] for record in records if record.get("seed", options.seed) == options.seed}
    each, left = -(-options.mutants // len(names)), [name for name in names if name not in done]
    together = TOGETHER if options.drawn else 1
    for start in range(0, len(left), together):
        for record in _judged_apart(left[start : start + together], each, options):
            records.append({**record, "seed": options.seed})
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps(records[-1]) + "\n")
            if note := _note(record):
                print(note, flush=True)
    print_table(records)
    print_others(records)
    judged = [
        record for record in records if record["operator"] and record["outcome"] in ("PASS", "FAIL", "NOT CHECKED")
    ]
    seconds = sum(record["seconds"] for record in judged)
    a_minute = 60 * len(judged) / (seconds or 1)
    print(f"{len(judged)} verdicts, {a_minute:.1f} a minute; {time.monotonic() - began:.0f} s in all")
    return 1 if any(map(is_missed, records)) else 0


def _held(file: Path | None) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file and file.exists() else []


def _judged_apart(names: Sequence[str], count: int, options: argparse.Namespace) -> Iterator[dict]:
    command = [sys.executable, "-m", "benchmarks.mutants", *names, "--one", "--mutants", str(count)]
    command += ["--seed", str(options.seed), *(["--operator", options.operator] if options.operator else [])]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.startswith("{"):
                yield json.loads(line)
    if process.returncode:
        print(f"{', '.join(names)}: the process ended with status {process.returncode}", flush=True)


def is_wrong(record: dict) -> bool:
    """Whether a mutant must fail."""
    return bool(record["operator"]) and record["outcome"] in ("PASS", "FAIL", "NOT CHECKED") and bool(record["differs"])


def is_missed(record: dict) -> bool:
    """Whether a mutant that must fail does not."""
    return is_wrong(record) and record["outcome"] != "FAIL"


def is_equivalent(record: dict) -> bool:
    """Whether a mutant is no other model."""
    return bool(record["operator"]) and record["outcome"] in ("PASS", "FAIL", "NOT CHECKED") and not record["differs"]


def _note(record: dict) -> str:
    """A line on what went wrong; empty where nothing did."""
    if not record["operator"]:
        return "" if record["outcome"] == "PASS" else f"{record['model']}: the right port: {record['outcome']}"
    wrong = []
    if record["outcome"] == "error":
        wrong = ["ERROR"]
    elif is_equivalent(record):
        wrong = ["FALSE ALARM"] if record["outcome"] == "FAIL" else []
    elif is_missed(record):
        wrong = ["MISSED"]
    elif is_wrong(record):
        wrong = [
            word
            for word, well in (
                ("NOT LOCATED", record["located"]),
                ("NO LINE", record["line"]),
                ("NOT NAMED", record["named"]),
                ("MISNAMED", not record["misnamed"]),
            )
            if not well
        ]
    said = " / ".join(record["said"][:4])[:600]
    return f"{', '.join(wrong)}: {record['model']}: {record['operator']}: {record['diff']} | {said}" if wrong else ""


def print_table(records: Sequence[dict]) -> None:
    """Print one line for each operator, and one for all."""
    mutants = [record for record in records if record["operator"]]
    print(f"\n{'':<36}" + "".join(f"{word:>12}" for word in COLUMNS))
    for name in (*sorted({record["operator"] for record in mutants}), "all"):
        chosen = [record for record in mutants if name in (record["operator"], "all")]
        wrong = [record for record in chosen if is_wrong(record)]
        failed = [record for record in wrong if record["outcome"] == "FAIL"]
        cells = [len(wrong), sum(map(is_equivalent, chosen)), len(failed)]
        cells += [sum(record[word] for record in failed) for word in ("located", "line", "named", "misnamed")]
        print(f"{name:<36}" + "".join(f"{cell:>12}" for cell in (*cells, len(wrong) - len(failed))))
    counts = {word: sum(record["outcome"] == word for record in mutants) for word in ("unbuilt", "refused", "error")}
    print(
        f"besides: {counts['unbuilt']} that Keras does not build, {counts['refused']} that are refused by one message "
        f"as no tensor fits, {counts['error']} with an error of another kind"
    )


def print_others(records: Sequence[dict]) -> None:
    """Print what other checks make of the same ports."""
    right = [record for record in records if not record["operator"] and record["outcome"] != "refused"]
    right += [record for record in records if is_equivalent(record)]
    wrong = [record for record in records if is_wrong(record)]
    deployed = [record for record in wrong if record["differs"] == "outputs"]
    print(f"\n{'':<36}{'accepted of':>16}{'of these':>16}{'rejected of':>16}")
    print(f"{'':<36}{f'{len(wrong)} wrong':>16}{f'{len(deployed)} outputs':>16}{f'{len(right)} right':>16}")
    for check in CHECKS:
        cells = [sum(check in record["accepted"] for record in chosen) for chosen in (wrong, deployed)]
        print(f"{check:<36}{cells[0]:>16}{cells[1]:>16}{sum(check not in record['accepted'] for record in right):>16}")
    cells = [sum(record["outcome"] == "PASS" for record in chosen) for chosen in (wrong, deployed)]
    rejected = sum(record["outcome"] == "FAIL" for record in right)
    print(f"{'porting':<36}{cells[0]:>16}{cells[1]:>16}{rejected:>16}")


if __name__ == "__main__":
    sys.exit(main())
