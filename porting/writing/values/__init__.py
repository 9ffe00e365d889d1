"""What is written, while it is written: expressions, values with an axis order, statements, the model's own arrays.

May import `functions.row` alone.
"""
