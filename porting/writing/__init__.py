"""Write the port: readable Keras source of a torch model, from the graph that torch exports.

Values are expressions with an axis order (`axes`, `expressions`); one table of functions (`functions`) computes on
tensors and writes expressions; `interpreter` goes through the graph once, `merging` makes one function of equal blocks,
`naming` and `source` lay the text out. May import `rules`, `pairs` and the ground below them.
"""
