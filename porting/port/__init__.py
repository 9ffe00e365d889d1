"""All that touches Keras and its backends; `reference` has the same names for the same things.

May import `records` and what lies below it, never `reference`. Keras is imported inside functions.
"""
