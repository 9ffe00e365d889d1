"""Sizes that follow the inputs': numbers that are told apart from constants by what they are for other inputs."""

from collections.abc import Callable
from typing import Any


class SizeError(Exception):
    """A size that follows an input's would be written as a number; the text says which."""


class Size(int):
    """A size with what it is for inputs of other sizes, in all that is computed of it.

    Equal to nothing that is not the same for both: to no constant.

    >>> length = sized(12, 45)
    >>> (length - 3) // 2 + 1, length == 12, length - length
    (5|22, False, 0)
    """

    beside: int

    def __new__(cls, here: int, beside: int) -> "Size":  # noqa: D102
        made = super().__new__(cls, here)
        made.beside = beside
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and int(self) == int(other) and self.beside == other.beside

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((int(self), self.beside))

    def __bool__(self) -> bool:
        return True

    def __neg__(self) -> int:
        return sized(-int(self), -self.beside)

    def __repr__(self) -> str:
        return f"{int(self)}|{self.beside}"


def sized(here: int, beside: int) -> int:
    """A size; a plain number where it is the same for both."""
    return int(here) if here == beside else Size(here, beside)


def is_free(size: Any) -> bool:
    """Whether a size follows an input's."""
    return isinstance(size, Size)


def beside(size: int) -> int:
    """What a size is for inputs of other sizes."""
    return size.beside if isinstance(size, Size) else int(size)


def for_both(function: Callable[..., int], *sizes: int) -> int:
    """A size that is computed of others by any function."""
    return sized(function(*map(int, sizes)), function(*map(beside, sizes)))


def _both(operation: Callable[[int, int], Any]):
    def apply(self: Size, other: Any) -> Any:
        if not isinstance(other, int):
            return operation(int(self), other)
        return sized(operation(int(self), int(other)), operation(self.beside, beside(other)))

    def reflected(self: Size, other: Any) -> Any:
        if not isinstance(other, int):
            return operation(other, int(self))
        return sized(operation(int(other), int(self)), operation(beside(other), self.beside))

    return apply, reflected


for _name, _operation in {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}.items():
    for _method, _apply in zip((f"__{_name}__", f"__r{_name}__"), _both(_operation), strict=True):
        setattr(Size, _method, _apply)
