"""Files as such: what kind one is, where one may go, and how one or several appear whole or not at all.

May import the ground; nothing beyond Python but the lock on a folder.
"""
