"""Where two ways to decide about the same streamlines differ, and whether rounding explains it.

May import `filtering`, `generating` and what lies below them.
"""
