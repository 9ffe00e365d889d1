"""Tractograms in TRK, TCK and TRX: readers, writers, headers and references.

May import the package's errors alone.
"""
