"""Write statements down, in the block of the module that is being called."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.writing.axes import Value
from porting.writing.blocks import Block, Statement
from porting.writing.expressions import Expression, tree_of, variable


@dataclass(slots=True)
class Scope:
    """A block that is being written, and a value in it that has the samples."""

    block: Block
    anchor: Value | None = None


@dataclass(slots=True)
class Recorder:
    """The blocks that are open, innermost last."""

    scopes: list[Scope] = field(default_factory=list)
    count: int = 0

    @property
    def block(self) -> Block:
        """The block that is being written."""
        return self.scopes[-1].block

    def fresh(self) -> Expression:
        """A value that has no name yet."""
        self.count += 1
        return variable(self.count)

    def bind(self, data: Any, names: Sequence[str] = ()) -> Any:
        """Assign what an expression says to a value, unless it is one already."""
        if isinstance(data, Expression) and isinstance(data.tree, ast.Name):
            return data
        made = self.fresh()
        self.block.statements.append(Statement([variable_of(made)], tree_of(data), list(names)))
        return made

    def unpack(self, data: Expression, count: int) -> list[Expression]:
        """Assign the items of what an expression says to so many values."""
        made = [self.fresh() for _ in range(count)]
        self.block.statements.append(Statement([variable_of(item) for item in made], data.tree))
        return made


def variable_of(data: Expression) -> str:
    """The value that an expression is."""
    assert isinstance(data.tree, ast.Name)
    return data.tree.id
