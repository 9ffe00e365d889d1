"""Models that nobody wrote: drawn from a grammar, written by `porting write`, judged by the whole verdict.

`grammar` says which steps there are, `models` draws a model (`drawn_model(seed)`), `judging` writes and judges it,
`shrinking` brings one that falls short down to a few lines.
"""
