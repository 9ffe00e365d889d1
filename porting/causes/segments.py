"""What lies between a suspect and its sources, as the reference runs it, and as the port may run it instead."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import torch

from porting.calls import leaves
from porting.causes.catalogue.variants import FunctionCall
from porting.causes.replay import NotReplayable, Place, Recorder, Replay, replay_of
from porting.causes.trials import Trial, Witness, applied, explained_of, fewer, left_over
from porting.proof.suspects import Suspect
from porting.records.parity import Cause, partners
from porting.reference import runs as torch_runs
from porting.reference.side import array_of, precision_of, tensor_of
from porting.rules import patterns
from porting.rules.unit_axes import with_axes_of
from porting.traces import PARAMETER, LayerCall, Trace

Change = Callable[..., Any]

Made = Mapping[int, tuple[int, FunctionCall]]
"""Identity of a tensor -> the number of the function that gave it, and its call."""

_SIGNS = {"add": "+", "sub": "-", "mul": "times", "div": "by", "truediv": "by"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of what the reference computes between layers, and the words for it.

    Attributes
    ----------
    name, detail, remedy : str
    changes : Mapping
        Place -> the change: of a function's call, or of a tensor that a layer or the model's input gives.
    origin : tuple, optional
        Of an operand from elsewhere: number of the addition, operand, layer call, whether it is the call's output.
    """

    name: str
    detail: str
    remedy: str
    changes: Mapping[Place, Change]
    origin: tuple[int, int, int, bool] | None = None

    def as_cause(self, left: float) -> Cause:
        """The cause that it is where it explains a divergence."""
        return Cause(self.name, self.detail, self.remedy, left)


def instead(tensor: torch.Tensor) -> Change:
    """Take a tensor in the place of what a function gives."""
    return lambda function, arguments, keywords: tensor.clone()


