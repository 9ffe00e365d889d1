"""Functions that the table does not know, but that torch itself composes of others: written as those."""

import warnings
from collections.abc import Callable
from typing import Any

ROUNDS = 3
"""Parts may be composed themselves."""


def with_known_functions(program: Any, is_known: Callable[[Any], bool]) -> Any:
    """The exported program with functions that are not known taken apart, as far as torch can.

    Parameters
    ----------
    program : torch.export.ExportedProgram
    is_known : callable
        Whether a function of the graph can be written as it is.

    Returns
    -------
    torch.export.ExportedProgram
    """
    import torch

    for _ in range(ROUNDS):
        unknown = {
            node.target for node in program.graph.nodes if node.op == "call_function" and not is_known(node.target)
        }
        if not unknown:
            return program
        table = torch.export.default_decompositions()
        parts = {function: table[function] for function in unknown if function in table}
        if not parts:
            return program
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch's own, of its own
            program = program.run_decompositions(parts)
    return program
