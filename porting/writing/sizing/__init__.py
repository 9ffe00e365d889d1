"""Ports of any size: which axes of the inputs may have other sizes, and what fixes the others.

A model is exported for inputs of two sizes of each axis that PyTorch takes; what both graphs differ in follows the
sizes. May import all other rooms of `writing`.
"""
