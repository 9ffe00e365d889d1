"""Show what is being done, on standard error and only on a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from porting import foreign
from porting.commands.console import QUIET
from porting.foreign import readable

if TYPE_CHECKING:
    from rich.progress import Progress

FIRST_STEP = "loading the frameworks"


@contextmanager
def steps() -> Iterator[Callable[..., None]]:
    """Give a function that is told what is being done, and where it is known how much of how much."""
    if QUIET.get() or not sys.stderr.isatty():
        yield lambda step, done=0, total=None: None
        return
    # A descriptor of its own: while Keras is imported, what goes to the usual one is thrown away.
    own = os.dup(sys.stderr.fileno())
    with os.fdopen(own, "w", encoding=sys.stderr.encoding) as terminal, _progress(terminal) as progress:
        task, said = progress.add_task(FIRST_STEP, total=None, amount=""), FIRST_STEP

        def show(step: str, done: int = 0, total: int | None = None) -> None:
            nonlocal task, said
            if step != said:  # each step's clock starts anew
                progress.remove_task(task)
                task, said = progress.add_task(readable(step), total=None, amount=""), step
            progress.update(task, completed=done, total=total, amount=f"{done:,} of {total:,}" if total else "")

        yield show


def _progress(terminal) -> "Progress":
    from rich.progress import (
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class MeasuredBar(ProgressColumn):
        """A bar where it is known how much there is to do; otherwise the spinner is enough."""

        def render(self, task: Task):
            return ProgressBar(task.total, task.completed, 20) if task.total else Text()

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        MeasuredBar(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=foreign.console(file=terminal),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
