"""What shows only where a model is trained: gradients, statistics, what is drawn.

May import what lies below `proof`, and no other module of it.
"""
