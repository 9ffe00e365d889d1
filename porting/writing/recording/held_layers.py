"""Layers that are called more than once: made once, where all that call them can reach them."""

from collections.abc import Callable
from typing import Any

from porting.writing.recording.recorder import Recorder, Scope, variable_of
from porting.writing.values.expressions import Expression


class HeldLayers:
    """``layers`` for the row of such a layer: the layer is what the first call made."""

    def __init__(self, layers: Expression, recorder: Recorder, scope: Scope, path: str, made: dict[str, Any]) -> None:
        self._layers = layers
        self._recorder = recorder
        self._scope = scope
        self._path = path
        self._made = made

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        def layer(*args: Any, **settings: Any) -> Any:
            if "name" not in settings:
                return getattr(self._layers, kind)(*args, **settings)
            path = getattr(settings["name"].tree, "path", self._path)
            if path not in self._made:
                data = getattr(self._layers, kind)(*args, **settings)
                title = _title(path)
                held = self._recorder.bind_in(self._scope, data, [title])
                self._recorder.titles[variable_of(held)] = title
                self._made[path] = held
            return self._made[path]

        return layer


def _title(path: str) -> str:
    """What a layer is called: its attribute's name, of one in a list with its number there."""
    words = path.split(".")
    numbers = next((at for at, word in enumerate(reversed(words)) if not word.isdigit()), len(words))
    named = words[max(len(words) - numbers - 1, 0) :]
    return "_".join(named) if named and not named[0].isdigit() else "layer"
