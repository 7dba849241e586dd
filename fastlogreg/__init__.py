"""Logistic regression for large tables on multicore CPUs."""

__version__ = "0.1.0"
