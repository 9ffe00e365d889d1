"""Run a torch model: trace it, teach its layers, take its gradients. `keras_runs` has the same names."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from porting.errors import PairError, first_line
from porting.records.gradients import Gradients
from porting.reference import functions as torch_functions
from porting.reference.side import aliases, array_of, own_tensors, shapes
from porting.traces import LayerCall, Lesson, Teacher, Trace

if TYPE_CHECKING:
    import torch


def trace(model: "torch.nn.Module", inputs: Sequence[np.ndarray], whole_kinds: frozenset[str] = frozenset()) -> Trace:
    """Run a model in evaluation mode and record every layer that owns weights.

    A layer is a module that owns tensors, or a function of `torch_functions.FUNCTIONS` called with the model's own.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : sequence of ndarray
        In the reference's axis order; floats are cast to the model's precision.
    whole_kinds : frozenset of str
        Types of modules that are one layer, whatever functions they call.

    Raises
    ------
    PairError
        If the model does not accept the inputs, does not return tensors, or has weights that no layer call used.
    """
    watch = _Watch(_modules(model))
    outputs = _run(model, inputs, watch)
    structure = _structure(model)
    if watch.functional or watch.idle() or _has_own_kinds(watch, whole_kinds):
        watch = _Watch(_modules_without_functions(model, watch, whole_kinds))
        outputs = _run(model, inputs, watch)
    if watch.overwritten():
        watch = _Watch(watch.modules, copies=True)
        outputs = _run(model, inputs, watch)
    _check_all_ran(model, watch)
    return Trace(watch.recorded(), _arrays(outputs), shapes(model), structure.aliases)


def teach(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    *,
    alone: bool | Collection[int] = True,
) -> Trace:
    """Run a model whose layers are fed, and return, what a lesson says.

    Returns
    -------
    Trace
        Each call's input is what came of the outputs given before it; its output is what the layer made of its feed,
        or what it was given where the layer did not run: `alone` says whether layers do, or the numbers of those calls.
    """
    watch = _Watch(_taught_modules(model, lesson), Teacher(lesson), alone=alone, copies=True)
    outputs = _run(model, inputs, watch)
    return Trace(watch.recorded(), _arrays(outputs), {}, {})


def arriving(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    lesson: Lesson,
    number: int,
    editor: Callable[..., Any] | None = None,
) -> np.ndarray:
    """What arrives at a layer call, by its number; behind the last one, at the outputs, one after the other.

    No layer runs, and nothing behind the call; `editor`, if any, runs each function between layers: (watch, function,
    arguments, keywords) -> its result.
    """
    watch = _Watch(_taught_modules(model, lesson), Teacher(lesson), alone=False, editor=editor, stop_at=number)
    try:
        outputs = _run(model, inputs, watch)
    except _Arrived as arrived:
        return array_of(arrived.tensor)
    return array_of(outputs[number - len(lesson)])


def gradients(model: "torch.nn.Module", inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]) -> Gradients:
    """Gradients of the sum of all outputs times `cotangents`, in evaluation mode; then one step's statistics."""
    import torch

    given = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in _tensors(model, inputs)]
    with _differentiable(model), torch.enable_grad():
        outputs = _several(model.eval()(*(tensor.clone() for tensor in given)))
        factors = [torch.from_numpy(np.ascontiguousarray(array)) for array in cotangents]
        torch.stack([(out * by).sum() for out, by in zip(outputs, factors, strict=True)]).sum().backward()
        named = dict(model.named_parameters())
        weights = {name: array_of(_gradient(parameter)).copy() for name, parameter in named.items()}
    return Gradients(
        tuple(array_of(_gradient(tensor)) if tensor.is_floating_point() else None for tensor in given),
        weights,
        _statistics_after_a_step(model, inputs),
    )


def unseen_values(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson = ()) -> dict[str, np.ndarray]:
    """Which values of each parameter change no output of floats: those whose gradient is zero on all samples.

    With a lesson, no output of any layer that is run alone by it.
    """
    import torch

    watch = _Watch(_taught_modules(model, lesson), Teacher(lesson), differentiates=True) if lesson else None
    with _differentiable(model), torch.enable_grad():
        outputs = _run(model, inputs, watch) if watch else _several(model.eval()(*_tensors(model, inputs)))
        seen = [out for out in (watch.outputs if watch else outputs) if out.is_floating_point()]
        generator = torch.Generator().manual_seed(0)
        signs = (torch.rand(out.shape, generator=generator, dtype=out.dtype) + 0.5 for out in seen)
        torch.stack([(out * sign).sum() for out, sign in zip(seen, signs, strict=True)]).sum().backward()
        return {name: array_of(_gradient(parameter) == 0) for name, parameter in model.named_parameters()}


