"""What ``finta train`` reads: a recipe and how the run is looked after, in YAML."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

from finta.errors import ConfigurationError
from finta.recipe import Recipe

SHIPPED = Path(__file__).with_name("recipes")
"""Configurations that may be named without a path."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run is looked after; nothing here changes what a step computes but the precision and its compiling.

    Attributes
    ----------
    latent_size : int
    precision : str
        Keras' dtype policy; the torch reference knows float32 and float64 only.
    compiled : bool
        Whether Keras' steps are compiled, which takes time at first and rounds otherwise; the torch reference's are
        not.
    validation_steps : int, optional
        Batches of the ``thres`` split that a validation takes where batches are drawn; all of the split where not.
    validate_every, checkpoint_every : int
        Epochs between two validations, steps between two checkpoints.
    patience : int, optional
        Validations without a new best after which the run stops.
    pictured : int
        Streamlines in TensorBoard's pictures.
    workers : int
        Threads that read batches ahead.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    latent_size: int = 32
    precision: Literal["float32", "float64", "mixed_bfloat16", "mixed_float16"] = "float32"
    compiled: bool = True
    validation_steps: int | None = None
    validate_every: int = 1
    checkpoint_every: int = 100
    patience: int | None = None
    pictured: int = 60
    workers: int = 2

    def __post_init__(self) -> None:
        for name in ("latent_size", "validation_steps", "validate_every", "checkpoint_every", "patience", "workers"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name}={value}: must be at least 1")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A recipe, and how a run of it is looked after."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    recipe: Recipe
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        if self.recipe.latent and not self.recipe.steps_per_epoch:
            raise ValueError("steps_per_epoch is missing: batches with a latent term are drawn without end")
        if not 0 <= self.recipe.seed < 2**63:
            raise ValueError(f"seed={self.recipe.seed}: must be from 0 to below 2^63")

    def as_json(self) -> dict[str, Any]:
        """JSON's types."""
        return json.loads(json.dumps(asdict(self)))


def read_configuration(name: str | os.PathLike) -> Configuration:
    """Read a configuration.

    Parameters
    ----------
    name : path
        A YAML file, or the name of a shipped one: ``original`` or ``simple``.

    Raises
    ------
    ConfigurationError
        If there is no such file, or a key or value in it cannot be used; all findings at once, each with its line.
    """
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if shipped.is_file() and not Path(name).exists() else Path(name)
    if not path.is_file():
        listed = ", ".join(sorted(held.stem for held in SHIPPED.glob("*.yaml")))
        raise ConfigurationError(f"No configuration at {path}. Give a YAML file, or one that is shipped: {listed}.")
    try:
        with path.open(encoding="utf-8") as file:
            return _parse(path, file.read(_LONGEST + 1))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no text that can be read: {error}. It must be YAML.") from error


def _parse(path: Path, text: str) -> Configuration:
    import yaml
    from pydantic import ValidationError

    try:
        if len(text) > _LONGEST:
            raise ValueError(f"more than {_LONGEST:,} characters")
        loader = yaml.SafeLoader(text)
        tree = loader.get_single_node()
        if sum(1 for _ in islice(_nodes(tree), _MOST_VALUES + 1)) > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES:,} values, or values within themselves")
        content = loader.construct_document(tree) if tree else None
    except (RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigurationError(f"{path} cannot be used: {reason}. {_REMEDY}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fact = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigurationError(f"{path}, line {mark.line + 1 if mark else 1}: {fact}. It must be YAML.") from error
    findings = [f"  line {line}: {key} is given twice" for key, line in _repeated(tree)]
    try:
        found = _adapter().validate_python(content if isinstance(content, dict) else {})
    except ValidationError as error:
        findings += [f"  line {_line(tree, place)}: {fact}" for place, fact in _facts(error.errors(include_url=False))]
        found = None
    if findings or found is None:
        raise ConfigurationError("\n".join([f"{path} cannot be used:", *findings, _REMEDY]))
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Configuration)


_REMEDY = f"Every key is described in {SHIPPED / 'original.yaml'}."
_LONGEST = 50_000
"""Characters; the longest that is shipped has 3,000."""
_MOST_VALUES = 1000
"""Values, with every one that YAML repeats by an alias: ten of them make a thousand million of one line."""


def _nodes(node: Any) -> Iterator[Any]:
    """Every node of a YAML tree, as often as it stands there."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        held = getattr(node, "value", ())
        for child in held if isinstance(held, list) else ():
            waiting.extend(child if isinstance(child, tuple) else [child])


def _facts(errors: list[Any]) -> Iterator[tuple[tuple, str]]:
    """Where each error is and what it is; of the kinds that a value could be of only the one that it says it is."""
    others = {error["loc"][:-1] for error in errors if error["type"] == "literal_error" and error["loc"][-1] == "kind"}
    chosen = [error for error in errors if not any(error["loc"][: len(other)] == other for other in others)]
    for error in chosen or errors:
        place = error["loc"]
        name = ".".join(str(step) for step in place if not str(step)[:1].isupper())
        if error["type"] == "unexpected_keyword_argument":
            yield place, f"unknown key {name}"
        elif error["type"] == "missing":
            yield place[:-1], f"{name} is missing"
        else:
            yield place, f"{name}: {error['msg'].removeprefix('Value error, ')}"


def _line(node: Any, place: tuple) -> int:
    """The line of a key, or of what is nearest to it in the file."""
    line = 1 if node is None else node.start_mark.line + 1
    for step in place:
        for key, value in getattr(node, "value", ()) if getattr(node, "id", "") == "mapping" else ():
            if getattr(key, "value", None) == str(step):
                line, node = key.start_mark.line + 1, value
                break
    return line


def _repeated(node: Any) -> Iterator[tuple[str, int]]:
    """Keys that a mapping holds twice, which YAML's reader would pass over."""
    seen: set[str] = set()
    pairs = node.value if getattr(node, "id", "") == "mapping" else ()
    for key, value in pairs:
        if key.value in seen:
            yield key.value, key.start_mark.line + 1
        seen.add(key.value)
        yield from _repeated(value)


def differences(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Name the keys in which two configurations, as JSON, differ, with both values."""
    for name in dict.fromkeys((*then, *now)):
        before, today = then.get(name), now.get(name)
        if isinstance(before, dict) and isinstance(today, dict):
            yield from differences(before, today, f"{prefix}{name}.")
        elif before != today:
            yield f"{prefix}{name}: {before} then, {today} now"
