"""FINTA's filter: atlas, thresholds, labels, what is kept, and how good that is.

May import `coding`, `pages` and what lies below them.
"""
