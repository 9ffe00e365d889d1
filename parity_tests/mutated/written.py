"""Ports that are written for mutants: the pair, the proof of the right one, and what all of its mutants share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

import porting
from parity_tests.mutated.changes.sources import Source
from parity_tests.mutated.equivalence import Behaviour, behaviour_of, random_inputs
from parity_tests.mutated.graphs import Graph, graph_of
from porting import ModelPair, ParityReport, Probe
from porting.causes.find import explainer
from porting.jobs.filling import write_formats
from porting.jobs.splitting import with_found_splits
from porting.jobs.verification import hash_as_torch_reads, judge_files
from porting.proof.inputs import draw_for
from porting.proof.runs import load_reference, reference_inputs, run_reference
from porting.records.runs import ReferenceRun
from porting.reference import runs as torch_runs
from porting.reference.files import Checkpoint, read_checkpoint
from porting.reference.side import in_precision
from porting.rules.unit_axes import output_to_port
from porting.writing.examples import Example, drawn_example, read_example
from porting.writing.trained import randomise, settle

PATIENCE = 2.0
"""Seconds of the processor's time to search for the causes of one mutant's faults."""


@dataclass(frozen=True)
class Written:
    """A port that was written, with runs of its reference that all of its mutants are judged by.

    Attributes
    ----------
    name : str
    folder : Path
        Holds the port's source, the checkpoint, and what it is converted to.
    report : ParityReport
        The verdict on the right port.
    runs : dict
        What a pair splits, joins and opens -> the reference's run: a mutant may be told of as another pair.
    """

    name: str
    folder: Path
    pair: ModelPair
    report: ParityReport
    model: Any
    source: Checkpoint
    sizes: Any
    probe: Probe
    right: Source
    runs: dict[str, ReferenceRun] = field(default_factory=dict)

    def run(self, pair: ModelPair) -> ReferenceRun:
        """The reference's run for a pair."""
        key = repr((pair.splits, pair.joins, pair.opens, pair.unrolled))
        if key not in self.runs:
            in_precision(self.model, "float32")
            self.runs[key] = run_reference(pair, self.model, self.probe, hash_as_torch_reads(self.source))
        return self.runs[key]

    @cached_property
    def graph(self) -> Graph:
        """What the right port's lines make."""
        return graph_of(self.folder / "port.py")

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        """Ten random inputs."""
        return random_inputs(self.probe.arrays, seed=7)

    @cached_property
    def behaviour(self) -> Behaviour:
        """What the right port does on them."""
        return behaviour_of(self.folder / "port.keras", self.inputs)

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """What the reference returns on the probe in float32, in the port's axis order."""
        inputs = reference_inputs(self.pair, self.probe)
        outputs = torch_runs.teach(in_precision(self.model, "float32"), inputs, ()).outputs
        in_precision(self.model, "float64")
        right = [port for _, port in self.report.evidence.outputs.values()]
        both = zip(outputs, self.pair.outputs.values(), right, strict=True)
        return [output_to_port(array, pattern, port.shape) for array, pattern, port in both]

    def pair_with(self, file: Path) -> ModelPair:
        """The pair with another file's port."""
        return replace(self.pair, port=f"{file}:build", place="")

    def converted(self, pair: ModelPair, stem: Path) -> tuple[ModelPair, Path]:
        """Fill a port with the checkpoint's weights and write it, as `porting.convert` does."""

        def attempt(found: ModelPair) -> tuple[ModelPair, Path]:
            return found, write_formats(found, self.sizes, self.source, self.run(found), stem, ("keras",), None)[0]

        return with_found_splits(pair, attempt)

    def judged(self, pair: ModelPair, file: Path) -> ParityReport:
        """The verdict on a converted port."""
        explain = explainer(pair, lambda: self.model, lambda: self.source.state_dict, PATIENCE, clock=time.process_time)
        return judge_files(pair, self.sizes, self.run(pair), [file], None, explain)


def write(name: str, build: Any, inputs: Sequence[str] | Path, folder: Path) -> Written:
    """Write the port of a model with weights as if trained, and run its reference once."""
    torch.manual_seed(0)
    model = build().eval()
    example = read_example(inputs) if isinstance(inputs, Path) else drawn_example(inputs)
    _train(model, example)
    torch.save(model.state_dict(), folder / "model.pt")
    named = {"example": inputs} if isinstance(inputs, Path) else {"inputs": inputs}
    writing = porting.write(
        build, folder / "port.py", checkpoint=folder / "model.pt", keep_failed=True, force=True, patience=0.0, **named
    )
    assert writing.report
    pair = replace(writing.pair, place="")
    model, sizes, source = load_reference(pair, read_checkpoint(folder / "model.pt"))
    probe = draw_for(pair, sizes, None, 64, model)
    right = Source((folder / "port.py").read_text(encoding="utf-8"))
    return Written(name, folder, pair, writing.report, model, source, sizes, probe, right)


def _train(model: Any, example: Example) -> None:
    args, keywords = example.tensors()
    randomise(model)
    settle(model, [*args, *keywords.values()], list(keywords))
