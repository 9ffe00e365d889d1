"""Which layer of torch.nn each call belongs to, which layers are called more than once, and which arrays are shared."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.rules.opened import AXES
from porting.writing.functions.row import NoRowError
from porting.writing.functions.table import name_of
from porting.writing.graph.exported import Exported
from porting.writing.layers import LAYER_ROWS, RECURRENCES

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

FUNCTIONS = {"linear", "embedding", "layer_norm", "group_norm", "batch_norm", "prelu"}
FUNCTIONS |= {f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3)}
"""Functions that the verdict knows as layers where they are called with a model's own arrays."""

SEVERAL_INPUTS = {"multi_head_attention", *RECURRENCES, "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}


@dataclass(slots=True)
class Ownership:
    """The layers of a model.

    Attributes
    ----------
    owners : dict
        Call -> the path of the layer whose weights it is called with.
    shared : dict
        Path of each layer that is called more than once -> its calls.
    tied : set
        Calls of layers whose arrays others read as well, and that no function over arrays can stand for.
    opened : tuple of str
        Paths of layers, and of arrays, that are written as functions over arrays and that the verdict knows as layers.
    """

    owners: "dict[Node, str]" = field(default_factory=dict)
    shared: "dict[str, list[Node]]" = field(default_factory=dict)
    tied: "set[Node]" = field(default_factory=set)
    opened: tuple[str, ...] = ()

    def refuse_tied(self, node: "Node") -> None:
        """Refuse a layer whose array another one is called with as well where no plan pairs it with arrays.

        Raises
        ------
        NoRowError
        """
        if node in self.tied:
            raise NoRowError(
                "a weight that another layer or function is called with as well; only dense layers, convolutions, "
                "LayerNorm, GroupNorm and RMSNorm can share theirs: give each layer its own"
            )


def ownership_of(model: "torch.nn.Module", exported: Exported, own_rows: Collection[str] = ()) -> Ownership:
    """Find the owner of each call; an array that several owners read, or that a row of the user's reads, has none."""
    nodes = [node for node in exported.graph.nodes if node.op == "call_function"]
    candidates = [node for node in nodes if name_of(node.target) not in own_rows]
    owners = {node: owner for node in candidates if (owner := _owner(node, model, exported)) is not None}
    apart: dict[Node, str] = {}
    while tied := _tied(owners, nodes, exported):
        apart |= {node: owners.pop(node) for node in tied}
    counts = Counter(owners.values())
    shared = {path: [n for n, owner in owners.items() if owner == path] for path, count in counts.items() if count > 1}
    over_arrays = _without_tables([node for node in candidates if node not in owners], exported)
    opened = _opened(over_arrays, apart, dict(model.named_modules()), exported)
    refused = {node for node in over_arrays if node in apart and node not in opened}
    return Ownership(owners, shared, refused, tuple(sorted(set(opened.values()))))


def _opened(
    nodes: "Sequence[Node]", apart: "Mapping[Node, str]", modules: "Mapping[str, torch.nn.Module]", exported: Exported
) -> "dict[Node, str]":
    """Call -> what the verdict is to open for it: a layer of torch.nn, or the array that it knows a layer by."""
    found: dict[Node, str] = {}
    for node in nodes:
        weight = _first_weight(node, exported)
        path = apart.get(node) or weight.rpartition(".")[0]
        kinds = type(modules.get(path)).__mro__
        runs = next((kind.__name__ for kind in kinds if "forward" in vars(kind)), "")
        if opened := path if path and runs in AXES else weight:
            found[node] = opened
    return found


def _first_weight(node: "Node", exported: Exported) -> str:
    """The array that a function is called with first, where such functions are layers that may be opened."""
    name = name_of(node.target)
    if name not in FUNCTIONS - {"embedding", "batch_norm", "prelu"}:
        return ""
    at = 2 if name in ("layer_norm", "group_norm") else 1
    given: Any = node.args[at] if len(node.args) > at else node.kwargs.get("weight")
    return exported.arrays.get(getattr(given, "name", ""), "")


def _without_tables(calls: "Collection[Node]", exported: Exported) -> "list[Node]":
    """Without calls that read what an embedding does."""
    lookups = [node for node in exported.graph.nodes if name_of(node.target) == "embedding"]
    arrays = {arg for node in lookups for arg in node.all_input_nodes if arg.name in exported.arrays}
    return [node for node in calls if not arrays & set(node.all_input_nodes)]


def _owner(node: "Node", model: "torch.nn.Module", exported: Exported) -> str | None:
    name = name_of(node.target)
    if name not in LAYER_ROWS:
        return None
    arrays = [exported.arrays[arg.name] for arg in node.all_input_nodes if arg.name in exported.arrays]
    if name in SEVERAL_INPUTS:
        arrays = [path for path in arrays if _in_layer(path, name, model)]
    computed = [arg for arg in node.all_input_nodes if arg.name not in exported.arrays]
    if name == "linear" and len(node.args) == 3 and node.args[2] in computed[1:]:  # a bias is added behind the layer
        computed.remove(node.args[2])
    if len(computed) != 1 and name not in SEVERAL_INPUTS:
        return None
    if (functional := _functional_owner(name, node, arrays, model, exported)) is not None:
        return functional
    paths = sorted({path.rpartition(".")[0] for path in arrays}, key=len)
    if not paths or any(path != paths[0] and not path.startswith(f"{paths[0]}.".lstrip(".")) for path in paths):
        return None
    known = _is_layer(paths[0], name, model)
    if (
        known
        and name not in SEVERAL_INPUTS
        and len(arrays) < len(list(model.get_submodule(paths[0]).parameters(False)))
    ):
        return None
    return paths[0] if known and (len(paths) == 1 or name == "multi_head_attention") else None


def _functional_owner(
    name: str, node: "Node", arrays: Sequence[str], model: "torch.nn.Module", exported: Exported
) -> str | None:
    """The module of the author's own, all of whose arrays a function of a layer is called with; or the one array."""
    given: Any = node.args[1 if name == "embedding" else 0]
    if name not in FUNCTIONS or not arrays or not hasattr(given, "op") or given.name in exported.arrays:
        return None
    path = arrays[0].rpartition(".")[0]
    owner = model.get_submodule(path)
    saved = {f"{path}.{word}".lstrip(".") for word in owner.state_dict() if "." not in word}
    if path and saved - {f"{path}.num_batches_tracked"} == set(arrays):
        return path
    return arrays[0] if len(arrays) == 1 and not arrays[0].endswith("weight") else None


def _is_layer(path: str, name: str, model: "torch.nn.Module") -> bool:
    """Whether a module is of a class whose calls a row writes."""
    classes = {kind.__name__ for kind in type(model.get_submodule(path)).__mro__}
    return bool(classes & set(LAYER_ROWS[name][0].split()))


def _in_layer(path: str, name: str, model: "torch.nn.Module") -> bool:
    """Whether an array is such a layer's own: masks and states to start from are others'."""
    words = path.split(".")[:-1]
    return any(_is_layer(".".join(words[:count]), name, model) for count in range(len(words) + 1))


def is_own(path: str, owner: str) -> bool:
    """Whether an array lies in the module of this path."""
    return not owner or path == owner or path.startswith(f"{owner}.")


def _way(node: "Node") -> tuple[str, ...]:
    """The function that a layer's call is, and its settings."""
    settings = [arg for arg in (*node.args, *node.kwargs.items()) if not _has_nodes(arg)]
    return name_of(node.target), repr(settings)


def _has_nodes(arg: Any) -> bool:
    from torch.utils import _pytree as tree

    return any(hasattr(leaf, "op") for leaf in tree.tree_leaves(arg))


def _tied(owners: "dict[Node, str]", nodes: "list[Node]", exported: Exported) -> "set[Node]":
    """Calls that read an array which another owner, a function, or the same in another way reads as well."""
    readers: dict[str, set[Any]] = {}
    for node in nodes:
        for arg in node.all_input_nodes:
            if arg.name in exported.arrays:
                readers.setdefault(arg.name, set()).add((owners.get(node), _way(node)) if node in owners else None)
    return {
        node
        for node, owner in owners.items()
        for arg in node.all_input_nodes
        if len(readers.get(arg.name, ())) > 1 and is_own(exported.arrays[arg.name], owner)
    }
