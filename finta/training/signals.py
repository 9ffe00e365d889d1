"""Signals that ask a run to stop, held until it can."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Stop:
    """The signal that asks the run to stop; empty while there is none."""

    signal: str = ""


@contextmanager
def held_signals() -> Iterator[Stop]:
    """Let the step under way end before SIGTERM, which a cluster sends at its time limit, or SIGINT stops the run."""
    stop = Stop()
    before: dict[int, Any] = {}

    def ask(number: int, frame: Any) -> None:
        stop.signal = signal.Signals(number).name
        signal.signal(number, before[number])  # who asks twice does not want to wait

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
