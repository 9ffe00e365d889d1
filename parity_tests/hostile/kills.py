"""Kill jobs at every step that changes what is on the disk: old results or new ones, never a mixture, and a next run.

Each job runs in a child of a process that has imported everything, and is killed before one of its renames, removals or
flushes, or at a line of the project's code between the first of them and the last.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from parity_tests.hostile.jobs import JOBS, Job
from parity_tests.hostile.trials import MEMORY

STEPS = ("replace", "rename", "fsync", "fdatasync", "unlink", "remove", "rmdir", "mkdir", "link")

_ROOMS = tuple(f"{Path(__file__).parents[2]}/{name}/" for name in ("porting", "finta", "tractography"))


@dataclass(frozen=True)
class Moment:
    """When a job is killed: before its n-th step, or at its n-th line; never at 0."""

    step: int = 0
    line: int = 0


@dataclass(frozen=True)
class Course:
    """An undisturbed run: how many steps it has, and at which lines the first and the last of them are."""

    steps: int
    first: int
    last: int

    def moments(self, most: int) -> list[Moment]:
        """Before each step; then at lines, half of them between steps and half anywhere; so many, spread evenly."""
        steps = sorted({round(step) for step in np.linspace(1, self.steps, min(most, self.steps))})
        left = most - len(steps)
        between = {round(line) for line in np.linspace(self.first, self.last, left // 2 + 2)[1:-1]}
        spread = [round(line) for line in np.linspace(1, self.last, 2 * left + 2)[1:-1]]
        others = [line for line in spread[::2] + spread[1::2] if line not in between][: left - len(between)]
        lines = sorted({*between, *others})
        return [*(Moment(step=step) for step in steps), *(Moment(line=line) for line in lines)]


@dataclass(frozen=True)
class Known:
    """What there is to see before a job and after it, and its course."""

    old: object
    new: object
    course: Course


@dataclass(frozen=True)
class Ground:
    """Where a job runs: always at the same place, since results say where things lie."""

    kit: Path
    folder: Path

    def fresh(self) -> Path:
        """The folder with the files that the job begins with, and nothing else."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kit, self.folder)
        return self.folder


def run_job(name: str, kit: Path, most: int) -> tuple[int, list[str]]:
    """Kill a job at so many moments and look each time; how many kills there were, and what went wrong."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        ground = Ground(kit, Path(scratch) / "kit")
        known = _undisturbed(name, ground)
        told = [_killed(name, ground, moment, known) for moment in known.course.moments(most)]
    kills = [line for line in told if line is not None]
    return len(kills), [line for line in kills if line]


def run_on(name: str, kit: Path, most: int) -> tuple[int, list[str]]:
    """Kill a job that goes on time after time until it is done, and again, until there were so many kills."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        ground = Ground(kit, Path(scratch) / "kit")
        known = _undisturbed(name, ground)
        between = known.course.first, known.course.last
        lines, left = np.random.default_rng(1).integers(*between, 100 * most).tolist(), most
        wrong = []
        while left:
            count, found = _killed_until_done(name, ground, lines, left)
            left -= count
            if found != known.new:
                wrong.append(f"after {count} kills: {_difference(found, known.new)}")
        return most, wrong


def _killed_until_done(name: str, ground: Ground, lines: list[int], most: int) -> tuple[int, object]:
    """Begin a job and go on with it; how many kills there were, and what there is to see then."""
    folder, kills = ground.fresh(), 0
    try:
        while _is_killed(JOBS[name], folder, Moment(line=lines.pop() if kills < most else 0)):
            kills += 1
        return kills, _ask(lambda: JOBS[name].look(folder))
    except (KilledError, RuntimeError) as error:
        return max(kills, 1), str(error)


def _undisturbed(name: str, ground: Ground) -> Known:
    """Run a job to its end, and import here what it imported, which each of its children would take its time for."""
    job, folder = JOBS[name], ground.fresh()
    old = _ask(lambda: job.look(folder))
    for module in _ask(lambda: (_run(job, folder, Moment()), sorted(sys.modules))[1]):
        with suppress(Exception):
            importlib.import_module(module)
    new = _ask(lambda: job.look(folder))
    folder = ground.fresh()  # the lines of modules that were imported are not run again
    return Known(old, new, Course(*_ask(lambda: _run(job, folder, Moment()))))


def _killed(name: str, ground: Ground, moment: Moment, known: Known) -> str | None:
    """Kill a job at a moment, look, and run it again; what is wrong then, or None where it was done before."""
    job, folder = JOBS[name], ground.fresh()

    def look_and_go_on() -> list[object]:
        found = job.look(folder)
        _draw_nothing()
        job.run(folder)
        return [found, job.look(folder)]

    try:
        if not _is_killed(job, folder, moment):
            return f"{moment}: it was not killed" if moment.step else None
        found, after = _ask(look_and_go_on)
    except (KilledError, RuntimeError) as error:
        return f"{moment}: {error}"
    if found not in (known.old, known.new):
        return f"{moment}: neither old nor new: {found}"
    return f"{moment}: the next run gives {_difference(after, known.new)}" if after != known.new else ""


def _is_killed(job: Job, folder: Path, moment: Moment) -> bool:
    try:
        _ask(lambda: _run(job, folder, moment))
    except KilledError:
        return True
    return False


def _difference(found: object, new: object) -> object:
    if isinstance(found, dict) and isinstance(new, dict):
        return sorted(name for name in {*found, *new} if found.get(name) != new.get(name))
    return found


class KilledError(Exception):
    """The child was killed."""


def _ask(question: Callable[[], Any]) -> Any:
    """Answer in a child, as JSON."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(ours)
            warnings.simplefilter("ignore")
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            answer = json.dumps({"answer": question()})
        except BaseException:
            answer = json.dumps({"error": traceback.format_exc()[-600:]})
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(answer.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
        raise KilledError
    held = json.loads(answer)
    if "error" in held:
        raise RuntimeError(held["error"])
    return held["answer"]


def _run(job: Job, folder: Path, moment: Moment) -> tuple[int, int, int]:
    """Run a job and be killed at a moment; how many steps it had, and at which lines the first and last were."""
    steps, line = [], [0]

    def stepping(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            steps.append(line[0])
            if len(steps) == moment.step:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **keywords)

        return call

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if event == "call":
            return trace if frame.f_code.co_filename.startswith(_ROOMS) else None
        line[0] += event == "line"
        if line[0] == moment.line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    for name in STEPS:
        setattr(os, name, stepping(getattr(os, name)))
    if not moment.step:
        sys.settrace(trace)
    _draw_nothing()
    job.run(folder)
    sys.settrace(None)
    return len(steps), steps[0], steps[-1]


def _draw_nothing() -> None:
    """Have pictures written empty: they take longer than all else."""
    from matplotlib.figure import Figure

    save: Any = Figure.savefig
    Figure.savefig = lambda self, *arguments, **keywords: save(Figure((1, 1)), *arguments, **keywords)
