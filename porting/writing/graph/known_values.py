"""What code asks of tensors that no input reaches, while torch exports it: answered by their values."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from porting.calls import functions_handed

if TYPE_CHECKING:
    import torch

MOST_ELEMENTS = 4096
"""Of a tensor whose values are kept."""
ASKS = {"__bool__", "__int__", "__float__", "__index__", "item", "tolist"}
DRAWS = ("rand", "normal", "bernoulli", "multinomial", "empty", "dropout")


@contextmanager
def known_values(model: "torch.nn.Module") -> "Iterator[None]":
    """Let ``tolist``, ``if`` and their like be answered where they ask for sizes, constants or a model's buffers.

    Torch's export keeps no values of tensors, of those that code makes of numbers alone neither.
    """
    buffers = {name: array.detach().clone() for name, array in model.named_buffers() if array.numel() <= MOST_ELEMENTS}
    known = _Known(model, buffers)

    def answer(func: Any, args: tuple, keywords: Any) -> Any:
        name, values = getattr(func, "__name__", ""), known.values(args, keywords)
        if name in ASKS and values is not None:
            return _outside(func, values)
        made = func(*args, **keywords)
        if values is None or name.startswith(DRAWS):
            known.forget(args[:1] if name.endswith("_") else ())
        else:
            known.keep(made, func, values)
        return made

    with functions_handed(answer):
        yield


def _outside(func: Any, values: tuple[Any, Any]) -> Any:
    """Call a function as if nothing were exported."""
    import torch
    from torch.utils._python_dispatch import _disable_current_modes

    with torch._C.DisableTorchFunction(), _disable_current_modes(), torch.no_grad():
        return func(*values[0], **values[1])


class _Known:
    """The values of the tensors that stand for them while torch exports."""

    def __init__(self, model: "torch.nn.Module", buffers: "Mapping[str, torch.Tensor]") -> None:
        self.buffers = buffers
        owners = [(path, module._buffers) for path, module in model.named_modules()]
        self.places = [(held, name, f"{path}.{name}".lstrip(".")) for path, held in owners for name in held]
        self.held: dict[int, tuple[Any, Any]] = {}

    def values(self, args: Any, keywords: Any) -> tuple[Any, Any] | None:
        """Arguments with values in the place of tensors; None where one is not known."""
        import torch
        from torch.utils import _pytree as tree

        leaves, spec = tree.tree_flatten((args, keywords))
        found = [self._value(leaf) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        symbols = (torch.SymInt, torch.SymFloat, torch.SymBool)
        unknown = (value is None and leaf is not None for value, leaf in zip(found, leaves, strict=True))
        if any(unknown) or any(isinstance(leaf, symbols) for leaf in leaves):
            return None
        return tree.tree_unflatten(found, spec)

    def _value(self, tensor: "torch.Tensor") -> Any:
        if id(tensor) in self.held:
            return self.held[id(tensor)][1]
        path = next((path for held, name, path in self.places if held.get(name) is tensor), "")
        return self.buffers.get(path)

    def keep(self, made: Any, func: Any, values: tuple[Any, Any]) -> None:
        """Compute what a function makes of known values, and keep it."""
        import torch
        from torch.utils import _pytree as tree

        tensors = [leaf for leaf in tree.tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        if any(tensor.numel() > MOST_ELEMENTS for tensor in tensors):
            return
        computed = [leaf for leaf in tree.tree_leaves(_outside(func, values)) if isinstance(leaf, torch.Tensor)]
        if len(computed) == len(tensors):
            pairs = zip(tensors, computed, strict=True)
            self.held |= {id(tensor): (tensor, value) for tensor, value in pairs}

    def forget(self, changed: Any) -> None:
        """Let go what has been changed by what is not known, and all else, as it may be a view of that."""
        if any(id(tensor) in self.held for tensor in changed):
            self.held.clear()
