"""The table of functions: a row says a torch function's name, how it is said in Keras, and what it does to axes.

A row is a short function called with the function's own arguments, tensors being `Value`s. It computes where the data
are tensors and writes where they are expressions, so that what was tested is what is written. May import `axes` alone.
"""
