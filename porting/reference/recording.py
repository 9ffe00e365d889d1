"""Run a torch model while a `Watch` looks on: modules and functions of torch tell it of their calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PairError
from porting.reference import functions as torch_functions
from porting.reference.abouts import About
from porting.reference.exact import exact
from porting.reference.expansions import packed, stacks
from porting.reference.expansions.joins import Join, Layer, joins_of
from porting.reference.expansions.modules import expansion_of
from porting.reference.side import call, precision_of, tensors_of
from porting.reference.structure import Structure, structure_of
from porting.reference.watch import Arrived, Watch

if TYPE_CHECKING:
    import torch


def run(model: "torch.nn.Module", inputs: Sequence[np.ndarray], watch: Watch) -> tuple["torch.Tensor", ...]:
    """Run a model in evaluation mode while it is watched.

    Raises
    ------
    PairError
        If the model does not accept the inputs, or does not return tensors.
    """
    import torch

    watch.precision = precision_of(model)
    watch.samples = len(inputs[0]) if inputs and inputs[0].ndim else 1
    given = tensors_of(model, inputs)
    gradient_mode = torch.enable_grad() if watch.differentiates else torch.no_grad()
    try:
        with exact(model), gradient_mode, _no_fast_path(), packed.noted(), _recording(model, watch):
            return call(model.eval(), given)
    except (PairError, Arrived):
        raise
    except Exception as error:  # a model raises what it likes
        raise calls.failure("The reference", inputs, error) from error


@contextmanager
def _no_fast_path() -> Iterator[None]:
    """A TransformerEncoderLayer has a path of its own, which runs none of its modules."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _recording(model: "torch.nn.Module", watch: Watch) -> Iterator[None]:
    """Wrap the ``forward`` of each module and every function of torch, and unwrap them again."""
    structure = structure_of(model)
    joins = joins_of(watch.joins, _layers(structure, watch)) if watch.joins else {}
    methods = [
        (
            module,
            _joined(path, joins[path], watch) if path in joins else _recorder(path, structure, module, watch, joins),
        )
        for path, module in watch.modules.items()
    ]
    with calls.with_methods("forward", methods), _function_recorder(model, watch):
        yield


def _layers(structure: Structure, watch: Watch) -> dict[str, Layer]:
    """All layers that may be joined: modules, and those that a module is made of."""
    modules = {path: Layer(structure.abouts[path], module.forward) for path, module in watch.modules.items()}
    expansions = (structure.expansions[path] for path in watch.modules if path in structure.expansions)
    parts = {part.name: Layer(part, held.alone[part.name]) for held in expansions for part in held.parts if held.alone}
    return modules | parts


def _joined(path: str, join: Join, watch: Watch) -> Callable[..., Any]:
    def forward(given: "torch.Tensor") -> "torch.Tensor":
        watch.uses.ran.add(path)
        return join.originals[path](given) if watch.depth else join.forward(path, given, watch.call)

    return forward


def _part_recorder(watch: Watch, joins: Mapping[str, Join]) -> Callable[..., Any]:
    def record(about: About, given: "torch.Tensor", run: Callable[..., Any]) -> Any:
        join = joins.get(about.name)
        return join.forward(about.name, given, watch.call) if join else watch.call(about, given, run)

    return record


def _recorder(
    path: str, structure: Structure, module: "torch.nn.Module", watch: Watch, joins: Mapping[str, Join]
) -> Callable[..., Any]:
    import torch

    about, original = structure.abouts[path], module.forward
    expansion = structure.expansions.get(path)
    if split := watch.splits.get(path):
        expansion = expansion_of(about.name, module, about.weights, split)
    inside = expansion.recorded(_part_recorder(watch, joins)) if expansion else None
    is_recurrent = isinstance(module, torch.nn.RNNBase)

    def forward(*arguments: Any, **keywords: Any) -> Any:
        watch.uses.ran.add(path)
        if inside is not None and not watch.depth:
            return inside(*arguments, **keywords)
        first = next(iter((*arguments, *keywords.values())), None)
        if is_recurrent and isinstance(first, torch.nn.utils.rnn.PackedSequence) and not watch.depth:
            return stacks.forward((about,), module, _part_recorder(watch, joins))(*arguments, **keywords)
        return calls.with_first_argument(original, arguments, keywords, partial(watch.call, about))

    return forward


