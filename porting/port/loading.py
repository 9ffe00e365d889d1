"""Load Keras without what its backend does to the process meanwhile: it writes past Python, and swallows interrupts."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def no_native_output() -> Iterator[None]:
    """TensorFlow's libraries write to file descriptor 2 while they load, before anything can tell them not to."""
    if "keras" in sys.modules:
        yield
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextmanager
def interrupts_heard() -> Iterator[None]:
    """Raise an interrupt behind what is loaded, which may swallow it: TensorFlow does, for some tenths of a second."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt
