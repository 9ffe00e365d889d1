"""All that touches torch; `port` has the same names for the same things.

Those are `side`, `files`, `structure`, `watch`, `runs` and `gradients`; `recording` runs what `watch` looks at. May
import `records` and what lies below it, never `port`. torch is imported inside functions.
"""
