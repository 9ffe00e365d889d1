"""Why two models part: hypotheses, each tried in float64 on the reference's own tensors.

`find.explainer` is the way in. The catalogues: `function_hypotheses` and `steps` between layers, `layer_hypotheses` and
`weight_hypotheses` inside them. May import `proof`, `port`, `reference`, `records`, `plans` and `rules`.
"""