class _Arrived(Exception):  # noqa: N818 - nothing is wrong
    """Ends a run at the layer call that was waited for."""

    def __init__(self, tensor: "torch.Tensor") -> None:
        self.tensor = tensor


class _About(NamedTuple):
    """What of a layer call is known before it runs."""

    name: str
    kind: str
    weights: Mapping[str, str]
    settings: Mapping[str, Any]


@dataclass(slots=True)
class _Watch:
    """What is recorded while a model runs, and what its layers are taught meanwhile."""

    modules: Mapping[str, "torch.nn.Module"]
    teacher: Teacher = field(default_factory=lambda: Teacher(()))
    alone: bool | Collection[int] = True
    copies: bool = False
    differentiates: bool = False
    depth: int = 0
    abouts: list[_About] = field(default_factory=list)
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

    def call(self, about: _About, given: "torch.Tensor", run: Callable[["torch.Tensor"], Any]) -> Any:
        """Run a layer as its lesson says, record it, and return what it is to return."""
        if len(self.abouts) == self.stop_at:
            raise _Arrived(given)
        _check_tensor(given, about)
        teaching = self.teacher.next(about.name)
        fed = given if teaching is None else _tensor(teaching.feed, self.precision)
        self.depth += 1
        try:
            output = run(fed) if teaching is None or self._is_to_run(about) else None
        finally:
            self.depth -= 1
        give = None if teaching is None else _tensor(teaching.give, self.precision)
        self._record(about, given, _first(output) if output is not None else give)
        return output if give is None else _given_back(output, give, about)

    def _is_to_run(self, about: _About) -> bool:
        wanted = self.alone if isinstance(self.alone, bool) else len(self.abouts) in self.alone
        return wanted or about.kind in _SEVERAL_OUTPUTS

    def _record(self, about: _About, given: "torch.Tensor", output: Any) -> None:
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


def _check_tensor(given: Any, about: _About) -> None:
    import torch

    if not isinstance(given, torch.Tensor):
        raise PairError(
            f"{about.name} ({about.kind}) is given a {type(given).__name__}, which cannot be compared with a tensor.\n"
            "Give layers tensors: pad a PackedSequence, and mask behind the layer."
        )


def _run(model: "torch.nn.Module", inputs: Sequence[np.ndarray], watch: _Watch) -> tuple["torch.Tensor", ...]:
    import torch

    watch.precision = _precision(model)
    gradient_mode = torch.enable_grad() if watch.differentiates else torch.no_grad()
    try:
        with gradient_mode, _recording(model, watch):
            return _several(model.eval()(*_tensors(model, inputs)))
    except (PairError, _Arrived):
        raise
    except Exception as error:  # a model raises what it likes
        given = ", ".join(str(array.shape) for array in inputs)
        raise PairError(f"The reference failed on inputs of shape {given}: {first_line(error)}") from error


@contextmanager
def _recording(model: "torch.nn.Module", watch: _Watch) -> Iterator[None]:
    """Wrap the ``forward`` of each module and every function of torch, and unwrap them again."""
    abouts = _structure(model).abouts
    before = {path: vars(module).get("forward") for path, module in watch.modules.items()}
    try:
        for path, module in watch.modules.items():
            module.forward = _module_recorder(path, abouts[path], module, watch)
        with _function_recorder(model, watch):
            yield
    finally:
        for path, module in watch.modules.items():
            module.__dict__.pop("forward", None)
            if (own := before[path]) is not None:
                module.__dict__["forward"] = own


def _module_recorder(path: str, about: _About, module: "torch.nn.Module", watch: _Watch) -> Callable[..., Any]:
    original = module.forward

    def forward(*arguments: Any, **keywords: Any) -> Any:
        watch.ran.add(path)
        if arguments:
            given, *others = arguments
            return watch.call(about, given, lambda fed: original(fed, *others, **keywords))
        first, *_ = keywords
        return watch.call(about, keywords[first], lambda fed: original(**{**keywords, first: fed}))

    return forward


