"""Compute what torch computes by the rows of the table, on tensors instead of expressions."""

import operator

from porting.writing import inserted
from porting.writing.arguments import arguments_of, called, check, item_of
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.table import EMITS_NOTHING, FUNCTION_ROWS, is_in_place, name_of
from porting.writing.recording.constants import kind_of
from porting.writing.values.axes import Value, in_order, settled


def by_rows(function, tensors, order=None):
    """What a function of torch gives, each of its calls by its row; its tensors held in an order of axes."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    traced = make_fx(function, pre_dispatch=True, tracing_mode="fake")(*tensors)
    traced.graph.eliminate_dead_code()
    inputs = iter(tensors)
    values = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            values[node] = held(next(inputs), order)
        elif node.op == "get_attr":
            values[node] = held(getattr(traced, node.target), None)
        elif node.op == "output":
            made = node.args[0]
            return [
                values[n] for n in (made if isinstance(made, (list, tuple)) else [made]) if isinstance(n, torch.fx.Node)
            ]
        elif name_of(node.target) not in EMITS_NOTHING:
            values[node] = _called(node, values)
            if is_in_place(node.target):
                values[node.args[0]] = values[node]
    raise AssertionError("a graph without an output")


def held(tensor, order):
    """A tensor as a value; its axes in reverse where that is asked for, without those of length one."""
    from keras import ops

    rank = tensor.dim()
    axes = range(rank) if order is None else [axis for axis in order(rank) if tensor.shape[axis] != 1]
    kind = kind_of(tensor.dtype)
    data = tensor.detach().numpy()
    data = data.transpose([*axes, *(axis for axis in range(rank) if axis not in axes)])
    data = data.reshape([tensor.shape[axis] for axis in axes])
    dtype = {"float": "float64", "int": "int32", "bool": "bool"}[kind]
    return Value(ops.convert_to_tensor(data, dtype=dtype), tuple(tensor.shape), tuple(axes), kind)


def in_torch_order(value):
    """The numbers of a value, as torch has them."""
    from keras import ops

    value = in_order(ops, settled(value))
    return ops.convert_to_numpy(ops.convert_to_tensor(value.data))


def _called(node, values):
    if node.target is operator.getitem:
        return item_of(values[node.args[0]], node.args[1])
    name = name_of(node.target)
    if name not in FUNCTION_ROWS:
        raise NoRowError(f"no row for {name}")
    args, keywords = arguments_of(node, values.__getitem__)
    made = called(FUNCTION_ROWS[name], target(node), *args, **keywords)
    check(made, node)
    return made


def target(node):
    """What rows compute with."""
    from keras import layers, ops

    return Target(
        ops=ops,
        layers=layers,
        own=lambda name: getattr(inserted, name),
        kept=lambda data: data,
        unpacked=lambda data, count: [data[at] for at in range(count)],
        used={user.args[1] for user in node.users if user.target is operator.getitem},
        floatx="float64",
    )
