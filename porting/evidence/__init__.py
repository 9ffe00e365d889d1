"""What is kept of a proof: golden files, certificates, recordings, and what has drifted since.

May import `records` and what lies below it; no framework.
"""