@dataclass
class Segment:
    """What lies between a suspect and its sources, as the reference runs it.

    Attributes
    ----------
    witness : Witness
    suspect : Suspect
    whole : Trial
        On all samples.
    reference : Trace
        With its sources.
    on_all_samples : bool
        Whether edits are tried on all samples, and not on a few.
    of_constants : float
        Relative error of what arrives that float32's rounding of the reference's own constants explains.
    """

    witness: Witness
    suspect: Suspect
    whole: Trial
    reference: Trace
    on_all_samples: bool = False
    of_constants: float = 0.0

    @property
    def end(self) -> int:
        """The number of the call at which the segment ends; outputs count on behind the calls."""
        return self.suspect.number + (0 if self.suspect.pair else len(self.reference.calls))

    @property
    def sources(self) -> tuple[str, ...]:
        """Calls whose outputs reach the suspect."""
        return self.reference.sources[self.end]

    @cached_property
    def names(self) -> list[str]:
        """All calls of the reference."""
        return self.reference.call_names()

    @cached_property
    def _chosen(self) -> tuple[Trial, np.ndarray]:
        arrived = self._compared(self._arriving(self.whole), self.whole)
        few, rows = fewer(self.whole, arrived)
        if not self.on_all_samples and (
            arrived.shape != self.whole.found.shape
            or left_over(arrived[rows], few.found) > self.suspect.divergence.error / 10
        ):
            return few, rows
        return self.whole, np.arange(len(self.whole.found))

    @property
    def trial(self) -> Trial:
        """On a few samples, the worst one among them, unless the divergence does not show there."""
        return self._chosen[0]

    @property
    def rows(self) -> np.ndarray:
        """Which samples those are."""
        return self._chosen[1]

    @cached_property
    def calls(self) -> tuple[LayerCall, LayerCall]:
        """The reference's call and the port's."""
        return next(
            (ours, theirs)
            for number, ours, theirs, _ in partners(self.reference, self.suspect.port, self.suspect.plan)
            if number == self.suspect.number
        )

    @cached_property
    def gives(self) -> dict[str, np.ndarray]:
        """What each layer call returns."""
        return dict(zip(self.names, (taught.give for taught in self.trial.lesson), strict=True))

    @cached_property
    def _recorded(self) -> tuple[Replay | None, list[tuple[int, FunctionCall]]]:
        """What replays the segment, and its calls that return a tensor, or several."""
        before = [self.names.index(name) + 1 for name in self.sources if name]
        first = 0 if "" in self.sources else min(before, default=0)
        recorder = Recorder(first, min(self.end, len(self.names)))
        arrived = self._arriving(self.trial, recorder)
        try:
            replay = replay_of(recorder, arrived, self._known())
        except Exception:  # what cannot be replayed is run by the model itself
            replay = None
        events = replay.events if replay else recorder.events
        tensors = [event for event in events if isinstance(next(leaves(event.call.result), None), torch.Tensor)]
        return replay, [(event.number, event.call) for event in tensors]

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return dict(zip(self.names, (call.kind for call in self.reference.calls), strict=True))

    def _known(self) -> Iterator[tuple[Place, torch.Tensor]]:
        precision = precision_of(self.witness.model)
        for name in filter(None, self.sources):
            give = self.gives[name]
            yield name, tensor_of(give[0] if self._kinds[name] == PARAMETER else give, precision)
        yield from ((("input", number), tensor_of(array, precision)) for number, array in enumerate(self.trial.inputs))

    @property
    def events(self) -> list[tuple[int, FunctionCall]]:
        """Every function call of the segment that returns a tensor."""
        return [(number, call) for number, call in self.calls_made if isinstance(call.result, torch.Tensor)]

    @property
    def calls_made(self) -> list[tuple[int, FunctionCall]]:
        """Every function call of the segment that returns a tensor, or several."""
        return self._recorded[1]

    @cached_property
    def made(self) -> Made:
        """By what each tensor of the segment is given; not by what gives back what it was given."""
        return {
            id(call.result): (number, call)
            for number, call in self.events
            if not any(value is call.result for value in call.arguments)
        }

    def words_for(self, operand: Any, depth: int = 3) -> str:
        """An operand as people say it: a layer's output, or what a function makes of one."""
        if not isinstance(operand, torch.Tensor):
            return str(operand)
        for name in filter(None, self.sources):
            give, is_tensor = self.gives[name], self._kinds[name] == PARAMETER
            if np.array_equal(give[0] if is_tensor else give, operand.numpy()):
                return name if is_tensor else f"the output of {name}"
        call = next((call for _, call in self.events if call.result is operand), None)
        if call is None:
            return self._held_as(operand)
        given = call.arguments[:2] if call.name != "rsub" else call.arguments[1::-1]
        if not depth or not call.arguments:
            return f"what {call.name} gives"
        words = [self.words_for(value, depth - 1) for value in given]
        if sign := _SIGNS.get(call.name.strip("ir") if call.name != "rsub" else "sub"):
            return f" {sign} ".join(words)
        return f"{call.name} of {words[0]}"

    def _held_as(self, operand: torch.Tensor) -> str:
        """What no function has made: an input, or a buffer of the model."""
        if any(np.array_equal(array, operand.numpy()) for array in self.trial.inputs):
            return "an input"
        held = (name for name, buffer in self.witness.model.named_buffers() if torch.equal(buffer, operand))
        return next(held, "a part of what the reference has there")

    @property
    def replay(self) -> Replay | None:
        """What was recorded, if it can be run again by itself."""
        return self._recorded[0]

    @property
    def is_replayed(self) -> bool:
        """Whether hypotheses run the segment alone, and not the model up to its end."""
        return self._recorded[0] is not None

    def predict(self, edits: Sequence[Edit]) -> np.ndarray:
        """What would arrive if the port did as the edits say, in the port's axis order, as the layer's taps see it."""
        changes = {place: change for edit in edits for place, change in edit.changes.items()}
        replay = self._recorded[0]
        if replay is not None:
            try:
                return self._compared(replay.run(changes), self.trial)
            except NotReplayable:
                pass
        return self._compared(self._arriving(*self._changed(changes)), self.trial)

    def _changed(self, changes: Mapping[Place, Change]) -> tuple[Trial, Any]:
        """The trial with its tensors changed, and an editor that changes functions."""
        numbers = count()

        def edit(watch: Any, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Any:
            change = changes.get(next(numbers))
            return change(function, arguments, keywords) if change else function(*arguments, **keywords)

        lesson = tuple(
            replace(taught, give=applied(changes[name], taught.give)) if name in changes else taught
            for name, taught in zip(self.names, self.trial.lesson, strict=True)
        )
        inputs = []
        for number, array in enumerate(self.trial.inputs):
            change = changes.get(("input", number), changes.get(""))
            inputs.append(applied(change, array) if change else array)
        return replace(self.trial, inputs=inputs, lesson=lesson), edit

    def _arriving(self, trial: Trial, editor: Any = None) -> torch.Tensor:
        return torch_runs.arriving(self.witness.model, trial.inputs, trial.lesson, self.end, editor)

    def arriving(self) -> np.ndarray:
        """What arrives at the suspect, in the port's axis order, before anything is cut from it."""
        assert self.suspect.pair is not None
        return patterns.to_port(array_of(self._arriving(self.trial)), self.suspect.pair.input_axes)

    def as_arriving(self, tensor: torch.Tensor) -> np.ndarray | None:
        """Another tensor as it would arrive; None where it cannot."""
        try:
            return self._compared(tensor, self.trial)
        except Exception:  # it need not fit the axes
            return None

    def _compared(self, arrived: torch.Tensor, trial: Trial) -> np.ndarray:
        """An arriving tensor in the port's axis order, as far as it is compared."""
        if self.suspect.pair is None:
            pattern = list(self.witness.pair.outputs.values())[self.suspect.number]
            return patterns.to_port(array_of(arrived), pattern, trial.found.shape)
        ours, theirs = self.calls
        moved = with_axes_of(patterns.to_port(array_of(arrived), self.suspect.pair.input_axes), theirs.input.shape)
        return self.suspect.pair.rule.window.inputs(moved, theirs.input, (ours, theirs))[0]

    @cached_property
    def baseline(self) -> np.ndarray:
        """What arrives in the reference."""
        return self.predict(())

    @cached_property
    def enough(self) -> float:
        """Relative error that a hypothesis may leave: rounding, and far below what it is to explain."""
        explained = max(explained_of(self.suspect.divergence), self.of_constants)
        return min(explained, left_over(self.baseline, self.trial.found) / 10)

    def predicted(self, edits: Sequence[Edit]) -> np.ndarray | None:
        """What would arrive; None where the edits cannot be run."""
        try:
            return self.predict(edits)
        except Exception:  # a hypothesis need not fit the shapes
            return None

    def left_by(self, edits: Sequence[Edit]) -> float:
        """Relative error that edits leave; infinite where they cannot be run."""
        predicted = self.predicted(edits)
        return np.inf if predicted is None else left_over(predicted, self.trial.found)
