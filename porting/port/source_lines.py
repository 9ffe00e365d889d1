"""Find the lines of a port's source that make its layers, by building it once and watching."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from porting.pairs.finding import build_port, resolve
from porting.pairs.pair import ModelPair, Sizes
from porting.port import side as keras_side
from porting.records.port_source import PortSource


def find_source(pair: ModelPair, sizes: Sizes) -> PortSource | None:
    """The file whose code builds a pair's port, and the lines that make each layer; None where there is none."""
    file = _file_of(resolve(pair.port))
    if file is None:
        return None
    lines: dict[str, tuple[int, ...]] = {}
    watch = _watcher(str(file), lines)
    before = sys.getprofile()
    with keras_side.uninitialised():
        sys.setprofile(watch)
        try:
            build_port(pair, sizes)
        finally:
            sys.setprofile(before)
    return PortSource(file.name, file.read_text(encoding="utf-8"), lines)


def _file_of(factory: Any) -> Path | None:
    try:
        file = Path(inspect.getsourcefile(inspect.unwrap(factory)) or "")
    except TypeError:
        return None
    return file if file.is_file() else None


def _watcher(file: str, lines: dict[str, tuple[int, ...]]) -> Callable[[FrameType, str, Any], None]:
    import keras

    made = keras.Layer.__init__.__code__

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is made:
            name = getattr(frame.f_locals.get("self"), "name", None)
            if isinstance(name, str) and (chain := _lines_in(file, frame)):
                lines.setdefault(name, chain)

    return watch


def _lines_in(file: str, frame: FrameType | None) -> tuple[int, ...]:
    """The lines of a file that led to a frame, innermost first."""
    found = []
    while frame is not None:
        if frame.f_code.co_filename == file:
            found.append(frame.f_lineno)
        frame = frame.f_back
    return tuple(found)
