"""PyTorch's optimisers and learning-rate schedules in Keras, step by step the same numbers, and how their states move.

They may import porting, and of keras_model its layers' registered package.
"""
