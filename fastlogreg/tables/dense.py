"""A table that is one array."""

from __future__ import annotations

import numpy as np

from fastlogreg.design import DenseDesign, Shape, load_backend
from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.finite import count_not_finite, explain_range, not_finite_message

__all__ = ["DenseTable"]


class DenseTable:
    """A matrix of floats, integers or bools.

    Parameters
    ----------
    matrix : ndarray, shape (n_rows, n_columns)
        Of a type in `fastlogreg.design.DTYPES`.
    names : ndarray of str, shape (n_columns,), or None
        What errors call the columns.
    """

    def __init__(self, matrix: np.ndarray, names: np.ndarray | None = None) -> None:
        self.matrix = matrix
        self._names = names

    @property
    def shape(self) -> Shape:
        """What decides how it is fitted."""
        n_rows, n_columns = self.matrix.shape
        return Shape(n_rows, n_columns, n_rows * n_columns)

    def design(self, backend: str, n_threads: int) -> DenseDesign:
        """Return X as an operator on a backend, "numba" or "numpy"."""
        return DenseDesign(self.matrix, load_backend(backend), n_threads)

    def explain_not_finite(self) -> InvalidDataError:
        """Return the error for a pass whose result is not finite: where X is to blame for it."""
        nan, infinite, first = count_not_finite(self.matrix)
        if nan + infinite:
            row, column = first
            label = f"{column}"
            if self._names is not None:
                label = f"{column} ({self._names[column]!r})"
            return InvalidDataError(
                not_finite_message(
                    "X",
                    nan,
                    infinite,
                    f"row {row}, column {label}",
                    "drop those rows, or fill them, e.g. with sklearn.impute.SimpleImputer",
                )
            )
        largest = max(abs(float(self.matrix.max())), abs(float(self.matrix.min())))
        return explain_range(largest, self.matrix.dtype)
