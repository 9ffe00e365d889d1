"""What is written, while it is written: expressions, values with an axis order, blocks of statements.

May import nothing of the other rooms.
"""
