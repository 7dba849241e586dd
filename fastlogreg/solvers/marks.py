"""Columns that few rows mark: a sample holds too few of those rows, or none.

Such a column has one usual value, 0 say, nearly everywhere: a rare level, a rare word, an
event.  A sample then knows next to nothing of its curvature.  So the rows that differ are
found by one read of all, and taken into the sample with certainty, as a stratum of their
own (Cochran, *Sampling Techniques*, 3rd ed., section 5A.7): the few rows that a column's
curvature is made of are then all there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastlogreg.solvers.solution import Sampled

__all__ = ["Marks", "find_rare_marks"]

_FEW = 20  # rows of a sample


class Marks(NamedTuple):
    """Columns that few rows mark, and those rows, both in order."""

    columns: np.ndarray
    rows: np.ndarray


def find_rare_marks(objective: Sampled[object], sample: Sampled[object]) -> Marks | None:
    """Return the columns that few rows of a sample mark, and all rows that do.

    None where there is no such column, where they are more than the sample's, or where
    the numbers do not lie in an array.

    Parameters
    ----------
    objective : Sampled
        What is minimised.
    sample : Sampled
        A sample of it.
    """
    few = sample.array
    if few is None:
        return None
    usual = few[0]
    # Of a rare mark, hardly ever one of three rows has it; of a number, no two are equal.
    alike = (few[len(few) // 2] == usual) & (few[-1] == usual)
    columns = np.flatnonzero(alike)
    if columns.size:
        marks = np.count_nonzero(few[:, columns] != usual[columns], axis=0)
        columns = columns[marks < _FEW]
    if not columns.size:
        return None
    rows = objective.rows_apart(columns, usual[columns])
    return Marks(columns, rows) if 0 < len(rows) <= len(few) else None
