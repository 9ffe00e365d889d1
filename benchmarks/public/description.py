"""PublicPair: two models that others maintain, what is known of them, and how to check that knowledge by hand."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

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
    """

    describe: Callable[[], ModelPair]
    packages: tuple[str, str]
    words: tuple[str, ...] = ()
    mend: Callable[[nn.Module], None] | None = None
    refused: bool = False
    formats: tuple[str, ...] = ("keras",)

    @property
    def name(self) -> str:
        """The name of the function that describes it."""
        return self.describe.__name__

    @property
    def lines(self) -> int:
        """Lines of description, without the function's first and its docstring."""
        body = inspect.getsource(self.describe).partition("-> ModelPair:\n")[2]
        return sum(bool(line.strip()) and '"""' not in line for line in body.splitlines())

    @property
    def expected(self) -> str:
        """The verdict that is true."""
        if self.refused:
            return "refused"
        return "FAIL" if self.words else "PASS"


def public(*packages: str, **known) -> Callable[[Callable[[], ModelPair]], PublicPair]:
    """Note what is known of the pair that a function describes."""
    return lambda describe: PublicPair(describe, packages, **known)
