"""Judge a port of any size on inputs of other sizes than those it was written from."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from porting.errors import first_line
from porting.jobs.conversion import Conversion
from porting.pairs.finding import resolve
from porting.port import runs as keras_runs
from porting.records.verdict import ParityReport
from porting.statuses import Status
from porting.writing.examples import Example
from porting.writing.model import WrittenModel
from porting.writing.pair_file import ports_inputs


def built_for(written: WrittenModel, example: Example, other: Example) -> str:
    """Build a written port and run it on both examples: why that fails, or empty."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "port.py"
        file.write_text(written.text, encoding="utf-8")
        try:
            port = resolve(f"{file}:build")()
        except Exception as error:  # backends raise what they like
            return f"the port cannot be built without that size: {first_line(error)}"
    for inputs in (example, other):
        arrays = [array[:1] for array in ports_inputs(written, inputs)]
        try:
            keras_runs.outputs(port, arrays)
        except Exception as error:  # backends raise what they like
            shapes = ", ".join(str(array.shape[1:]) for array in arrays)
            return f"the port does not run on {shapes}: {first_line(error)}"
    return ""


def judged_for_other_sizes(
    judge: Callable[..., Conversion], place: Path, written: WrittenModel, other: Example
) -> ParityReport | None:
    """The verdict on inputs of other sizes, unless it is PASS."""
    file = place.with_name("other_sizes.npz")
    np.savez(file, *ports_inputs(written, other))
    report = judge(place.with_name("other_sizes"), probe=file).report
    return None if report.verdict is Status.PASS else replace(report, probe={**report.probe, "source": other.source})
