"""Where the forward of a torch model ends gradients, as ``detach`` and ``no_grad`` do, and what reaches no output."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.calls import functions_handed
from porting.reference.exact import exact
from porting.reference.side import call, tensors_of

if TYPE_CHECKING:
    import torch


class Ends(AbstractContextManager):
    """Looks on where gradients end, or lets them pass.

    Attributes
    ----------
    met : bool
        Whether any has been ended, or would have been.
    """

    def __init__(self, passed: bool = False) -> None:
        self.met, self._passed = False, passed
        self._mode = functions_handed(self._call)

    def _call(self, function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        name = getattr(function, "__name__", "")
        if name == "_set_grad_enabled" and not args[0]:
            self.met = True
            args = (self._passed,)
        elif name == "detach":
            self.met = True
            if self._passed:
                return args[0].view_as(args[0])
        return function(*args, **keywords)

    def __enter__(self) -> "Ends":
        self._mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._mode.__exit__(*error)


def idle_modules(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], modules: Mapping[str, "torch.nn.Module"]
) -> set[str]:
    """Paths of those of some modules whose result reaches no output: a factor on it has no gradient."""
    import torch

    factors: dict[str, torch.Tensor] = {}

    def scaling(path: str) -> Callable[..., Any]:
        def scale(module: "torch.nn.Module", given: Any, made: Any) -> Any:
            if not torch.is_tensor(made) or not made.is_floating_point():
                return made
            factor = factors.setdefault(path, torch.ones((), dtype=made.dtype, requires_grad=True))
            return made * factor

        return scale

    with ExitStack() as stack:
        for path, module in modules.items():
            stack.callback(module.register_forward_hook(scaling(path)).remove)
        with exact(model), Ends(passed=True), torch.enable_grad():
            outputs = call(model.eval(), tensors_of(model, inputs))
    reached = [out.sum() for out in outputs if out.requires_grad]
    if not factors or not reached:
        return set()
    gradients = torch.autograd.grad(torch.stack(reached).sum(), list(factors.values()), allow_unused=True)
    idle = {path for path, gradient in zip(factors, gradients, strict=True) if gradient is None}
    return {path for path in idle if not _decides(model, inputs, modules[path])}


def _decides(model: "torch.nn.Module", inputs: Sequence[np.ndarray], module: "torch.nn.Module") -> bool:
    """Whether an output is another where a module's result is: through an argmax, or a comparison."""
    import torch

    with exact(model), torch.no_grad():
        before = call(model, tensors_of(model, inputs))
        hook = module.register_forward_hook(lambda module, given, made: 1 - 2 * made)
        try:
            after = call(model, tensors_of(model, inputs))
        finally:
            hook.remove()
    return not all(map(torch.equal, before, after))
