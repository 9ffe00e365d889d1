"""One mutant, from its making to what the verdict says of it."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from parity_tests.mutated.changes.places import Exchanged
from parity_tests.mutated.changes.sources import Source
from parity_tests.mutated.changes.weight_operators import Arrays
from parity_tests.mutated.equivalence import behaviour_of
from parity_tests.mutated.graphs import Graph, graph_of, lines_of, lines_that_use, without_number
from parity_tests.mutated.others import accepted_by
from parity_tests.mutated.written import Written
from porting import ParityReport, PortingError, Status


@dataclass
class Record:
    """What became of one mutant.

    Attributes
    ----------
    outcome : str
        "refused" with a message of the tool's own before anything is compared, "error" with another, "equivalent",
        else the verdict.
    differs : str
        What of it is another: outputs, gradients, training; empty where nothing is.
    located, line, named, misnamed : bool
    said : list of str
        What the report says of it.
    accepted : list of str
        Other checks that accept it.
    """

    model: str
    operator: str
    diff: str
    outcome: str = ""
    differs: str = ""
    located: bool = False
    line: bool = False
    named: bool = False
    misnamed: bool = False
    said: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether it must fail."""
        return self.outcome not in ("refused", "error", "unbuilt") and bool(self.differs)


@dataclass(frozen=True)
class Truth:
    """Where a fault is: at which places it can show, which layers it is at, and which lines of the source it is in.

    `is_left_out` where these lines make nothing any more: the lines between which it was are the place then.
    """

    places: set[tuple[str, str]]
    layers: set[str]
    lines: set[int]
    is_left_out: bool = False


def judge_source(written: Written, operator: Any, exchanged: Exchanged) -> Record:
    """Judge a port with a fault in its source."""
    text = written.right.with_texts(*exchanged)
    record = Record(written.name, operator.name, _diff(written.right, exchanged))
    file = written.folder / "mutant.py"
    file.write_text(text, encoding="utf-8")
    began = time.perf_counter()
    try:
        graph = graph_of(file)
    except Exception as error:  # Keras raises what it likes
        record.outcome, record.said = "unbuilt", [f"{type(error).__name__}: {str(error)[:100]}"]
        return record
    pair = written.pair_with(file)
    try:
        pair, converted = written.converted(pair, written.folder / "mutant")
        report = written.judged(pair, converted)
    except PortingError as error:
        record.outcome, record.said = "refused", str(error).splitlines()
        record.seconds = time.perf_counter() - began
        return record
    except Exception as error:
        record.outcome, record.said = "error", [f"{type(error).__name__}: {str(error)[:300]}"]
        return record
    record.seconds = time.perf_counter() - began
    _compare(record, written, converted, report)
    _hold_against(record, report, _truth(written, Source(text), exchanged, graph), operator.words)
    return record


def _diff(right: Source, exchanged: Exchanged) -> str:
    statement = right.statement(exchanged[0][0])
    changes = "; ".join(f"{_short(right.segment(node))} -> {_short(text)}" for node, text in exchanged)
    return f"line {statement.lineno}: {changes}"


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:120]


def _truth(written: Written, mutant: Source, exchanged: Exchanged, graph: Graph) -> Truth:
    """By the calls that the statement makes in the right port, and those that it makes in the mutant."""
    node = exchanged[0][0]
    lines = set().union(*(lines_of(written.right, each) for each, _ in exchanged))
    grown = len(mutant.text.splitlines()) - len(written.right.text.splitlines())
    in_mutant = set(range(min(lines), max(lines) + grown + 1))
    right = written.graph
    calls, calls_right = graph.at(in_mutant), right.at(lines)
    if not calls and not calls_right:
        used = lines_that_use(written.right, node)
        in_mutant |= {line + grown for line in used}
        calls, calls_right = graph.at(in_mutant), right.at(used)
    places = graph.shows(calls) | right.shows(calls_right)
    layers = graph.behind(calls) | right.behind(calls_right) | {graph.made[number].name for number in calls}
    return Truth(places, layers, in_mutant, is_left_out=not calls)


def judge_weights(written: Written, operator: Any, spoiled: Arrays) -> Record:
    """Judge a right port with other weights."""
    record = Record(written.name, operator.name, ", ".join(spoiled))
    model = keras.saving.load_model(written.folder / "port.keras", compile=False)
    for variable in model.weights:
        if variable.path in spoiled:
            variable.assign(spoiled[variable.path])
    file = written.folder / "spoiled.keras"
    model.save(file)
    began = time.perf_counter()
    try:
        report = written.judged(written.pair, file)
    except PortingError as error:
        record.outcome, record.said = "refused", str(error).splitlines()
        return record
    record.seconds = time.perf_counter() - began
    _compare(record, written, file, report)
    layers = {path.split("/")[0] for path in spoiled}
    plain = {*layers, *map(without_number, layers)}
    made = written.graph.made.items()
    calls = [number for number, held in made if held.name in layers or held.inner & plain]
    lines = {number: set(written.graph.made[number].lines) for number in calls}
    places = {("inside", layer) for layer in layers} | {("between", layer) for layer in layers}
    places |= written.graph.shows(calls)
    _hold_against(record, report, Truth(places, layers, set().union(*lines.values())), operator.words)
    return record


