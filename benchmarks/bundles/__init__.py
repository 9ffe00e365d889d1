"""Benchmarks of what the autoencoder is for: encoding, filtering and generating streamlines, and their atlas."""
