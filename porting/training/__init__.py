"""Two frameworks take the same training steps, and every quantity is compared at each.

May import `jobs`, `reports` and every room below them.
"""
