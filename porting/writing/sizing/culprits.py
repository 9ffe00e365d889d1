"""Which layer of a model an error arose in."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def layer_that_raised(model: "torch.nn.Module", error: Exception) -> str:
    """The path and the settings of the layer of torch's whose forward raised; empty where it was none with weights."""
    import torch

    paths = {id(module): path for path, module in model.named_modules()}
    found = None
    trace = error.__traceback__
    while trace is not None:
        own = trace.tb_frame.f_locals.get("self")
        if isinstance(own, torch.nn.Module) and id(own) in paths:
            found = own
        trace = trace.tb_next
    if found is None or not type(found).__module__.startswith("torch.nn") or not found._parameters:
        return ""
    said = repr(found)
    return "" if "\n" in said else f"{paths[id(found)]}, {said}".removeprefix(", ")
