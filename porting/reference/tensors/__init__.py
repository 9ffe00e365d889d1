"""Tensors of a torch model that are not what a layer multiplies by as it is: computed ones, sums, rounded constants.

May import `reference.side`, `structure`, `abouts` and `expansions`, and what lies below `reference`.
"""
