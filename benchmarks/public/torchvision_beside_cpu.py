"""Import before torchvision: its wheel registers operators of a compiled part that a CPU build of torch cannot load.

Only the shapes that those operators would give are registered in Python, and registering them needs their names to be
there. They are declared without anything behind them: models that use none of them run as they are.
"""

import ast
from importlib.util import find_spec
from pathlib import Path

import torch

REGISTERED_BY = ("register_fake", "register_meta")


def operators(source: str) -> set[str]:
    """Names of the operators that calls of torchvision's own decorators register."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args)
    named = (call.args[0] for call in calls if ast.unparse(call.func).rpartition(".")[2] in REGISTERED_BY)
    return {str(name.value).rpartition("::")[2] for name in named if isinstance(name, ast.Constant)}


def declare() -> "torch.library.Library | None":
    """Declare those that are not there; the library is to be kept as long as they are wanted."""
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in sorted(operators(Path(found.origin).with_name("_meta_registrations.py").read_text())):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor tensor) -> Tensor")
    return library


LIBRARY = declare()
