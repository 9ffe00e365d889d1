"""What is kept while a graph is gone through: statements in blocks, own arrays, constants, who owns which call.

May import `values`, `functions`, `graph` and `layers`.
"""
