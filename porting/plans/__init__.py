"""Two traces and the table of rules make a plan: which tensor becomes which, and how its axes move.

`mapper.plan_from_traces` is the way in. May import `pairs`, `rules` and the ground; no framework.
"""
