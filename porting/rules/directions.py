"""In which order a recurrent layer's steps run, in either framework: what it is given may be turned instead of it."""

from dataclasses import dataclass

import numpy as np

from porting.rules.unit_axes import with_unit_axes_of
from porting.rules.windows import Whole
from porting.traces import LayerCall, Teaching


@dataclass(frozen=True, slots=True)
class Recurrence(Whole):
    """The port may return only the last step where the reference takes it from all of them.

    Attributes
    ----------
    is_turned : bool
        Whether the two run in different directions, and the port is given the reference's steps the last one first: a
        layer that runs backwards and one that runs forwards on the turned sequence take the same steps.
    """

    is_turned: bool = False

    def inputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs in the port's order of time; no layer sees what it masks."""
        ordered = reference[:, ::-1] if self.is_turned else reference
        mask = calls[1].mask
        if mask is None or not len(mask) == len(ordered) == len(port) or ordered.shape != port.shape:
            return ordered, port
        return np.where(mask[..., None], ordered, 0), np.where(mask[..., None], port, 0)

    def outputs(
        self, reference: np.ndarray, port: np.ndarray, calls: tuple[LayerCall, LayerCall]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both outputs, of the reference's the last step where the port returns only that."""
        returned, mask = self._returned(reference, calls), calls[1].mask
        if mask is None or returned.shape != port.shape or mask.shape != port.shape[:2]:
            return returned, port
        is_there = mask[:, ::-1] if calls[1].settings["go_backwards"] else mask
        return _held(returned, is_there), _held(port, is_there)

    def returned(self, output: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> np.ndarray:
        """All steps, of which the port may return only the last: none are merged with samples."""
        return with_unit_axes_of(output, calls[1].output.shape)

    def teaching(self, feed: np.ndarray, give: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> Teaching:
        """The port's layer returns what the reference's returns, or its last step, which one with a mask finds."""
        fed = feed[:, ::-1] if self.is_turned else feed
        return Teaching(calls[1].name, calls[1].kind, fed, self._returned(give, calls))

    def _returned(self, output: np.ndarray, calls: tuple[LayerCall, LayerCall]) -> np.ndarray:
        """In the port's order of time: of two that go backwards Keras' returns the first step last."""
        ours, theirs = calls
        is_last_first = theirs.settings["go_backwards"] or self.is_turned
        ordered = output[:, ::-1] if is_last_first and ours.settings.get("reverse") else output
        is_whole = theirs.settings["return_sequences"] or theirs.mask is not None
        return ordered if is_whole else ordered[:, -1]


def _held(output: np.ndarray, is_there: np.ndarray) -> np.ndarray:
    """All steps, (sample, time, unit), the last one again where steps are masked; zeros before the first."""
    places = np.where(is_there, np.arange(is_there.shape[1]), -1)
    last = np.maximum.accumulate(places, axis=1)[..., None]
    return np.where(last < 0, 0, np.take_along_axis(output, np.maximum(last, 0), axis=1))


def run_apart(reference: LayerCall, port: LayerCall) -> bool:
    """Whether two recurrent layers run in different directions."""
    if "go_backwards" not in port.settings:
        return False
    return bool(reference.settings.get("reverse")) != bool(port.settings["go_backwards"])


def is_turned(reference: LayerCall, port: LayerCall) -> bool:
    """Whether two layers run in different directions, and the port's is given the reference's steps last one first."""
    if not run_apart(reference, port):
        return False
    ours, theirs = reference.input, port.input
    if ours.ndim == theirs.ndim == 3 and ours.shape[1:] != theirs.shape[1:]:
        ours = ours.swapaxes(0, 1)
    if ours.ndim != theirs.ndim or ours.shape[1:] != theirs.shape[1:]:
        return False
    samples = min(len(ours), len(theirs))
    as_given, turned = (np.linalg.norm(ours[:samples] - fed[:samples]) for fed in (theirs, theirs[:, ::-1]))
    return bool(turned < as_given / 2)
