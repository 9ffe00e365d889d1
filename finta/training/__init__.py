"""A run of training: its configuration, folder, states, signals, validation and monitoring.

May import the package's ground, `pages`, `keras_model`, `reference_torch` and `tractography.batches`.
"""
