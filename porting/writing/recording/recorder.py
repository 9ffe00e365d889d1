"""Write statements down, in the block of the module that is being called."""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from porting.writing.values.axes import Value
from porting.writing.values.blocks import Block, Statement
from porting.writing.values.expressions import Expression, tree_of, variable
from porting.writing.values.sizes import is_free


@dataclass(frozen=True, slots=True)
class Missing:
    """A call that cannot be written: torch's function, why, and where it stands in the torch source."""

    function: str
    why: str
    place: str


@dataclass(slots=True)
class Scope:
    """A block that is being written, the values given to it that have the samples, and the calls inside it.

    And the values in it that have sizes which follow the inputs'.
    """

    block: Block
    anchors: list[Value] = field(default_factory=list)
    inside: Collection[Any] = ()
    sized: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class Recorder:
    """The blocks that are open, innermost last, and what values are called whoever reads them."""

    scopes: list[Scope] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    count: int = 0

    @property
    def block(self) -> Block:
        """The block that is being written."""
        return self.scopes[-1].block

    @property
    def anchors(self) -> list[Value]:
        """The values at hand that have the samples, the nearest first."""
        return [value for scope in reversed(self.scopes) for value in scope.anchors]

    @property
    def sized(self) -> list[Value]:
        """The values at hand that have sizes which follow the inputs', the nearest first."""
        return [value for scope in reversed(self.scopes) for value in scope.sized]

    def fresh(self) -> Expression:
        """A value that has no name yet."""
        self.count += 1
        return variable(self.count)

    def bind(self, data: Any, names: Sequence[str] = ()) -> Any:
        """Assign what an expression says to a value, unless it is one already."""
        return self.bind_in(self.scopes[-1], data, names)

    def bind_in(self, scope: Scope, data: Any, names: Sequence[str] = ()) -> Any:
        """Assign in a block further out."""
        if isinstance(data, Expression) and isinstance(data.tree, ast.Name):
            return data
        made = self.fresh()
        scope.block.statements.append(Statement([variable_of(made)], tree_of(data), list(names)))
        return made

    def enclosing(self, calls: Collection[Any]) -> Scope:
        """The innermost block in which all of some calls stand."""
        return next(s for s in reversed(self.scopes) if s is self.scopes[0] or all(call in s.inside for call in calls))

    def unpack(self, data: Expression, count: int) -> list[Expression]:
        """Assign the items of what an expression says to so many values."""
        made = [self.fresh() for _ in range(count)]
        self.block.statements.append(Statement([variable_of(item) for item in made], data.tree))
        return made


def sized_values(values: Sequence[Any]) -> list[Value]:
    """Those that have a size which follows the inputs'."""
    held = [value for value in values if isinstance(value, Value) and isinstance(value.data, Expression)]
    return [value for value in held if value.form is None and any(map(is_free, value.shape))]


def variable_of(data: Expression) -> str:
    """The value that an expression is."""
    assert isinstance(data.tree, ast.Name)
    return data.tree.id


def variables_in_value(value: Any) -> list[str]:
    """The values that a result, or several, are held in."""
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in variables_in_value(item)]
    return (
        [variable_of(value.data)]
        if isinstance(value.data, Expression) and isinstance(value.data.tree, ast.Name)
        else []
    )


def with_variables(value: Any, renamed: Mapping[str, Expression]) -> Any:
    """A result, or several, held in other values."""
    if isinstance(value, (list, tuple)):
        return [with_variables(item, renamed) for item in value]
    named = variables_in_value(value)
    return replace(value, data=renamed[named[0]]) if named and named[0] in renamed else value
