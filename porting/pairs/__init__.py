"""Pairs of models as data: what they are, and how they are found and built.

May import `rules`, `probes`, `files` and the ground; torch and keras inside functions that build models.
"""

from porting.pairs.finding import build_reference as build_reference
