"""How each setting of a pair of layers is judged. A rule lists all of them, or the transfer is not proven.

`Equal`, `Fixed` and `Agreement` are checked before anything runs, and what is not as `Required` is refused; `Declared`
ones need no check, and say why. Each may show only in training: what a trained model computes does not depend on it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from porting.traces import LayerCall


@dataclass(frozen=True, slots=True)
class Equal:
    """The same quantity under two names, where need be after a conversion of the reference's value."""

    reference: str
    port: str
    convert: Callable[[Any], Any] = lambda value: value
    formula: str = ""
    in_training: bool = False

    def names(self) -> tuple[set[str], set[str]]:
        """The settings judged, of the reference's and of the port's layer."""
        return {self.reference}, {self.port}

    def disagreement(self, reference: LayerCall, port: LayerCall) -> str:
        """Say how the two differ; empty where they agree."""
        ours, theirs = _plain(reference.settings[self.reference]), _plain(port.settings[self.port])
        wanted = None if ours is None else self.convert(ours)
        if _same(wanted, theirs):
            return ""
        formula = f" (must be {self.formula})" if self.formula else ""
        return f"{self.reference}={ours} in torch, {self.port}={theirs} in Keras{formula}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A setting of one side that the other side cannot express otherwise."""

    side: str
    name: str
    value: Any
    remedy: str
    in_training: bool = False

    def names(self) -> tuple[set[str], set[str]]:
        """The settings judged, of the reference's and of the port's layer."""
        return ({self.name}, set()) if self.side == "torch" else (set(), {self.name})

    def disagreement(self, reference: LayerCall, port: LayerCall) -> str:
        """Say what the value is and what it must be; empty where it is that."""
        value = _plain((reference if self.side == "torch" else port).settings[self.name])
        spelled = {"torch": "torch", "keras": "Keras"}[self.side]
        return (
            "" if _same(self.value, value) else f"{self.name}={value} in {spelled}, must be {self.value}: {self.remedy}"
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Settings that only make sense together; the function says what is wrong, or nothing."""

    reference: tuple[str, ...]
    port: tuple[str, ...]
    disagreement: Callable[[LayerCall, LayerCall], str]
    in_training: bool = False

    def names(self) -> tuple[set[str], set[str]]:
        """The settings judged, of the reference's and of the port's layer."""
        return set(self.reference), set(self.port)


@dataclass(frozen=True, slots=True)
class Declared:
    """Settings that need no check of their own, and why."""

    why: str
    reference: tuple[str, ...] = ()
    port: tuple[str, ...] = ()
    in_training: bool = False

    def names(self) -> tuple[set[str], set[str]]:
        """The settings declared, of the reference's and of the port's layer."""
        return set(self.reference), set(self.port)

    def disagreement(self, reference: LayerCall, port: LayerCall) -> str:
        """Never disagrees."""
        return ""


@dataclass(frozen=True, slots=True)
class Required:
    """A setting of the reference without which its activations cannot be compared, though a port may be right."""

    name: str
    value: Any
    remedy: str
    in_training: bool = False

    def names(self) -> tuple[set[str], set[str]]:
        """The settings judged, of the reference's and of the port's layer."""
        return {self.name}, set()

    def disagreement(self, reference: LayerCall, port: LayerCall) -> str:
        """Say what the value is and what it must be; empty where it is that."""
        value = _plain(reference.settings[self.name])
        return (
            ""
            if _same(self.value, value)
            else (f"{reference.name} has {self.name}={value}, must be {self.value}: {self.remedy}")
        )


Setting = Equal | Fixed | Agreement | Declared | Required


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit says of one setting of a pair of layers.

    Attributes
    ----------
    layer : str
        The port's path.
    setting : str
        Its names on both sides, with their values.
    status : str
        "agrees", "differs", "refused" (nothing can be compared), "declared" (needs no check) or "unknown" (no rule
        knows it).
    why : str
        What is wrong, or why no check is needed.
    in_training : bool
        Whether it shows only in training.
    """

    layer: str
    setting: str
    status: str
    why: str
    in_training: bool


def audit(settings: tuple[Setting, ...], reference: LayerCall, port: LayerCall) -> Iterator[Finding]:
    """Judge every setting of two layers, before anything runs."""
    for setting in settings:
        ours, theirs = setting.names()
        present = sorted(ours & reference.settings.keys()), sorted(theirs & port.settings.keys())
        if not any(present):
            continue
        shown = _shown(present, reference, port)
        if isinstance(setting, Declared):
            yield Finding(port.name, shown, "declared", setting.why, setting.in_training)
        elif ours <= reference.settings.keys() and theirs <= port.settings.keys():
            why = setting.disagreement(reference, port)
            status = ("refused" if isinstance(setting, Required) else "differs") if why else "agrees"
            yield Finding(port.name, shown, status, why, setting.in_training)
        elif isinstance(setting, Equal):
            why = f"{setting.reference} = {setting.port} (not on both sides)"
            yield Finding(port.name, shown, "unknown", why, setting.in_training)
    yield from _unknown(settings, reference, port)


def described(findings: Iterable[Finding], status: str, *, in_training: bool) -> tuple[str, ...]:
    """The findings of one status, with the layer, a line each."""
    return tuple(
        f"{finding.layer}: {finding.why}"
        for finding in findings
        if finding.status == status and finding.in_training == in_training
    )


def limits(settings: tuple[Setting, ...], reference: LayerCall) -> Iterator[Finding]:
    """What a layer of the reference has that no layer of Keras can express."""
    fixed = tuple(setting for setting in settings if isinstance(setting, Fixed) and setting.side == "torch")
    return (finding for finding in audit(fixed, reference, reference) if finding.status == "differs")


def _unknown(settings: tuple[Setting, ...], reference: LayerCall, port: LayerCall) -> Iterator[Finding]:
    names = [setting.names() for setting in settings]
    ours = reference.settings.keys() - set().union(*(pair[0] for pair in names))
    theirs = port.settings.keys() - set().union(*(pair[1] for pair in names))
    for side, call, unknown in (("torch", reference, ours), ("Keras", port, theirs)):
        for name in sorted(unknown):
            yield Finding(port.name, f"{name}={call.settings[name]}", "unknown", f"{name} ({side})", False)


def _shown(present: tuple[list[str], list[str]], reference: LayerCall, port: LayerCall) -> str:
    ours = ", ".join(f"{name}={_short(reference.settings[name])}" for name in present[0])
    theirs = ", ".join(f"{name}={_short(port.settings[name])}" for name in present[1])
    return " | ".join(part for part in (ours and f"torch {ours}", theirs and f"Keras {theirs}") if part)


def _short(value: Any) -> Any:
    """An initialiser's or a policy's configuration by its name."""
    return value.get("class_name", value) if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, float) and isinstance(value, float):
        return abs(wanted - value) <= 1e-9 * max(abs(wanted), abs(value))
    if isinstance(wanted, tuple) and isinstance(value, int):
        return all(item == value for item in wanted)
    return wanted == value