def _compare(record: Record, written: Written, file: Path, report: ParityReport) -> None:
    """Whether it is another model at all, and which other checks accept it."""
    found = [port for _, port in report.evidence.outputs.values()]
    right = [port for _, port in written.report.evidence.outputs.values()]
    plainly = any(
        ours.shape != theirs.shape
        or not np.allclose(ours, theirs, rtol=0, atol=0.01 * np.abs(ours).max(), equal_nan=True)
        for ours, theirs in zip(right, found, strict=True)
    )
    record.differs = "outputs" if plainly else written.behaviour.differs(behaviour_of(file, written.inputs))
    record.accepted = accepted_by(written.outputs, found)


def _hold_against(record: Record, report: ParityReport, truth: Truth, words: str) -> None:
    record.outcome = report.verdict.value
    record.said = [*_said(report)]
    if report.verdict is not Status.FAIL:
        return
    places = [_place(held, report) for held in report.divergences]
    told = _told(report)
    partners = {pair.reference: pair.port for pair in report.plan.pairs}
    layers = truth.layers | {name for name, port in partners.items() if port.split("/")[0] in truth.layers}
    at_layers = any(re.search(rf"\b{re.escape(without_number(name))}", line) for name in layers for line in told)
    plain = [(where, without_number(name)) for where, name in places]
    record.located = all(set(both) & truth.places for both in zip(places, plain, strict=True)) if places else at_layers
    record.line = bool(_lines(report, truth.is_left_out) & truth.lines)
    causes = [[f"{cause.name}: {cause.detail}" for cause in held.causes] for held in report.divergences]
    everything = [*(cause for held in causes for cause in held), *told]
    record.named = any(re.search(words, line) for line in everything)
    alone = [held[0] for held in causes if len(held) == 1 and not held[0].startswith("weights of unknown origin")]
    record.misnamed = (
        bool(alone)
        and not any(re.search(words, line) for line in alone)
        and not any(re.search(words, line) for line in told)
    )


def _place(held: Any, report: ParityReport) -> tuple[str, str]:
    """Where the verdict sees a divergence, by the port's layer or the number of the output."""
    names = [output.reference for output in report.outputs]
    if held.where == "between" and held.port in names and held.port not in {row.port for row in report.layers}:
        return "between", f"output {names.index(held.port)}"
    return held.where, held.port.partition(" (call ")[0].split("/")[0]


def _told(report: ParityReport) -> list[str]:
    """Lines on settings, and on what shows in training alone."""
    wanted = re.compile(r"^setting differs|drawn otherwise|gradient of|after a step|trains|no rule knows")
    return [line for part in report.parts.values() for line in part.lines if wanted.search(line)]


def _said(report: ParityReport) -> list[str]:
    parts = [name for name, part in report.parts.items() if part.status is Status.FAIL]
    said = [f"FAIL in {', '.join(parts)}"] if parts else []
    for held in report.divergences:
        causes = "; ".join(f"{cause.name}: {cause.detail}" for cause in held.causes) or held.untried or "no cause"
        where = report.source.place_of(held) if report.source else ""
        said.append(f"{held.where} {held.port} ({held.error:.0e}, {held.seen_on}) [{where}]: {causes}")
    return said + _told(report)


def _lines(report: ParityReport, is_left_out: bool) -> set[int]:
    """Every line of the port's source that the report names; of what is left out, those between them as well."""
    texts = [report.source.place_of(held) for held in report.divergences] if report.source else []
    texts += _told(report)
    found: set[int] = set()
    for text in texts:
        here, _, between = text.partition("between ")
        named = _numbers(here if "mutant.py" in here or "port.py" in here else "") | _numbers(between)
        found |= set(range(min(named), max(named) + 1)) if named and is_left_out else named
    return found


def _numbers(text: str) -> set[int]:
    """Numbers of lines behind a file's name, those of a range all."""
    found: set[int] = set()
    for named in re.findall(r"\.py:((?:[\d\-, ;]|called at line)+)", text):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", named):
            found |= set(range(int(first), int(last or first) + 1))
    return found