def _function_recorder(model: "torch.nn.Module", watch: _Watch) -> Any:
    """A mode that records calls of layer functions with the model's own tensors, outside of recorded modules."""
    import torch

    names, own = _structure(model).names, _structure(model).own

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
            about = _About(name, torch_functions.kind_of(row, bound), held, torch_functions.settings_of(row, bound))
            if args:
                return watch.call(about, args[0], lambda fed: function(fed, *args[1:], **keywords))
            return watch.call(about, bound["input"], lambda fed: function(**{**keywords, "input": fed}))

    return Recorder()


def _function_layer_name(held: Mapping[str, str], own: Mapping[str, Mapping[str, str]]) -> str:
    """The module whose tensors they are, all of them; else the first tensor's own name."""
    path = next(iter(held.values())).rpartition(".")[0]
    saved = [name for word, name in own[path].items() if word != "num_batches_tracked"]
    return (
        path if path and sorted(saved) == sorted(held.values()) else next(iter(held.values())).removesuffix(".weight")
    )


@dataclass(frozen=True, slots=True)
class _Structure:
    """What does not change from run to run of a model.

    Attributes
    ----------
    ids : tuple of int
        Of its saved tensors: a change of precision makes others of some.
    own : Mapping
        Path of each module -> its own tensors, their names in it -> in the model.
    names : Mapping
        Id of each tensor -> its first name.
    aliases : Mapping
    abouts : Mapping
        Path of each module that owns tensors -> what is known of it.
    """

    ids: tuple[int, ...]
    own: Mapping[str, Mapping[str, str]]
    names: Mapping[int, str]
    aliases: Mapping[str, str]
    abouts: Mapping[str, _About]


_STRUCTURES: "WeakKeyDictionary[torch.nn.Module, _Structure]" = WeakKeyDictionary()


def _structure(model: "torch.nn.Module") -> _Structure:
    ids = tuple(map(id, model.state_dict(keep_vars=True).values()))
    known = _STRUCTURES.get(model)
    if known is None or known.ids != ids:
        names = {id(tensor): name for name, tensor in reversed(model.state_dict(keep_vars=True).items())}
        own = {path: own_tensors(path, module) for path, module in model.named_modules(remove_duplicate=False)}
        further = aliases(model)
        known = _STRUCTURES[model] = _Structure(ids, own, names, further, _abouts(model, own, further))
    return known


def _modules(model: "torch.nn.Module") -> dict[str, "torch.nn.Module"]:
    """Path -> module, for each that owns tensors."""
    own = _structure(model).own
    return {path: module for path, module in model.named_modules() if own[path]}


def _abouts(
    model: "torch.nn.Module", own: Mapping[str, Mapping[str, str]], further: Mapping[str, str]
) -> dict[str, _About]:
    """What is known of each module that owns tensors; one whose tensors are all another's goes by that one's name."""
    abouts: dict[str, _About] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if not own[path]:
            continue
        weights, kind = own[path], type(module).__name__
        resolved = {word: further.get(name, name) for word, name in weights.items()}
        owner = next(iter(resolved.values())).rpartition(".")[0]
        is_twin = owner in abouts and (abouts[owner].kind, abouts[owner].weights) == (kind, resolved)
        abouts[path] = abouts[owner] if is_twin else _About(path, kind, weights, _settings(module))
    return abouts


def _modules_without_functions(
    model: "torch.nn.Module", watch: _Watch, whole_kinds: frozenset[str]
) -> dict[str, "torch.nn.Module"]:
    """Leave out modules that are no layers themselves: functions inside them, or elsewhere, use their tensors."""

    def is_layer(path: str, module: "torch.nn.Module") -> bool:
        return _is_one_layer(module, whole_kinds) or not set(own[path].values()) <= watch.in_functions

    idle, own = watch.idle(), _structure(model).own
    return {path: module for path, module in watch.modules.items() if path not in idle and is_layer(path, module)}


def _has_own_kinds(watch: _Watch, whole_kinds: frozenset[str]) -> bool:
    return not all(_is_one_layer(module, whole_kinds) for module in watch.modules.values())


def _is_one_layer(module: "torch.nn.Module", whole_kinds: frozenset[str]) -> bool:
    """Whether a module is one layer whatever it calls: torch's own are, and those that the pair has rules for."""
    return type(module).__module__.startswith("torch.nn") or type(module).__name__ in whole_kinds


