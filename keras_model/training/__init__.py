"""How the autoencoder is trained: the recipe in Keras, a trainer on each backend and on all devices, and ``fit``.

It may import all other modules of keras_model, and finta's recipe; nothing in keras_model imports it.
"""
