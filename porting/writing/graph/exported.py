"""A torch model as torch exports it: a graph of calls, and what its inputs, arrays and outputs are."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.drops import dropping_functions
from porting.writing.functions.table import EMITS_NOTHING, name_of
from porting.writing.graph.composed import with_known_functions
from porting.writing.graph.folding import constant_nodes, folded
from porting.writing.graph.in_place import changes_views
from porting.writing.graph.marks import whole_modules
from porting.writing.graph.origins import attribute
from porting.writing.graph.regions import exported_program
from porting.writing.graph.training.noise import with_noise
from porting.writing.graph.training.rates import with_training_rates

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

PRIMES = (1009, 2003, 4001, 1013, 2011)
"""Numbers of samples to export with: sizes that are a multiple of it are numbers of samples, as no other size is."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What torch exported.

    Attributes
    ----------
    graph : torch.fx.Graph
        Without calls that nothing reads.
    samples : int
        The number of samples it was exported with.
    arrays : Mapping
        Placeholder -> path of the parameter or buffer in the model.
    constants : dict
        Node -> what it is, for all that depends on no input and no weight.
    kept : Mapping
        Placeholder -> path, for the constants that the model keeps: buffers, and tensors that are plain attributes.
    inputs : tuple of str
        Placeholders of the inputs, in order.
    input_names : tuple of str
        What the inputs are called in the model's signature.
    outputs : tuple of str
        Names of the outputs: keys, or attributes; numbered where the model returns a sequence.
    returned : tuple of Node
        The outputs, in order.
    others : Mapping
        Node -> what it is for inputs of other sizes, where constants follow these.
    """

    graph: "Graph"
    samples: int
    arrays: Mapping[str, str]
    constants: "dict[Node, torch.Tensor]"
    kept: Mapping[str, str]
    inputs: tuple[str, ...]
    input_names: tuple[str, ...]
    outputs: tuple[str, ...]
    returned: "tuple[Node, ...]"
    others: "Mapping[Node, torch.Tensor]" = field(default_factory=dict)

    def is_batch(self, size: int) -> bool:
        """Whether a size is the number of samples or a multiple of it."""
        return isinstance(size, int) and size > 0 and size % self.samples == 0


def export(
    model: "torch.nn.Module",
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    is_known: Callable[[Any], bool] = lambda function: True,
    samples: int | None = None,
) -> Exported:
    """Export a model in evaluation, with a number of samples that no other size has.

    Functions that are not known are taken apart where torch composes them of others. The number of samples is chosen
    unless one is given.

    Raises
    ------
    NoRowError
        If a part of it computes in half precision.
    torch's own error, whatever it is, where torch cannot export it.
    """
    from torch.export.graph_signature import InputKind

    samples = samples or samples_for(model, [*args, *keywords.values()])
    many = (
        [_with_samples(value, samples) for value in args],
        {n: _with_samples(v, samples) for n, v in keywords.items()},
    )
    with whole_modules(model.eval()):
        dropping = dropping_functions(model, lambda: model(*args, **keywords))
    model.eval()  # also what was made while it ran
    with whole_modules(model, dropping), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The tensor attributes? .*(_flat_weights|\[)")  # own caches
        warnings.filterwarnings("ignore", r".*LeafSpec", FutureWarning)  # of torch about itself
        program = with_noise(exported_program(model, *many), model, (args, keywords), many, exported_program)
        if changes_views(program.graph, constant_nodes(program.graph, _constants(program))):
            with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch's own, of its own
                program = program.run_decompositions({})
        program = with_known_functions(program, is_known)
    graph = program.graph
    _drop_checks(graph)
    graph.eliminate_dead_code()
    with_training_rates(graph, model, *many, dropping)
    constants = folded(graph, _constants(program), samples)
    specs = program.graph_signature.input_specs
    known = {node.name for node in constants}
    held = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)
    first = _first_names(model)
    paths = {s.arg.name: first.get(str(s.target), str(s.target)) for s in specs if s.kind in held}
    arrays = {name: path for name, path in paths.items() if name not in known}
    kept = {name: path for name, path in paths.items() if name in known and attribute(model, path) is not None}
    inputs = tuple(s.arg.name for s in specs if s.kind is InputKind.USER_INPUT and hasattr(s.arg, "name"))
    returned = _returned(program, graph)
    names, nodes = _output_names(program, returned), tuple(node for node in returned if hasattr(node, "op"))
    return Exported(graph, samples, arrays, constants, kept, inputs, inputs, names, nodes)


def _first_names(model: "torch.nn.Module") -> dict[str, str]:
    """Path of each saved array -> the first of those under which several layers of a model hold it."""
    held, first = model.state_dict(keep_vars=True), {}
    return {path: first.setdefault(id(array), path) for path, array in held.items()}


def _drop_checks(graph: "Graph") -> None:
    """Leave out what only looks whether a value is as it should be."""
    for node in [node for node in graph.nodes if name_of(node.target) in EMITS_NOTHING]:
        graph.erase_node(node)


def unused_arrays(model: "torch.nn.Module", exported: Exported) -> list[str]:
    """Paths of the arrays of numbers that a checkpoint has and no call reads."""
    saved = model.state_dict(keep_vars=True)
    placeholders = {exported.arrays[node.name]: node for node in exported.graph.nodes if node.name in exported.arrays}
    read = {id(saved[path]) for path, node in placeholders.items() if node.users and path in saved}
    return [
        path
        for path, array in saved.items()
        if path in placeholders and array.is_floating_point() and id(array) not in read
    ]


def _constants(program: Any) -> dict[str, "torch.Tensor"]:
    """Placeholder -> its value, where that is no weight: what the code made, whole numbers, what no checkpoint has."""
    from torch.export.graph_signature import InputKind

    known = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.CONSTANT_TENSOR:
            known[spec.arg.name] = program.constants[spec.target]
        elif spec.kind is InputKind.BUFFER:
            array = program.state_dict.get(spec.target, program.constants.get(spec.target))
            if array is not None and (not array.is_floating_point() or not spec.persistent):
                known[spec.arg.name] = array
    return known


def _returned(program: Any, graph: "Graph") -> tuple[Any, ...]:
    """What the model returns, without what it changed besides: nodes, None and numbers."""
    from torch.export.graph_signature import OutputKind

    made = next(iter(reversed(graph.nodes))).args[0]
    specs = program.graph_signature.output_specs
    return tuple(node for node, spec in zip(made, specs, strict=True) if spec.kind is OutputKind.USER_OUTPUT)


def samples_for(model: "torch.nn.Module", values: Sequence[Any]) -> int:
    """A number of samples that no size of a model and of its inputs is a multiple of."""
    sizes = {size for tensor in model.state_dict().values() for size in getattr(tensor, "shape", ())}
    sizes |= {size for value in values if hasattr(value, "shape") for size in value.shape[1:]}
    return next(prime for prime in PRIMES if not any(size % prime == 0 for size in sizes if size))


def _with_samples(value: Any, samples: int) -> Any:
    """The same kind of tensor with so many samples; its values are never looked at."""
    import torch

    if not isinstance(value, torch.Tensor) or not value.ndim:
        return value
    return torch.empty((samples, *value.shape[1:]), dtype=value.dtype)


def _output_names(program: Any, returned: Sequence[Any]) -> tuple[str, ...]:
    """The names of the tensors that are returned."""
    spec = program.call_spec.out_spec
    context = getattr(spec, "context", None)
    are_tensors = [hasattr(value, "op") for value in returned]
    count = sum(are_tensors)
    names = context[0] if isinstance(context, tuple) and context and isinstance(context[0], list) else context
    if isinstance(names, list) and len(names) == len(returned) and all(isinstance(name, str) for name in names):
        return tuple(name for name, is_tensor in zip(names, are_tensors, strict=True) if is_tensor)
    return ("output",) if count == 1 else tuple(f"output_{at}" for at in range(count))
