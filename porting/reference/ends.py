"""Where the forward of a torch model ends gradients, as ``detach`` and ``no_grad`` do."""

from contextlib import AbstractContextManager
from typing import Any


class Ends(AbstractContextManager):
    """Looks on where gradients end, or lets them pass.

    Attributes
    ----------
    met : bool
        Whether any has been ended, or would have been.
    """

    def __init__(self, passed: bool = False) -> None:
        import torch

        self.met = False
        ends = self

        class Mode(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                name = getattr(function, "__name__", "")
                if name == "_set_grad_enabled" and not args[0]:
                    ends.met = True
                    args = (passed,)
                elif name == "detach":
                    ends.met = True
                    if passed:
                        return args[0].view_as(args[0])
                return function(*args, **(kwargs or {}))

        self._mode = Mode()

    def __enter__(self) -> "Ends":
        self._mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._mode.__exit__(*error)
