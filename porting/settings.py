"""How each setting of a pair of layers is judged. A rule lists all of them, or the transfer is not proven.

`Equal`, `Fixed` and `Agreement` are checked before anything runs; `Declared` ones need no check, and say why.
"""

from collections.abc import Callable, Iterator
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

    def names(self) -> tuple[set[str], set[str]]:
        """The settings judged, of the reference's and of the port's layer."""
        return set(self.reference), set(self.port)


@dataclass(frozen=True, slots=True)
class Declared:
    """Settings that need no check of their own, and why."""

    why: str
    reference: tuple[str, ...] = ()
    port: tuple[str, ...] = ()

    def names(self) -> tuple[set[str], set[str]]:
        """The settings declared, of the reference's and of the port's layer."""
        return set(self.reference), set(self.port)

    def disagreement(self, reference: LayerCall, port: LayerCall) -> str:
        """Never disagrees."""
        return ""


Setting = Equal | Fixed | Agreement | Declared


def disagreements(settings: tuple[Setting, ...], reference: LayerCall, port: LayerCall) -> Iterator[str]:
    """Say what is wrong with the settings of two layers, one line each."""
    for setting in settings:
        ours, theirs = setting.names()
        both_have = ours <= reference.settings.keys() and theirs <= port.settings.keys()
        if both_have and (difference := setting.disagreement(reference, port)):
            yield difference


def undeclared(settings: tuple[Setting, ...], reference: LayerCall, port: LayerCall) -> list[str]:
    """Name the settings of two layers that nobody has judged: unknown to the rule, or missing on one side."""
    names = [setting.names() for setting in settings]
    absent = [
        f"{setting.reference} = {setting.port} (not on both sides)"
        for setting in settings
        if isinstance(setting, Equal)
        and (setting.reference not in reference.settings or setting.port not in port.settings)
    ]
    ours = reference.settings.keys() - set().union(*(pair[0] for pair in names))
    theirs = port.settings.keys() - set().union(*(pair[1] for pair in names))
    unknown = [*(f"{name} (torch)" for name in sorted(ours)), *(f"{name} (Keras)" for name in sorted(theirs))]
    return absent + unknown


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, float) and isinstance(value, float):
        return abs(wanted - value) <= 1e-9 * max(abs(wanted), abs(value))
    if isinstance(wanted, tuple) and isinstance(value, int):
        return all(item == value for item in wanted)
    return wanted == value
