"""Compiled loops over plain arrays, a storage of X a file.

Whole-pass functions (`fastlogreg.kernels.dense`) are what the rest of the package
calls; block kernels are private to this folder.
"""
