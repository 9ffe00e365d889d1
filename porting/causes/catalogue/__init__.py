"""What a port may do otherwise, a row for each way. Adding a hypothesis is adding a row.

`function_hypotheses` and `steps` are about what lies between layers, `layer_hypotheses` and `weight_hypotheses` about
layers; `fits` finds a few numbers rather than run anything.
"""
