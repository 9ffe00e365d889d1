"""GESTA's sampler: seeds, draws, anatomy, one bundle after the other.

May import `filtering`, `coding`, `pages` and what lies below them.
"""
