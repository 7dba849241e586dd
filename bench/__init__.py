"""Measurements: times in units of a plain read of the same table, and what was reached in them."""
