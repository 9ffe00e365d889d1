"""Watch a torch model run: record its layers' calls, and teach them meanwhile. `port.watch` does so in Keras."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError
from porting.reference.abouts import About, Uses, Wanted
from porting.reference.expansions.cuts import Split
from porting.reference.expansions.joins import Whole
from porting.reference.side import array_of, tensor_of
from porting.traces import PARAMETER, LayerCall, Teacher
from porting.traces.parking import park

if TYPE_CHECKING:
    import torch


class Arrived(Exception):  # noqa: N818 - nothing is wrong
    """Ends a run at the layer call that was waited for."""

    def __init__(self, tensor: "torch.Tensor", run: Callable[["torch.Tensor"], Any]) -> None:
        self.tensor, self.run = tensor, run


@dataclass(slots=True)
class Watch:
    """What is recorded while a model runs, and what its layers are taught meanwhile."""

    modules: Mapping[str, "torch.nn.Module"]
    teacher: Teacher = field(default_factory=lambda: Teacher(()))
    alone: bool | Collection[int] = True
    copies: bool = False
    differentiates: bool = False
    depth: int = 0
    abouts: list[About] = field(default_factory=list)
    inputs: list["torch.Tensor"] = field(default_factory=list)
    outputs: list["torch.Tensor"] = field(default_factory=list)
    versions: list[tuple[int, int]] = field(default_factory=list)
    uses: Uses = field(default_factory=Uses)
    wanted: Wanted | None = None
    digest: Callable[[np.ndarray], Any] | None = None
    given: dict[str, "torch.Tensor"] = field(default_factory=dict)
    samples: int = 1
    digests: list[Any] = field(default_factory=list)
    editor: Callable[..., Any] | None = None
    stop_at: int = -1
    precision: Any = None
    splits: Mapping[str, Split] = field(default_factory=dict)
    joins: Sequence[Whole] = ()
    opened: frozenset[str] = frozenset()
    leaves: "list[torch.Tensor] | None" = None
    shifts: Teacher = field(default_factory=lambda: Teacher(()))

    def edit(self, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        """Run a function between layers, changed where there is an editor."""
        if self.editor is None:
            return function(*arguments, **keywords)
        return self.editor(self, function, arguments, keywords)

    def call(self, about: About, given: "torch.Tensor", run: Callable[["torch.Tensor"], Any]) -> Any:
        """Run a layer as its lesson says, record it, and return what it is to return."""
        if len(self.abouts) == self.stop_at:
            raise Arrived(given, run)
        _check_tensor(given, about)
        teaching, shift = self.teacher.next(about.name), self.shifts.next(about.name)
        if shift is not None:
            given, run = self._shifted(given, shift.feed), self._shifting(run, shift.give)
        is_run = teaching is None or self._is_to_run(about)
        fed = given if teaching is None or not is_run else tensor_of(teaching.feed, self.precision)
        if self.leaves is not None:
            fed = self._leaf(fed)
        self.depth += 1
        try:
            output = run(fed) if is_run else None
        finally:
            self.depth -= 1
        give = None if teaching is None else tensor_of(teaching.give, self.precision)
        self._record(about, given, calls.first(output) if output is not None else give)
        for held in (teaching, shift):
            if held is not None:
                held.release()
        if self.leaves is not None and give is not None:
            give = self._leaf(give)
        return output if give is None else _given_back(output, give, about)

    def _leaf(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """A copy of a tensor that is noted, so that what comes of it can be traced back: inputs and outputs in turn."""
        assert self.leaves is not None
        self.leaves.append(tensor.requires_grad_(tensor.is_floating_point()))
        return tensor.clone()

    def _shifting(self, run: Callable[["torch.Tensor"], Any], array: np.ndarray) -> Callable[["torch.Tensor"], Any]:
        def shifted(given: "torch.Tensor") -> Any:
            output = run(given)
            return calls.with_first(output, self._shifted(calls.first(output), array))

        return shifted

    def _shifted(self, tensor: "torch.Tensor", array: np.ndarray) -> "torch.Tensor":
        return tensor + tensor_of(array, self.precision) if tensor.is_floating_point() else tensor

    def _is_to_run(self, about: About) -> bool:
        wanted = self.alone if isinstance(self.alone, bool) else len(self.abouts) in self.alone
        return wanted or about.kind in _SEVERAL_OUTPUTS

    def parameter(self, name: str, tensor: "torch.Tensor") -> "torch.Tensor":
        """Record a tensor that is used as it is, at its first use, and return what it is to be."""
        if name in self.given:
            return self.given[name]
        about = About(name, PARAMETER, {"value": name}, {})
        if len(self.abouts) == self.stop_at:
            raise Arrived(tensor, lambda fed: fed)
        teaching, shift = self.teacher.next(name), self.shifts.next(name)
        tensor = tensor if shift is None else self._shifted(tensor, shift.give[0])
        each = tensor.expand(self.samples, *tensor.shape)
        self._record(about, each, each)
        given = tensor if teaching is None else tensor_of(teaching.give[0], self.precision)
        self.given[name] = given if self.leaves is None else self._leaf(self._leaf(given.detach()))
        return self.given[name]

    def _record(self, about: About, given: "torch.Tensor", output: Any) -> None:
        if self.digest is not None:
            self.digests.append(self.digest(array_of(given)))
            self.abouts.append(about)
            return
        kept = [self._kept(tensor) for tensor in (given, output)]
        self.abouts.append(about)
        self.inputs.append(kept[0])
        self.outputs.append(kept[1])
        self.versions.append((kept[0]._version, kept[1]._version))

    def _kept(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """A tensor that is recorded: large ones in a file, in which nobody overwrites them."""
        import torch

        if self.differentiates:
            return tensor
        array = array_of(tensor)
        if (parked := park(array)) is not array:
            return torch.from_numpy(parked)
        return tensor.clone() if self.copies else tensor

    def overwritten(self) -> bool:
        """Whether something that was recorded was changed in place afterwards."""
        now = [(given._version, output._version) for given, output in zip(self.inputs, self.outputs, strict=True)]
        return now != self.versions

    def recorded(self) -> tuple[LayerCall, ...]:
        """All calls, in execution order."""
        named = zip(self.abouts, self.inputs, self.outputs, strict=True)
        return tuple(LayerCall(*about, array_of(given), array_of(output)) for about, given, output in named)


_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_SEVERAL_OUTPUTS = _RECURRENT | {"LSTMCell", "MultiheadAttention"}


def _check_tensor(given: Any, about: About) -> None:
    import torch

    if not isinstance(given, torch.Tensor):
        raise PairError(
            f"{about.name} ({about.kind}) is given a {type(given).__name__}, which cannot be compared with a tensor.\n"
            "Give layers tensors: pad a PackedSequence, and mask behind the layer."
        )


def _given_back(output: Any, give: "torch.Tensor", about: About) -> Any:
    """What a taught layer returns; a recurrent layer's state is the last step of what it is given."""
    is_last_step = (
        about.kind in _RECURRENT and about.settings["num_layers"] == 1 and not about.settings["bidirectional"]
    )
    if not is_last_step:
        return calls.with_first(output, give)
    last = give[:, -1] if about.settings["batch_first"] else give[-1]
    return give, calls.with_first(output[1], last[None])
