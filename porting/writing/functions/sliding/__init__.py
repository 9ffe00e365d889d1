"""Rows of what slides over axes: convolution, padding, resizing, pooling."""
