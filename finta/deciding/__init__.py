"""Whether the port labels, keeps and removes the streamlines that the reference does.

May import `filtering`, `generating`, `coding` and what lies below them.
"""
