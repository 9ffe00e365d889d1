"""Go through the exported graph once and write down each call by its row."""

import ast
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from porting.rules.function_row import FunctionRow
from porting.writing.arrays import OwnArray, OwnArrays, constant, kind_of
from porting.writing.authors import AuthorNames
from porting.writing.axes import Value, arranged, plain, settled, whole
from porting.writing.blocks import Block, BlockCall, Statement
from porting.writing.exported import Exported
from porting.writing.expressions import Expression
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.table import FUNCTION_ROWS, is_in_place, name_of
from porting.writing.layers import LAYER_ROWS
from porting.writing.layouts import feeds_channels, only_dropped
from porting.writing.module_calls import ModuleCall, call_tree
from porting.writing.recorder import Recorder, Scope, variable_of

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

CASTS = {"to", "_to_copy", "type_as"}


class _UnknownError(Exception):
    """A call reads what could not be written, which has been told already."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A call that cannot be written: torch's function, why, and where it stands in the torch source."""

    function: str
    why: str
    place: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a model came to.

    Attributes
    ----------
    block : Block
        The model.
    inputs, outputs : list of Value
    own : list of str
        Names of what is copied from `inserted`.
    arrays : Mapping
        Path -> each of the model's own arrays, which are layers of their own.
    missing : list of Missing
    """

    block: Block
    inputs: list[Value]
    outputs: list[Value]
    own: list[str]
    arrays: Mapping[str, OwnArray]
    missing: list[Missing]


class Interpreter:
    """Writes one model."""

    def __init__(
        self,
        model: "torch.nn.Module",
        exported: Exported,
        *,
        rows: Sequence[FunctionRow] = (),
        partial: bool = False,
    ) -> None:
        self.rows = {row.name: row.write for row in rows}
        self.partial = partial
        self.model = model
        self.exported = exported
        self.recorder = Recorder()
        self.arrays = OwnArrays(self.recorder)
        self.authors = AuthorNames()
        self.values: dict[Node, Any] = {}
        self.own: list[str] = []
        self.missing: list[Missing] = []
        self.state = model.state_dict(keep_vars=True)

    def written(self) -> Written:
        """Write the whole model."""
        graph = self.exported.graph
        inputs = [self._input(node) for node in graph.nodes if node.name in self.exported.inputs]
        block = Block("", type(self.model), [variable_of(value.data) for value in inputs], [*self.exported.input_names])
        self.recorder.scopes.append(Scope(block, next(iter(inputs), None)))
        for node in graph.nodes:
            if self._is_shared(node):
                self.values[node] = self._array(node)
        self._steps(call_tree([node for node in graph.nodes if node.op == "call_function"], self.model))
        returned = next(iter(reversed(graph.nodes))).args[0]
        outputs = [self._output(self.values[node]) for node in returned if node in self.values]
        block.results = [variable_of(value.data) for value in outputs]
        self.arrays.finish()
        return Written(block, inputs, outputs, self.own, self.arrays.by_path, self.missing)

    def _output(self, value: Value) -> Value:
        """All axes of an output, its samples first."""
        order = whole(settled(value))
        samples = [axis for axis in order if self.exported.is_batch(value.shape[axis])][:1]
        held = arranged(OPS, value, (*samples, *(axis for axis in order if axis not in samples)))
        return replace(held, data=self.recorder.bind(held.data))

    def _input(self, node: "Node") -> Value:
        tensor = node.meta["val"]
        shape = tuple(map(int, tensor.shape))
        images = len(shape) > 2 and feeds_channels(node)
        axes = (0, *range(2, len(shape)), 1) if images else tuple(range(len(shape)))
        self.values[node] = Value(self.recorder.fresh(), shape, axes, kind_of(tensor.dtype))
        return self.values[node]

    def _steps(self, call: ModuleCall) -> None:
        for step in call.steps:
            if not isinstance(step, ModuleCall):
                self._node(step, call)
            elif step.is_seen_through():
                self._steps(replace(step, module=call.module))
            else:
                self._block(step, call)

    def _block(self, call: ModuleCall, outer: ModuleCall) -> None:
        """Write a call of a module as a call of a function, unless it comes to one statement at most."""
        inside = dict.fromkeys(call.nodes())
        reads = dict.fromkeys(node for step in inside for node in step.all_input_nodes if node not in inside)
        read = [self._settled(node) for node in reads if node in self.values]
        anchors = [
            value for value in read if isinstance(value, Value) and any(map(self.exported.is_batch, value.shape))
        ]
        block = Block(call.path, type(call.module))
        self.recorder.scopes.append(Scope(block, next(iter(anchors), None)))
        self._steps(call)
        self.recorder.scopes.pop()
        leaving = [node for node in inside if node in self.values and any(user not in inside for user in node.users)]
        made = block.made()
        results = [name for node in leaving for name in _variables(self.values[node])]
        block.results = [name for name in dict.fromkeys(results) if name in made]
        if len(block.statements) <= 1:
            self.recorder.block.statements += block.statements
            return
        block.parameters = block.free()
        block.parameter_names = self.authors.parameters(call, block.parameters)
        names = [name for node in leaving for name in self.authors.names(node, outer)]
        arguments: list[ast.expr] = [ast.Name(name, ast.Load()) for name in block.parameters]
        outside = [self.recorder.fresh() for _ in block.results]
        targets = [variable_of(data) for data in outside]
        self.recorder.block.statements.append(Statement(targets, BlockCall(block, arguments), names))
        renamed = dict(zip(block.results, outside, strict=True))
        for node in inside:
            if node in self.values:
                self.values[node] = _renamed(self.values[node], renamed)

    def _settled(self, node: "Node") -> Any:
        if isinstance(self.values[node], Value):
            self.values[node] = settled(self.values[node])
        return self.values[node]

    def _node(self, node: "Node", call: ModuleCall) -> None:
        try:
            made = self._bound(self._applied(node), self.authors.names(node, call))
        except _UnknownError:
            return
        except NoRowError as error:
            self.missing.append(Missing(name_of(node.target), str(error), self.authors.place(node)))
            if not self.partial:
                return
            made = self._bound(self._left_out(node), self.authors.names(node, call))
        self.values[node] = made
        if is_in_place(node.target):
            self.values[node.all_input_nodes[0]] = made

    def _left_out(self, node: "Node") -> Any:
        """A call that raises NotImplementedError, in the place of one that cannot be written."""
        held = [self.values[read].data for read in node.all_input_nodes if isinstance(self.values.get(read), Value)]
        data = self._inserted("not_written")(name_of(node.target), *held)
        tensors = node.meta["val"] if isinstance(node.meta["val"], (list, tuple)) else [node.meta["val"]]
        parts = self.recorder.unpack(data, len(tensors)) if len(tensors) > 1 else [data]
        made = [
            plain(part, tuple(map(int, tensor.shape)), kind_of(tensor.dtype))
            for part, tensor in zip(parts, tensors, strict=True)
        ]
        return made if isinstance(node.meta["val"], (list, tuple)) else made[0]

    def _applied(self, node: "Node") -> Any:
        if node.target is operator.getitem:
            return self._value(node.all_input_nodes[0])[node.args[1]]
        name = name_of(node.target)
        owner = self._owner(node, name)
        if owner is not None:
            args, keywords = self._arguments(node, self._layer_value)
            return LAYER_ROWS[name][1](self._target(node), owner, *args, **keywords)
        if (row := self.rows.get(name) or FUNCTION_ROWS.get(name)) is None:
            raise NoRowError("the table of functions has no row for it")
        args, keywords = self._arguments(node, self._value)
        return row(self._target(node), *args, **keywords)

    def _owner(self, node: "Node", name: str) -> str | None:
        """The path of the layer whose weights a function is called with, if it is one of those that a row is for."""
        if name not in LAYER_ROWS or name in self.rows:
            return None
        arrays = [self.exported.arrays[arg.name] for arg in node.all_input_nodes if arg.name in self.exported.arrays]
        owners = {path.rpartition(".")[0] for path in arrays}
        if len(owners) != 1:
            return None
        owner = owners.pop()
        classes = {kind.__name__ for kind in type(self.model.get_submodule(owner)).__mro__}
        return owner if classes & set(LAYER_ROWS[name][0].split()) else None

    def _arguments(self, node: "Node", read: Any) -> tuple[list[Any], dict[str, Any]]:
        name = name_of(node.target)
        if name in CASTS:
            return [read(node.args[0])], {"dtype": kind_of(node.meta["val"].dtype)}
        args = [_plain(arg, read) for arg in node.args if not _is_place(arg)]
        keywords = {key: _plain(arg, read) for key, arg in node.kwargs.items() if not _is_place(arg)}
        return args, {key: arg for key, arg in keywords.items() if key not in {"pin_memory", "non_blocking", "layout"}}

    def _layer_value(self, node: "Node") -> Any:
        """A layer's own weight is only looked at for its shape."""
        if node.name in self.exported.arrays:
            shape = tuple(map(int, node.meta["val"].shape))
            return Value(None, shape, tuple(range(len(shape))))
        return self._value(node)

    def _value(self, node: "Node") -> Any:
        if node not in self.values:
            if node.name in self.exported.arrays:
                self.values[node] = self._array(node)
            elif node.name in self.exported.constants:
                self.values[node] = constant(OPS, self.exported.constants[node.name], FLOATX)
            else:
                raise _UnknownError
        return self.values[node]

    def _is_shared(self, node: "Node") -> bool:
        """Whether an array of the model's own is read in several blocks."""
        if node.name not in self.exported.arrays:
            return False
        readers = [user for user in node.users if self._owner(user, name_of(user.target)) is None]
        return len({tuple(user.meta.get("nn_module_stack", {})) for user in readers}) > 1

    def _array(self, node: "Node") -> Value:
        path = self.exported.arrays[node.name]
        array = self.state.get(path)
        if array is None or not array.is_floating_point():
            return constant(OPS, self.model.get_buffer(path), FLOATX)
        return self.arrays.read(path, array, array.requires_grad)

    def _bound(self, made: Any, names: list[str]) -> Any:
        if isinstance(made, (list, tuple)):
            padded = [*names, *[""] * len(made)]
            return [self._bound(item, [name] if name else []) for item, name in zip(made, padded, strict=False)]
        if made.form is not None or made.data is None:
            return made
        data = self.recorder.bind(made.data, names)
        for statement in reversed(self.recorder.block.statements):
            if variable_of(data) in statement.targets and not statement.names:
                statement.names = list(names)
        return replace(made, data=data)

    def _target(self, node: "Node") -> Target:
        return Target(
            ops=OPS,
            layers=LAYERS,
            own=self._inserted,
            kept=self.recorder.bind,
            unpacked=self.recorder.unpack,
            is_batch=self.exported.is_batch,
            anchor=self.recorder.scopes[-1].anchor,
            drops_units=only_dropped(node),
            floatx=FLOATX,
        )

    def _inserted(self, name: str) -> Expression:
        if name not in self.own:
            self.own.append(name)
        return _named(name)


def _named(name: str) -> Expression:
    return Expression(ast.Name(name, ast.Load()))


OPS, LAYERS, KERAS = map(_named, ("ops", "layers", "keras"))
FLOATX = KERAS.config.floatx()


def _plain(arg: Any, read: Any) -> Any:
    """An argument as rows take it: a Value, a number, a list of them, or the kind of a type."""
    if isinstance(arg, (list, tuple)):
        return [_plain(item, read) for item in arg]
    if hasattr(arg, "op"):
        return read(arg)
    return kind_of(arg) if type(arg).__name__ == "dtype" else arg


def _is_place(arg: Any) -> bool:
    """Whether an argument says where a tensor lies, which is not written."""
    return type(arg).__name__ in {"device", "layout", "memory_format"}


def _variables(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _variables(item)]
    return (
        [variable_of(value.data)]
        if isinstance(value.data, Expression) and isinstance(value.data.tree, ast.Name)
        else []
    )


def _renamed(value: Any, renamed: Mapping[str, Expression]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, renamed) for item in value]
    named = _variables(value)
    return replace(value, data=renamed[named[0]]) if named and named[0] in renamed else value
