"""A table of columns, numbers and categories, each read where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastlogreg.design import Categorical, Shape, TabularDesign, load_backend
from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.finite import count_not_finite, explain_range, not_finite_message

__all__ = ["MixedTable"]


class MixedTable:
    """Columns of numbers and of codes.

    Parameters
    ----------
    columns : sequence of ndarray of shape (n_rows,), or Categorical
        As `fastlogreg.design.TabularDesign` takes them.
    n_rows : int
        Rows.
    names : sequence
        What errors call the columns.
    """

    def __init__(
        self, columns: Sequence[np.ndarray | Categorical], n_rows: int, names: Sequence[Any]
    ) -> None:
        self._columns = list(columns)
        self._n_rows = n_rows
        self._names = list(names)

    @property
    def shape(self) -> Shape:
        """What decides how it is fitted."""
        widths = [c.n_levels if isinstance(c, Categorical) else 1 for c in self._columns]
        levels = [c.n_levels for c in self._columns if isinstance(c, Categorical)]
        cells = self._n_rows * len(self._columns)
        return Shape(self._n_rows, sum(widths), cells, "tabular", max(levels, default=0))

    def design(self, backend: str, n_threads: int) -> TabularDesign:
        """Return X as an operator on a backend, "numba" or "numpy"."""
        return TabularDesign(
            self._columns, self._n_rows, load_backend(backend, "tabular"), n_threads
        )

    def explain_not_finite(self) -> InvalidDataError:
        """Return the error for a pass whose result is not finite: where X is to blame for it."""
        largest = 0.0
        for j, column in enumerate(self._columns):
            if isinstance(column, Categorical):
                continue
            nan, infinite, (row, _) = count_not_finite(column[:, None])
            if nan + infinite:
                return InvalidDataError(
                    not_finite_message(
                        f"column {self._names[j]!r} of X",
                        nan,
                        infinite,
                        f"row {row}, column {j}",
                        "drop those rows, or fill them, e.g. with sklearn.impute.SimpleImputer",
                    )
                )
            largest = max(largest, abs(float(column.max())), abs(float(column.min())))
        return explain_range(largest, np.dtype(np.float64))
