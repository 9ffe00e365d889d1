"""Two traces and the table of rules make a plan: which tensor becomes which, and how its axes move.

May import `rules` and the ground; no framework.
"""