def _taught_modules(model: "torch.nn.Module", lesson: Lesson) -> dict[str, "torch.nn.Module"]:
    taught, modules = {(teaching.name, teaching.kind) for teaching in lesson}, _modules(model)
    return {
        path: modules[path]
        for path, about in _structure(model).abouts.items()
        if path in modules and (about.name, about.kind) in taught
    }


def _check_all_ran(model: "torch.nn.Module", watch: _Watch) -> None:
    used = {name for about in watch.abouts for name in about.weights.values()}
    structure = _structure(model)
    used |= {name for name, first in structure.aliases.items() if first in used}
    left = {
        path for path, own in structure.own.items() if not set(own.values()) - {f"{path}.num_batches_tracked"} <= used
    }
    if left:
        raise PairError(
            f"{len(left)} layers of the reference own weights that no layer call used: {', '.join(sorted(left))}.\n"
            f"Use them through a module or one of {', '.join(torch_functions.FUNCTIONS)}, or remove them if nothing "
            "needs them."
        )


def _settings(module: "torch.nn.Module") -> dict[str, Any]:
    return {name: getattr(module, name) for name in getattr(module, "__constants__", ())}


@contextmanager
def _differentiable(model: "torch.nn.Module") -> Iterator[None]:
    """Every parameter takes a gradient, and has none before or afterwards."""
    before = {parameter: parameter.requires_grad for parameter in model.parameters()}
    for parameter in before:
        parameter.requires_grad_(parameter.is_floating_point())
    try:
        yield
    finally:
        for parameter, wanted in before.items():
            parameter.grad = None
            parameter.requires_grad_(wanted)


def _gradient(tensor: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def _statistics_after_a_step(model: "torch.nn.Module", inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Floating buffers after one forward pass in training mode without dropout; the model is left as it was."""
    import torch

    saved = set(model.state_dict())
    held = {name: buffer for name, buffer in model.named_buffers() if name in saved and buffer.is_floating_point()}
    if not held:
        return {}
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        with torch.no_grad(), _without_dropout():
            model.train()(*_tensors(model, inputs))
        return {name: array_of(buffer).copy() for name, buffer in held.items()}
    finally:
        model.eval()
        for name, buffer in model.named_buffers():
            buffer.data.copy_(before[name])


def _without_dropout() -> Any:
    import torch

    class KeepAll(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            is_dropout = "dropout" in torch_functions.called_name(function)
            return args[0] if is_dropout and args else function(*args, **(kwargs or {}))

    return KeepAll()


def _tensors(model: "torch.nn.Module", inputs: Iterable[np.ndarray]) -> list["torch.Tensor"]:
    """Inputs as tensors of their own memory, floats in the model's precision."""
    return [_tensor(array, _precision(model)) for array in inputs]


def _precision(model: "torch.nn.Module") -> "torch.dtype":
    import torch

    own_dtypes = (tensor.dtype for tensor in model.state_dict().values() if tensor.is_floating_point())
    return next(own_dtypes, torch.float32)


def _tensor(array: np.ndarray, precision: Any) -> "torch.Tensor":
    """An array as a tensor of its own memory, floats in a model's precision."""
    import torch

    made = torch.tensor(array)
    return made.to(precision) if made.is_floating_point() else made


def _first(output: Any) -> "torch.Tensor":
    return output[0] if isinstance(output, (tuple, list)) else output


def _with_first(output: Any, first: "torch.Tensor") -> Any:
    return (first, *output[1:]) if isinstance(output, (tuple, list)) else first


def _given_back(output: Any, give: "torch.Tensor", about: _About) -> Any:
    """What a taught layer returns; a recurrent layer's state is the last step of what it is given."""
    is_last_step = (
        about.kind in _RECURRENT and about.settings["num_layers"] == 1 and not about.settings["bidirectional"]
    )
    if not is_last_step:
        return _with_first(output, give)
    last = give[:, -1] if about.settings["batch_first"] else give[-1]
    return give, _with_first(output[1], last[None])


def _several(outputs: Any) -> tuple["torch.Tensor", ...]:
    import torch

    several = tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
    if not all(isinstance(output, torch.Tensor) for output in several):
        raise PairError(f"The reference returns {type(outputs).__name__}; it must return a tensor or several.")
    return several


def _arrays(outputs: Iterable["torch.Tensor"]) -> tuple[np.ndarray, ...]:
    return tuple(array_of(output) for output in outputs)
