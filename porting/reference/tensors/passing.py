"""Numbers in a torch model's own code, tables that it makes as it runs and factors: a port may hold them in float32."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.reference.tensors.constants import FLOAT32_ROUNDING, is_rounded, rounding_away

if TYPE_CHECKING:
    import torch

_ARITHMETIC = frozenset({"add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "truediv"})


@dataclass
class Passing:
    """What a run has made of numbers alone; it grows while the model runs.

    Attributes
    ----------
    turn : int
        Which way each number is moved.
    made : dict
        Identity -> tensor that no layer, no input and no buffer has a part in.
    is_met : bool
        Whether any such number, or one that is written into the model, has met a tensor that is none.
    """

    turn: int
    made: "dict[int, torch.Tensor]" = field(default_factory=dict)
    is_met: bool = False

    def run(self, function: Callable[..., Any], arguments: tuple, keywords: Mapping[str, Any]) -> Any:
        """Run a function; what is made of numbers alone is one float32 rounding away where it meets another tensor."""
        import torch

        given = list(calls.leaves((arguments, keywords)))
        tensors = [value for value in given if isinstance(value, torch.Tensor)]
        name = getattr(function, "__name__", "")
        is_data = any(id(tensor) not in self.made for tensor in tensors)
        if not is_data and not any(isinstance(value, np.ndarray) for value in given):
            made = function(*arguments, **keywords)
            self.made |= {id(tensor): tensor for tensor in calls.leaves(made) if isinstance(tensor, torch.Tensor)}
            return made
        if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or "out" in keywords:
            self._forget(keywords.get("out", arguments[0] if arguments else None))
            return function(*arguments, **keywords)
        moves = {id(value): self._moved(value) for value in tensors if id(value) in self.made}
        if name.strip("_").removeprefix("i").removeprefix("r") in _ARITHMETIC:
            moves |= {id(value): self._moved_number(value) for value in arguments if isinstance(value, float)}
        return function(*calls.with_leaves(arguments, moves), **calls.with_leaves(keywords, moves))

    def _forget(self, changed: Any) -> None:
        """What is written into is no more of numbers alone, nor is whatever views the same memory."""
        import torch

        places = {_memory(tensor) for tensor in calls.leaves(changed) if isinstance(tensor, torch.Tensor)}
        self.made = {key: tensor for key, tensor in self.made.items() if _memory(tensor) not in places}

    def _moved(self, table: "torch.Tensor") -> "torch.Tensor":
        import torch

        if not table.is_floating_point() or not bool(is_rounded(table).any()):
            return table
        self.is_met = True
        return rounding_away(table, torch.Generator().manual_seed(self.turn))

    def _moved_number(self, number: float) -> float:
        import torch

        if not bool(is_rounded(torch.tensor(number, dtype=torch.float64))):
            return number
        self.is_met = True
        return number * (1 + FLOAT32_ROUNDING * (-1) ** (self.turn + hash(number)))


def _memory(tensor: "torch.Tensor") -> int:
    return tensor.untyped_storage().data_ptr()


@contextmanager
def passing_numbers_moved(turn: int = 0) -> Iterator[Passing]:
    """Let what a model makes of numbers alone be one float32 rounding away for a while."""
    passing = Passing(turn)
    with calls.functions_handed(passing.run):
        yield passing
