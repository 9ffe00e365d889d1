"""How the autoencoder is trained: the recipe in Keras, a trainer on each backend and on all devices, and ``fit``.

May import the rest of the package, `porting`, and `finta`'s recipe, steps and devices.
"""
