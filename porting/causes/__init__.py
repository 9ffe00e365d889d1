"""Why two models part: hypotheses, each tried in float64 on the reference's own tensors.

`find.find_causes` is the way in. May import `proof`, `port`, `reference`, `records`, `plans` and `rules`.
"""
