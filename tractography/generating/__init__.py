"""Densities, draws, rejection and the anatomy that draws are held to.

May import `files` and the package's errors.
"""
