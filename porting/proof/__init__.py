"""Both models run on the same probe and are judged: semantics, deployed precision, gradients, blind spots.

May import `evidence`, `port`, `reference`, `records`, `plans` and `rules`.
"""
