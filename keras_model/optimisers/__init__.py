"""PyTorch's optimisers and learning-rate schedules in Keras, step by step the same numbers, and how their states move.

May import `keras_model.layers` and `porting`.
"""
