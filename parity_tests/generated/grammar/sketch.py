"""A class of torch while it is drawn: its lines run as they are added, so that shapes are what torch says."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from parity_tests.generated.grammar.dice import StepError
from porting.writing.trained import randomise

SAMPLES = 3
LARGEST = 3000
"""Elements that a sample's value may have."""
DEEPEST = 5
"""Axes that a value may have, the samples' among them."""
STRONGEST = 1e3

HEADER = "import math\n\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"


@dataclass
class Sketch:
    """A class: the lines of its `__init__` and its `forward`, and the values that these have now."""

    name: str
    arguments: dict[str, torch.Tensor]
    space: dict[str, Any]
    init: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module = nn.Module()
        self.values: dict[str, Any] = {**self.arguments}
        self.counts: dict[str, int] = {}

    def fresh(self, stem: str) -> str:
        """A name that is not taken: `conv1`, `conv2`."""
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}{self.counts[stem]}"

    def layer(self, stem: str, made: str) -> str:
        """Make a layer; its name."""
        name = self.fresh(stem)
        line = f"self.{name} = {made}"
        self._run(line)
        randomise(getattr(self.module, name) if isinstance(getattr(self.module, name), nn.Module) else nn.Module())
        self.module.eval()
        self.init.append(line)
        return name

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Take all that is done inside, or nothing of it."""
        lengths = [len(self.init), len(self.forward), len(self.classes)]
        values, counts, modules = dict(self.values), dict(self.counts), dict(vars(self.module))
        held = {name: dict(vars(self.module)[name]) for name in ("_modules", "_parameters", "_buffers")}
        try:
            yield
        except StepError:
            del self.init[lengths[0] :], self.forward[lengths[1] :], self.classes[lengths[2] :]
            self.values, self.counts = values, counts
            vars(self.module).clear()
            vars(self.module).update(modules | held)

    def own(self, line: str) -> None:
        """Add a line to `__init__`."""
        self._run(line)
        self.init.append(line)

    def say(self, line: str, *made: str) -> None:
        """Add a line to `forward` that gives the values of these names."""
        before = dict(self.values)
        try:
            with torch.no_grad():
                self._run(line)
            for name in made:
                self._check(self.values[name])
        except StepError:
            self.values = before
            raise
        self.forward.append(line)

    def _run(self, line: str) -> None:
        space = {**self.space, **{name: _copied(value) for name, value in self.values.items()}, "self": self.module}
        known = set(space)
        try:
            with warnings.catch_warnings(action="ignore"):
                exec(line, space)  # noqa: S102 - the grammar's own line
        except Exception as error:
            raise StepError(f"{line}: {error}") from error
        self.values |= {
            name: value
            for name, value in space.items()
            if (name in self.values or name not in known) and name not in {"self", "__builtins__"}
        }

    def _check(self, value: Any) -> None:
        if not isinstance(value, torch.Tensor) or value.ndim > DEEPEST or not value.ndim:
            raise StepError("no tensor of the model")
        if value.shape[0] != SAMPLES or not value.numel() or value[0].numel() > LARGEST:
            raise StepError("not a tensor of samples")
        if not torch.isfinite(value).all() or value.abs().max() > STRONGEST:
            raise StepError("not finite, or too large")

    def source(self, returned: str) -> str:
        """The class in torch, and before it the classes that it uses."""
        init = ["super().__init__()", *self.init]
        lines = [
            f"class {self.name}(nn.Module):",
            "    def __init__(self):",
            *(f"        {line}" for line in init),
            "",
            f"    def forward(self, {', '.join(self.arguments)}):",
            *(f"        {line}" for line in (*self.forward, f"return {returned}")),
        ]
        return "\n\n\n".join([*self.classes, "\n".join(lines)])


def _copied(value: Any) -> Any:
    """A line that changes a value in place may be one that is not taken."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def new_space() -> dict[str, Any]:
    """What a module of drawn source has imported."""
    space: dict[str, Any] = {}
    exec(HEADER, space)  # noqa: S102 - the grammar's own header
    return space
