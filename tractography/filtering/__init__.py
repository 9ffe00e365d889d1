"""Nearest codes, thresholds, labels and the measures of a filter.

May import `generating`, `files` and the package's errors.
"""
