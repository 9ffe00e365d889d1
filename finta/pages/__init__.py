"""Pictures and pages of streamlines, latent codes and results.

May import `porting.reports` and the package's ground.
"""
