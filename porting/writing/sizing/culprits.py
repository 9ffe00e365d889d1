"""Which layer of a model an error arose in."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def layer_that_raised(model: "torch.nn.Module", error: Exception) -> str:
    """The path and the settings of the innermost module of torch's whose forward raised; empty where none did."""
    import torch

    paths = {id(module): path for path, module in model.named_modules()}
    found = None
    trace = error.__traceback__
    while trace is not None:
        own = trace.tb_frame.f_locals.get("self")
        if isinstance(own, torch.nn.Module) and id(own) in paths:
            found = own
        trace = trace.tb_next
    if found is None or not type(found).__module__.startswith("torch.nn"):
        return ""
    said = repr(found)
    return f"{paths[id(found)]}, {said}" if "\n" not in said else paths[id(found)]
