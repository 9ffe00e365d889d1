"""What was written of each call of a module: statements over values that have no names yet."""

import ast
from dataclasses import dataclass, field
from typing import Any

from porting.writing.values.expressions import variables_in


@dataclass(slots=True)
class Statement:
    """One assignment.

    Attributes
    ----------
    targets : list of str
        The values that it makes.
    tree : ast.expr
        What they are.
    names : list of str
        What the author of the torch model calls them, as far as that is known.
    place : str
        The line of torch source that says it, where that is known.
    """

    targets: list[str]
    tree: ast.expr
    names: list[str] = field(default_factory=list)
    place: str = ""


@dataclass(slots=True)
class Block:
    """One call of a module, or the model itself.

    Attributes
    ----------
    path : str
        Where the module stands in the model.
    kind : type
        The class of the module.
    parameters : list of str
        The values of its surroundings that it reads.
    parameter_names : list of str
    statements : list of Statement
    results : list of str
        The values that its surroundings read.
    module : torch.nn.Module, optional
    """

    path: str
    kind: type
    parameters: list[str] = field(default_factory=list)
    parameter_names: list[str] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    module: Any = None

    def made(self) -> set[str]:
        """The values that its statements make."""
        return {target for statement in self.statements for target in statement.targets}

    def names_of(self, values: list[str]) -> list[str]:
        """What the author calls values that its statements make."""
        said = self.names_said()
        return [said.get(value, "") for value in values]

    def names_said(self) -> dict[str, str]:
        """What the author calls the values that it is given and that its statements make."""
        said = dict(zip(self.parameters, self.parameter_names, strict=False))
        for statement in self.statements:
            said |= dict(zip(statement.targets, statement.names, strict=False))
        return said

    def free(self) -> list[str]:
        """The values that it reads and does not make, in the order in which they are read."""
        made = self.made()
        read = [name for statement in self.statements for name in variables_in(statement.tree)]
        return [name for name in dict.fromkeys(read) if name not in made]


class BlockCall(ast.expr):
    """A call of what is written for a block."""

    _fields = ("arguments",)
    arguments: list[ast.expr]
    block: Block

    def __init__(self, block: Block, arguments: list[ast.expr]) -> None:
        super().__init__()
        self.block = block
        self.arguments = arguments
