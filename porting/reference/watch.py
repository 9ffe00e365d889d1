"""Watch a torch model run: record its layers' calls, and teach them meanwhile. `port.watch` does so in Keras."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError
from porting.reference import functions as torch_functions
from porting.reference.side import array_of, outputs_of, precision_of, tensor_of, tensors_of
from porting.reference.structure import About, structure_of
from porting.traces import LayerCall, Teacher

if TYPE_CHECKING:
    import torch


class Arrived(Exception):  # noqa: N818 - nothing is wrong
    """Ends a run at the layer call that was waited for."""

    def __init__(self, tensor: "torch.Tensor") -> None:
        self.tensor = tensor


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
    functional: list[str] = field(default_factory=list)
    in_functions: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    editor: Callable[..., Any] | None = None
    stop_at: int = -1
    precision: Any = None

    def edit(self, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        """Run a function between layers, changed where there is an editor."""
        if self.editor is None:
            return function(*arguments, **keywords)
        return self.editor(self, function, arguments, keywords)

    def call(self, about: About, given: "torch.Tensor", run: Callable[["torch.Tensor"], Any]) -> Any:
        """Run a layer as its lesson says, record it, and return what it is to return."""
        if len(self.abouts) == self.stop_at:
            raise Arrived(given)
        _check_tensor(given, about)
        teaching = self.teacher.next(about.name)
        fed = given if teaching is None else tensor_of(teaching.feed, self.precision)
        self.depth += 1
        try:
            output = run(fed) if teaching is None or self._is_to_run(about) else None
        finally:
            self.depth -= 1
        give = None if teaching is None else tensor_of(teaching.give, self.precision)
        self._record(about, given, calls.first(output) if output is not None else give)
        return output if give is None else _given_back(output, give, about)

    def _is_to_run(self, about: About) -> bool:
        wanted = self.alone if isinstance(self.alone, bool) else len(self.abouts) in self.alone
        return wanted or about.kind in _SEVERAL_OUTPUTS

    def _record(self, about: About, given: "torch.Tensor", output: Any) -> None:
        kept = [tensor.clone() if self.copies and not self.differentiates else tensor for tensor in (given, output)]
        self.abouts.append(about)
        self.inputs.append(kept[0])
        self.outputs.append(kept[1])
        self.versions.append((kept[0]._version, kept[1]._version))

    def overwritten(self) -> bool:
        """Whether something that was recorded was changed in place afterwards."""
        now = [(given._version, output._version) for given, output in zip(self.inputs, self.outputs, strict=True)]
        return now != self.versions

    def recorded(self) -> tuple[LayerCall, ...]:
        """All calls, in execution order."""
        named = zip(self.abouts, self.inputs, self.outputs, strict=True)
        return tuple(LayerCall(*about, array_of(given), array_of(output)) for about, given, output in named)

    def idle(self) -> set[str]:
        """Modules that own tensors and did not run."""
        return set(self.modules) - self.ran


_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_SEVERAL_OUTPUTS = _RECURRENT | {"MultiheadAttention"}


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


def run(model: "torch.nn.Module", inputs: Sequence[np.ndarray], watch: Watch) -> tuple["torch.Tensor", ...]:
    """Run a model in evaluation mode while it is watched.

    Raises
    ------
    PairError
        If the model does not accept the inputs, or does not return tensors.
    """
    import torch

    watch.precision = precision_of(model)
    gradient_mode = torch.enable_grad() if watch.differentiates else torch.no_grad()
    try:
        with gradient_mode, _recording(model, watch):
            return outputs_of(model.eval()(*tensors_of(model, inputs)))
    except (PairError, Arrived):
        raise
    except Exception as error:  # a model raises what it likes
        raise calls.failure("The reference", inputs, error) from error


@contextmanager
def _recording(model: "torch.nn.Module", watch: Watch) -> Iterator[None]:
    """Wrap the ``forward`` of each module and every function of torch, and unwrap them again."""
    abouts = structure_of(model).abouts
    methods = [(module, _module_recorder(path, abouts[path], module, watch)) for path, module in watch.modules.items()]
    with calls.with_methods("forward", methods), _function_recorder(model, watch):
        yield


def _module_recorder(path: str, about: About, module: "torch.nn.Module", watch: Watch) -> Callable[..., Any]:
    original = module.forward

    def forward(*arguments: Any, **keywords: Any) -> Any:
        watch.ran.add(path)
        return calls.with_first_argument(original, arguments, keywords, partial(watch.call, about))

    return forward


def _function_recorder(model: "torch.nn.Module", watch: Watch) -> Any:
    """A mode that records calls of layer functions with the model's own tensors, outside of recorded modules."""
    import torch

    names, own = structure_of(model).names, structure_of(model).own

    class Recorder(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            keywords = kwargs or {}
            row = torch_functions.FUNCTIONS.get(torch_functions.called_name(function))
            bound = row.bind(args, keywords) if row else {}
            held = {word: names[id(bound[word])] for word in (row.weights if row else ()) if id(bound[word]) in names}
            if watch.depth:
                watch.in_functions |= set(held.values())
                return function(*args, **keywords)
            if row is None or not held:
                return watch.edit(function, args, keywords)
            name = _function_layer_name(held, own)
            watch.functional.append(name)
            about = About(name, torch_functions.kind_of(row, bound), held, torch_functions.settings_of(row, bound))
            named = keywords if args else {"input": bound["input"], **keywords}
            return calls.with_first_argument(function, args, named, partial(watch.call, about))

    return Recorder()


def _function_layer_name(held: Mapping[str, str], own: Mapping[str, Mapping[str, str]]) -> str:
    """The module whose tensors they are, all of them; else the first tensor's own name."""
    path = next(iter(held.values())).rpartition(".")[0]
    saved = [name for word, name in own[path].items() if word != "num_batches_tracked"]
    return (
        path if path and sorted(saved) == sorted(held.values()) else next(iter(held.values())).removesuffix(".weight")
    )
