"""PublicPair: two models that others maintain, what is known of them, and how to check that knowledge by hand."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from torch import nn

from porting import ModelPair


@dataclass(frozen=True, slots=True)
class PublicPair:
    """A pair and the truth about it.

    Attributes
    ----------
    describe : callable
        Makes the pair: all that a user would write.
    packages : tuple of str
        Where the reference and the port come from.
    refused : bool
        That there is no plan tensor by tensor is true.
    words : tuple of str
        What a true verdict on this pair says; none where both compute the same function.
    mend : callable, optional
        Takes the differences away from the reference: what is left must agree to rounding.
    formats : tuple of str
        What the port can be written as.
    adapters : tuple of type
        Classes that had to be written around a model, to return or take what the other does.
    """

    describe: Callable[[], ModelPair]
    packages: tuple[str, str]
    words: tuple[str, ...] = ()
    mend: Callable[[nn.Module], None] | None = None
    refused: bool = False
    formats: tuple[str, ...] = ("keras",)
    adapters: tuple[type, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function that describes it."""
        return self.describe.__name__

    @property
    def lines(self) -> int:
        """Lines of description: the call of ModelPair with a line for each field, and what adapts either model."""
        pair = self.describe()
        given = (field for field in fields(pair) if field.name != "input_names")  # follow from the inputs
        stated = sum(1 for field in given if getattr(pair, field.name) != _default(field))
        return 2 + stated + sum(len(_code(adapter)) for adapter in self.adapters)

    @property
    def expected(self) -> str:
        """The verdict that is true."""
        if self.refused:
            return "refused"
        return "FAIL" if self.words else "PASS"


def _default(field: Field) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _code(adapter: type) -> list[str]:
    """Lines of a class that are neither blank nor its docstring."""
    lines = (line.strip() for line in inspect.getsource(adapter).splitlines())
    return [line for line in lines if line and not line.startswith('"""')]


def public(*packages: str, **known) -> Callable[[Callable[[], ModelPair]], PublicPair]:
    """Note what is known of the pair that a function describes."""
    return lambda describe: PublicPair(describe, packages, **known)
