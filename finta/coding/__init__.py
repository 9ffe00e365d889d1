"""Tractograms to latent codes and back, range by range, on one machine or a cluster.

May import the package's ground, `keras_model`, `tractography` and `porting`.
"""
