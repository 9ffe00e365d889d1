"""Streamlines without any deep-learning framework: HDF5 batches and tractogram files."""
