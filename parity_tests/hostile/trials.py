"""Call readers on damaged files, in a child with limits on memory and time, and count what comes of it."""

import gc
import json
import os
import random
import resource
import select
import shutil
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from finta.errors import FintaError
from parity_tests.hostile.formats import FORMATS, Format
from parity_tests.hostile.mutations import change_bytes
from parity_tests.hostile.readers import WrongWeightsError
from porting.errors import PortingError
from tractography.errors import TractographyError

OWN = (PortingError, FintaError, TractographyError)
"""What a reader may raise."""

SECONDS, BYTES = 10, 2 << 30
"""More than these, and a file has done harm."""


MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
"""Where files are written anew a thousand times: a disk would be waited for each time."""


@dataclass
class Tally:
    """What came of the mutants of one format.

    Attributes
    ----------
    outcomes : Counter
        refused, read, traceback, crash, hang, memory, outside or wrong weights -> how many.
    examples : dict
        What went wrong, in a few words -> the number of a mutant.
    """

    outcomes: Counter = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, outcome: str, what: str) -> None:
        """Count a mutant."""
        self.outcomes[outcome] += 1
        if outcome not in ("refused", "read"):
            self.examples.setdefault(f"{outcome}: {what}", number)


def mutant(name: str, good: bytes, seed: int, number: int) -> bytes:
    """A damaged file; the same for the same numbers."""
    draw = random.Random(f"{name} {seed} {number}")  # noqa: S311
    try:
        return FORMATS[name].change(good, draw)
    except Exception:  # what was changed first does not let itself be changed again
        return change_bytes(good, draw)


def run_formats(counts: Mapping[str, int], kit: Path, seed: int = 0, first: int = 0) -> Iterator[tuple[str, Tally]]:
    """Damage the good file of each format so many times, and call its readers on each; one format after the other.

    All are read by one child, which is replaced where it dies or hangs: what a reader imports is imported once.
    """
    todo = [(name, number) for name, count in counts.items() for number in range(first, first + count)]
    done = 0
    tally = Tally()
    while done < len(todo):
        for outcome, what in _run_child(todo[done:], kit, seed):
            name, number = todo[done]
            tally.add(number, outcome, what)
            done += 1
            if done == len(todo) or todo[done][0] != name:
                yield name, tally
                tally = Tally()


def _run_child(todo: Sequence[tuple[str, int]], kit: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Have a child work until it is done, dies or hangs; what came of each mutant, that of its end included."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        shutil.copytree(kit, f"{scratch}/kit")
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            os.close(ours)
            _work(todo, Path(scratch), seed, theirs)
        os.close(theirs)
        done, buffer = 0, b""
        try:
            while done < len(todo):
                if not _answers(ours, child):
                    yield "hang", f"over {SECONDS} s"
                    return
                if not (read := os.read(ours, 1 << 16)):
                    _, status = os.waitpid(child, 0)
                    child = 0
                    yield "crash", f"by signal {os.waitstatus_to_exitcode(status)}"
                    return
                *lines, buffer = (buffer + read).split(b"\n")
                for line in lines:
                    yield tuple(json.loads(line))
                    done += 1
        finally:
            os.close(ours)
            if child:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def _answers(pipe: int, child: int) -> bool:
    """Whether a child reports before it has computed for so long, however much others compute meanwhile."""
    began = _processor_seconds(child)
    for _ in range(20):
        if select.select([pipe], [], [], SECONDS)[0]:
            return True
        if _processor_seconds(child) - began > SECONDS:
            return False
    return False


def _processor_seconds(child: int) -> float:
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _work(todo: Sequence[tuple[str, int]], scratch: Path, seed: int, report: int) -> None:
    """Read one mutant after the other and report each; never returns."""
    try:
        warnings.simplefilter("ignore")
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.chdir(scratch)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + 3 * BYTES,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name, mutants in groupby(todo, itemgetter(0)):
            path = scratch / "kit" / FORMATS[name].file
            good = path.read_bytes()
            FORMATS[name].read(path)  # what is refused as it is tries nothing
            around = _around(scratch, path)
            for _, number in mutants:
                path.write_bytes(mutant(name, good, seed, number))
                outcome = _outcome(FORMATS[name], path)
                if _around(scratch, path) != around:
                    outcome = ("outside", "files beside it were changed")
                    around = _around(scratch, path)
                os.write(report, json.dumps(outcome).encode() + b"\n")
            path.write_bytes(good)
        gc.collect()
    finally:
        os._exit(0)


def _around(scratch: Path, path: Path) -> dict[str, tuple[int, int]]:
    """All files but the mutant: their sizes and times."""
    found = {}
    for folder, _, names in os.walk(scratch):
        for name in names:
            held = os.stat(f"{folder}/{name}")
            found[f"{folder}/{name}"] = (held.st_size, held.st_mtime_ns)
    found.pop(str(path), None)
    return found


def _outcome(held: Format, path: Path) -> tuple[str, str]:
    _forget_peak()
    try:
        held.read(path)
        outcome = ("read", "")
    except OWN:
        outcome = ("refused", "")
    except WrongWeightsError as error:
        outcome = ("wrong weights", str(error))
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = next((f for f in reversed(frames) if "/porting/" in f.filename or "/finta/" in f.filename
                      or "/tractography/" in f.filename), frames[-1])  # fmt: skip
        outcome = ("traceback", f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"[:160])
    return ("memory", f"over {BYTES >> 30} GB") if _peak() > BYTES else outcome


_BEFORE = [0]


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")
    _BEFORE[0] = _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM") - _BEFORE[0]


def _status(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))