def _function_recorder(model: "torch.nn.Module", watch: Watch) -> Any:
    """A mode that records what functions do with the model's own tensors, outside of recorded modules."""
    return calls.functions_handed(_Functions(model, watch).call)


class _Functions:
    """Calls of functions: of a model's own tensors alone they are layers of it, else they use those tensors."""

    def __init__(self, model: "torch.nn.Module", watch: Watch) -> None:
        structure = structure_of(model)
        self.watch, self.names, self.own = watch, structure.names, structure.own
        self.whole = {name for path in watch.modules for name in structure.own[path].values()}

    def call(self, function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        """What a function makes of its arguments, as a layer where it is one."""
        watch, names = self.watch, self.names
        row = torch_functions.FUNCTIONS.get(torch_functions.called_name(function))
        bound = row.bind(args, keywords) if row else {}
        held = {word: names[id(bound[word])] for word in (row.weights if row else ()) if id(bound[word]) in names}
        if row is None or watch.depth or not _is_layer(row, bound, held) or watch.opened.intersection(held.values()):
            return self._plain_use(function, args, keywords)
        name = _function_layer_name(held, self.own)
        about = About(name, torch_functions.kind_of(row, bound), held, torch_functions.settings_of(row, bound))
        watch.uses.functional.setdefault((name, about.kind), about)
        if watch.wanted is not None and (name, about.kind) not in watch.wanted.functional:
            return self._plain_use(function, args, keywords)
        heard = partial(watch.call, about)
        if about.kind == "Linear" and "bias" not in held and bound.get("bias") is not None:
            return _with_computed_bias(function, bound, heard)
        named = keywords if args else {"input": bound["input"], **keywords}
        return calls.with_first_argument(function, args, named, heard)

    def _plain_use(self, function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        import torch

        watch, names = self.watch, self.names
        used = [
            (names[id(tensor)], tensor)
            for tensor in calls.leaves((args, keywords))
            if id(tensor) in names and not (watch.depth and names[id(tensor)] in self.whole)
        ]
        if not used:
            return function(*args, **keywords) if watch.depth else watch.edit(function, args, keywords)
        wanted = watch.wanted.plain if watch.wanted is not None else frozenset()
        changed = {id(tensor): watch.parameter(name, tensor) for name, tensor in used if name in wanted}
        args, keywords = calls.with_leaves((args, keywords), changed) if changed else (args, keywords)
        result = function(*args, **keywords) if watch.depth else watch.edit(function, args, keywords)
        if any(isinstance(leaf, torch.Tensor) for leaf in calls.leaves(result)):
            watch.uses.plain |= dict.fromkeys(name for name, _ in used)
        return result


def _with_computed_bias(function: Callable[..., Any], bound: Mapping[str, Any], heard: Callable[..., Any]) -> Any:
    """A linear layer of the model's own weight, and behind it the bias, which is no tensor of the model's."""
    product = partial(function, weight=bound["weight"])
    return calls.with_first_argument(product, (bound["input"],), {}, heard) + bound["bias"]


def _is_layer(row: torch_functions.FunctionRow, bound: Mapping[str, Any], held: Mapping[str, str]) -> bool:
    """Whether a function's tensors are the model's own, the first of them at least, if it is given any."""
    given = [word for word in row.weights if bound.get(word) is not None]
    return bool(given) and given[0] in held


def _function_layer_name(held: Mapping[str, str], own: Mapping[str, Mapping[str, str]]) -> str:
    """The module whose tensors they are, all of them; else the first tensor's own name."""
    path = next(iter(held.values())).rpartition(".")[0]
    saved = [name for word, name in own[path].items() if word != "num_batches_tracked"]
    return (
        path if path and sorted(saved) == sorted(held.values()) else next(iter(held.values())).removesuffix(".weight")
    )
