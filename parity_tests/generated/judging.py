"""Write the port of a drawn model and judge it, by the whole verdict."""

import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import porting
from parity_tests.generated.loading import imported
from parity_tests.generated.models import Drawn
from porting.errors import PlanError
from porting.writing.refusals import WritingError

PASS, FAIL, NOT_CHECKED, REFUSED, ERROR = "PASS", "FAIL", "NOT CHECKED", "refused", "error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a drawn model.

    Attributes
    ----------
    verdict : str
        The verdict's own word; "refused" where the writer says what it cannot write, "error" for anything else raised.
    why : str
        What keeps it from PASS, in the words of the report or of the error.
    parts : Mapping
        Part of the verdict -> its status.
    port : str
        The written source.
    seconds : float
    """

    verdict: str
    why: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    port: str = ""
    seconds: float = 0.0

    def kind(self) -> str:
        """What is the same of two models that fall short in one way: for shrinking, and to count."""
        return f"{self.verdict}: {_without_names(self.why)}" if self.verdict in {REFUSED, ERROR} else self.verdict


def judge(drawn: Drawn, patience: float = 0.0) -> Outcome:
    """Write and judge it in this process, on the backend that Keras has."""
    import keras

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        try:
            kind = getattr(imported(drawn.source, Path(folder)), drawn.name)
            writing = porting.write(
                kind, Path(folder) / "net.py", inputs=drawn.inputs, keep_failed=True, patience=patience
            )
        except (WritingError, PlanError) as error:
            return Outcome(REFUSED, str(error), seconds=time.perf_counter() - started)
        except Exception as error:
            return Outcome(ERROR, _told(error), seconds=time.perf_counter() - started)
        finally:
            keras.backend.clear_session()
    report = writing.report
    assert report is not None
    parts = {name: part.status.value for name, part in report.parts.items()}
    why = "\n".join(
        f"{name}: {line}" for name, part in report.parts.items() if part.status.value != PASS for line in part.lines
    )
    return Outcome(report.verdict.value, why, parts, writing.model.text, time.perf_counter() - started)


def _told(error: Exception) -> str:
    """What was raised, and where."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/porting/" in file:
            place = f"{Path(file).name}:{trace.tb_frame.f_code.co_name}"
        trace = trace.tb_next
    return f"{type(error).__name__} in {place}: {str(error)[:600]}"


def _without_names(why: str) -> str:
    lines = [line for line in why.splitlines() if line.strip()]
    said = " ".join(line.split("  ")[0] if "  x" in line else line for line in lines[:2])
    return "".join(character for character in said if not character.isdigit())[:100]
