"""Records of a verification: activations side by side, divergences, runs, gradients, and the verdict in its four parts.

May import `plans`, `rules`, `probes` and the ground; no framework.
"""
