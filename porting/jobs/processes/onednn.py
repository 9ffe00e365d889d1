"""Judge float32 with TensorFlow's oneDNN the other way, which is settled as it is imported: in a process of its own."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from porting.errors import first_line
from porting.pairs.finding import find_pair
from porting.pairs.pair import ModelPair, Sizes
from porting.port import onednn
from porting.port import side as keras_side
from porting.port.files import read_port
from porting.proof.comparison import compare
from porting.proof.inner import rows_to_judge
from porting.proof.judgement import judge_deployed
from porting.proof.port_runs import narrow_run
from porting.records.runs import ReferenceRun
from porting.records.verdict import LayerParity, ParityReport, Part
from porting.statuses import overall

SAMPLES = 16
"""Samples of the probe that the port runs on there, at most."""

_COMMAND = "import sys; sys.path[:] = {path!r}; from porting.jobs.processes.onednn import answer; answer({folder!r})"
_JOB, _ANSWER = "job.pickle", "answer.pickle"
_ASKED = "judge"
_WORDS = {False: "oneDNN off", True: "oneDNN on"}


@dataclass(frozen=True, slots=True)
class Job:
    """What the other process is asked: a port's file, the pair or its name, and what the reference did."""

    pair: ModelPair | str
    port: Path
    sizes: Sizes
    reference: ReferenceRun


class OtherSetting:
    """The other setting of oneDNN, judged meanwhile; nothing where nobody would use it.

    Its process imports the frameworks while this one does, and is asked when there is something to judge. Whoever
    has set ``TF_ENABLE_ONEDNN_OPTS`` has chosen, and is told of that setting alone.
    """

    def __init__(self) -> None:
        self._is_on: bool | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._why_not = ""
        self._is_asked = False

    def __enter__(self) -> "OtherSetting":
        expected = onednn.expected()
        if expected is not None and not onednn.is_chosen():
            self._start(expected)
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
        if self._folder:
            self._folder.cleanup()
        self._is_on = self._folder = self._process = None
        self._why_not = ""

    def _start(self, is_on: bool) -> None:
        """Start a process whose TensorFlow computes otherwise than this one's."""
        self._is_on, self._folder = is_on, TemporaryDirectory()
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _COMMAND.format(path=sys.path, folder=self._folder.name)],
            env=os.environ | {onednn.VARIABLE: str(int(not is_on)), "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def ask(self, pair: ModelPair, named: str | None, port: Path, sizes: Sizes, reference: ReferenceRun) -> None:
        """Have a port judged; `named` is what finds the pair again in another process."""
        is_on = None if onednn.is_chosen() else onednn.is_on()
        if is_on != self._is_on or self._is_asked:  # the frameworks came otherwise than expected, or it has ended
            self._stop()
            if is_on is not None:
                self._start(is_on)
        if self._process is None or self._folder is None:
            return
        self._is_asked = True
        try:
            job = pickle.dumps(Job(named or pair, port.absolute(), sizes, reference.rows(SAMPLES)))
        except (pickle.PicklingError, AttributeError, TypeError):
            self._why_not = "another process cannot be handed this pair; give it by its name, module:NAME"
            self._process.kill()
            return
        Path(self._folder.name, _JOB).write_bytes(job)
        with suppress(BrokenPipeError):  # it has ended, and says why
            print(_ASKED, file=self._process.stdin, flush=True)

    def judged(self, report: ParityReport) -> ParityReport:
        """The report, deployed with either setting; where there is no other, as it is."""
        if self._folder is None or self._is_on is None:
            return report
        ours = [f"{_WORDS[self._is_on]}: {line}" for line in report.deployed.lines]
        answered, name = self._answer(), _WORDS[not self._is_on]
        if answered is None:
            lines = (*ours, f"{name}: not run: {self._why_not}")
            return replace(report, deployed=Part(report.deployed.status, lines))
        rows, why_not_explained = answered
        judged = list(rows_to_judge(rows, (*report.layers, *report.outputs), report.only_inside))
        other = judge_deployed(judged, why_not_explained=why_not_explained)
        lines = (*ours, *(f"{name}: {line}" for line in other.lines))
        return replace(report, deployed=Part(overall((report.deployed.status, other.status)), lines))

    def _answer(self) -> tuple[Sequence[LayerParity], str] | None:
        if self._process is None or self._folder is None or self._why_not:
            return None
        _, said = self._process.communicate()
        written = Path(self._folder.name, _ANSWER)
        if self._process.returncode == 0 and written.is_file():
            return pickle.loads(written.read_bytes())  # noqa: S301 - from a folder that nobody else may write to
        lines = [line for line in said.splitlines() if line.strip()]
        self._why_not = lines[-1] if lines else f"the process ended with status {self._process.returncode}"
        return None


def answer(folder: str) -> None:
    """Run what a job says, in the setting that this process was started with, and write what float32 came to."""
    try:
        keras_side.prepare()
        if sys.stdin.readline().strip() != _ASKED:
            return
        job: Any = pickle.loads(Path(folder, _JOB).read_bytes())  # noqa: S301 - as above
        pair = find_pair(job.pair)
        with keras_side.precision("float32"):
            model = read_port(job.port, pair, job.sizes, lambda: job.reference.probe)
            run = narrow_run(pair, model, job.reference)
        rows = compare(pair, job.reference, run).rows()
        Path(folder, _ANSWER).write_bytes(pickle.dumps((rows, job.reference.why_not_explained)))
    except Exception as error:  # pairs and backends raise what they like
        sys.exit(first_line(error))
