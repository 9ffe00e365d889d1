"""Damage files of every format that people hand to each other, and call every reader on them.

    python benchmarks/fuzzing.py --mutants 1000
    python benchmarks/fuzzing.py --mutants 20000 --formats "golden file;certificate"
    python benchmarks/fuzzing.py --kills 50

Bytes, structure and declared sizes are changed; every reader runs in a child that may take 2 GB of
memory, and 10 s a file. The project's own errors are refusals; whatever else is raised is a traceback. With
--kills jobs are killed before their renames, removals and flushes, and run again. Linux only.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

COLUMNS = ("refused", "read", "traceback", "crash", "hang", "memory", "outside", "wrong weights")


def main() -> int:
    """Print a row for each format; 1 if anything but refusals and readings came of a file."""
    from parity_tests.hostile.formats import FORMATS
    from parity_tests.hostile.kit import write_kit
    from parity_tests.hostile.trials import run_formats

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000, help="of each format")
    parser.add_argument("--heavy", type=int, help="of those whose readers build models or walk through HDF5 files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--formats", help="some of them, separated by semicolons")
    parser.add_argument("--kills", type=int, default=0, help="of each job, instead of damaging files")
    parser.add_argument("--jobs", help="some of those that are killed, separated by semicolons")
    chosen = parser.parse_args()
    if chosen.kills:
        return kill(chosen.kills, chosen.jobs)
    names = [name for name in FORMATS if not chosen.formats or name in chosen.formats.split(";")]
    heavy = chosen.mutants if chosen.heavy is None else chosen.heavy
    counts = {name: heavy if FORMATS[name].is_heavy else chosen.mutants for name in names}
    bad, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        _write_apart(write_kit, Path(folder))
        print(f"{'format':<22} {'mutants':>8}", *(f"{name:>13}" for name in COLUMNS), f"{'s':>7}", flush=True)
        for name, tally in run_formats(counts, Path(folder), chosen.seed, chosen.first):
            found = [tally.outcomes[column] for column in COLUMNS]
            seconds, began = time.monotonic() - began, time.monotonic()
            print(f"{name:<22} {counts[name]:>8}", *(f"{count:>13}" for count in found), f"{seconds:>7.0f}", flush=True)
            for what, number in list(tally.examples.items())[:12]:
                print(f"    mutant {number}: {what}", flush=True)
            bad += sum(found[2:])
    return 1 if bad else 0


def kill(most: int, chosen: str | None) -> int:
    """Print a row for each job that is killed; 1 if a kill left a mixture, or a next run was not clean."""
    from parity_tests.hostile.jobs import JOBS, write_kit
    from parity_tests.hostile.kills import run_job, run_on

    names = [name for name in JOBS if not chosen or name in chosen.split(";")]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        _write_apart(write_kit, Path(folder))
        print(f"{'job':<30} {'kills':>8} {'wrong':>8} {'s':>7}", flush=True)
        rows = [(name, name, run_job) for name in names]
        rows += [(f"{name}, time after time", name, run_on) for name in names if JOBS[name].goes_on]
        for title, name, run in rows:
            began = time.monotonic()
            count, wrong = run(name, Path(folder), most)
            print(f"{title:<30} {count:>8} {len(wrong):>8} {time.monotonic() - began:>7.0f}", flush=True)
            for line in wrong[:5]:
                print(f"    {line}", flush=True)
            bad += len(wrong)
    return 1 if bad else 0


def _write_apart(write, folder: Path) -> None:
    """Write in a process of its own, of one that has imported all: what has run TensorFlow cannot be forked."""
    import h5py  # noqa: F401
    import torch  # noqa: F401

    from porting.port import side

    side.prepare()
    child = os.fork()
    if not child:
        status = 1
        try:
            write(folder)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the good files cannot be written")


if __name__ == "__main__":
    sys.exit(main())
