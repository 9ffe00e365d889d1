"""The model's own arrays: parameters and buffers that no layer of torch.nn owns become layers that hold one array."""

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from porting.writing.functions.row import NoRowError
from porting.writing.recording.constants import kind_of
from porting.writing.recording.recorder import Recorder, Scope, variable_of
from porting.writing.values.axes import Axes, Form, Value
from porting.writing.values.blocks import Block, Statement
from porting.writing.values.expressions import Expression, name_of

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class OwnArray:
    """An array that becomes a layer of its own.

    Attributes
    ----------
    shape : tuple of int
        In torch.
    form : Form
        The axes that it is held in.
    written : ast.Tuple
        Where its shape is written.
    """

    shape: tuple[int, ...]
    form: Form
    written: ast.Tuple

    def axes(self) -> Axes:
        """The axes that it is held in."""
        return self.form.axes if self.form.axes is not None else tuple(range(len(self.shape)))


@dataclass(slots=True)
class OwnArrays:
    """Those that have been written."""

    recorder: Recorder
    by_path: dict[str, OwnArray] = field(default_factory=dict)

    def read(self, path: str, array: "torch.Tensor", trained: bool, scope: Scope) -> Value:
        """Write the layer that holds an array, at its first use.

        Raises
        ------
        NoRowError
            If the model has no input, which the layer would be called with, or the array holds no floating-point
            numbers.
        """
        at = self.recorder.scopes.index(scope)
        anchors = [value for outer in reversed(self.recorder.scopes[: at + 1]) for value in outer.anchors]
        if not anchors:
            raise NoRowError("reads an array where no input is at hand")
        if array.is_complex():
            raise NoRowError(f"reads {path}, which holds complex numbers: keep it as torch.view_as_real gives it")
        if not array.is_floating_point():
            raise NoRowError(f"reads {path}, {array.numel()} whole numbers that follow no rule")
        shape = tuple(map(int, array.shape))
        written = ast.Tuple([], ast.Load())
        own = OwnArray(shape, Form(), written)
        settings = {} if trained else {"trainable": False}
        layer = Expression(ast.Name("Learned", ast.Load()))
        data = layer(Expression(written), **settings, name=name_of(path))(anchors[0].data)
        self.by_path[path] = own
        title = path.rpartition(".")[2]
        bound = self.recorder.bind_in(scope, data, [title])
        self.recorder.titles[variable_of(bound)] = title
        return Value(bound, shape, tuple(range(len(shape))), kind_of(array.dtype), own.form)

    def keep(self, path: str, array: "torch.Tensor", block: Block) -> None:
        """Write a layer, at the first input, that holds an array which nothing reads."""
        shape = tuple(map(int, array.shape))
        self.by_path[path] = OwnArray(shape, Form(tuple(range(len(shape)))), ast.Tuple([], ast.Load()))
        given, passed = self.recorder.fresh(), block.parameters[0]
        layer = Expression(ast.Name("Kept", ast.Load()))(Expression(self.by_path[path].written), name=name_of(path))
        block.statements.insert(0, Statement([passed], layer(given).tree, block.parameter_names[:1]))
        block.parameters[0] = variable_of(given)

    def finish(self) -> None:
        """Write each shape, now that it is known which axes are held where."""
        for own in self.by_path.values():
            own.written.elts[:] = [ast.Constant(own.shape[axis]) for axis in own.axes()]
