"""Records of a verification: activations side by side, divergences, runs, and the verdict in its four parts.

May import `plans`, `rules` and the ground; no framework.
"""
