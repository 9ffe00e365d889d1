"""HDF5 batches of streamlines: layouts, indexes, packing, and feeds for training.

May import the package's errors alone.
"""
