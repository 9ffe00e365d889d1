"""Long names made short, so that no two are then alike."""

from collections.abc import Sequence
from itertools import takewhile


def shorten_names(names: Sequence[str], longest: int) -> list[str]:
    """Take letters out of names that are too long, where they tell the least apart.

    Parameters
    ----------
    names : sequence of str
        Equal ones stay equal.
    longest : int
        Letters of a short name, at least 3; a few more where names would be alike else.

    Examples
    --------
    >>> shorten_names(["encoder.layers.1.attention.query", "conv1"], 16)
    ['encoder…on.query', 'conv1']
    >>> shorten_names(["encoder.layers.1.attention.query", "encoder.layers.2.attention.query"], 16)
    ['…ayers.1.attent…', '…ayers.2.attent…']
    """
    short = {name: _middle_out(name, longest) for name in names}
    for alike in _groups(short):
        short |= {name: _around_difference(name, alike, longest) for name in alike}
    for alike in _groups(short):
        short |= {name: f"{short[name]} {number}" for number, name in enumerate(alike, start=1)}
    return [short[name] for name in names]


def _middle_out(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    kept = longest - 1
    return f"{name[: kept - kept // 2 - kept % 2]}…{name[len(name) - kept // 2 - kept % 2 :]}"


def _groups(short: dict[str, str]) -> list[list[str]]:
    """Names that were made the same."""
    found: dict[str, list[str]] = {}
    for name, held in short.items():
        found.setdefault(held, []).append(name)
    return [names for names in found.values() if len(names) > 1]


def _around_difference(name: str, alike: Sequence[str], longest: int) -> str:
    """A name's letters about the place where it differs from those that look like it."""
    begin = _common(alike)
    end = len(name) - _common([other[begin:][::-1] for other in alike])
    first = max(min(begin - max(longest - 2 - (end - begin), 0) // 2, len(name) - longest + 1), 0)
    last = min(first + longest - (2 if first else 1), len(name))
    return f"{'…' if first else ''}{name[first:last]}{'…' if last < len(name) else ''}"


def _common(words: Sequence[str]) -> int:
    """How many letters all words begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*words, strict=False)))
