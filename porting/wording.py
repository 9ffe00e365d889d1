"""Counts in words, so that one is singular."""


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Write a number and its noun: ``1 layer``, ``2 layers``, ``1,000 classes``."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
