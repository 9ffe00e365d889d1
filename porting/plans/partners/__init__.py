"""Which layer of one model is which of the other, and which of their calls: by types, flow, names, proof and order.

`pairing.pair_layers` is the way in. May import the rest of `plans` but for `mapper`, and what that may.
"""
