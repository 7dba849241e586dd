"""A sparse matrix of SciPy, whose arrays are checked before any kernel reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.design import Compressed, Shape, SparseDesign, load_backend
from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.finite import count_not_finite, explain_range, not_finite_message

__all__ = ["SparseTable", "read_sparse"]

_INDEX_TYPES = (np.dtype(np.int32), np.dtype(np.int64))
_VALUE_TYPES = (np.dtype(np.float32), np.dtype(np.float64))
_CHUNK = 1 << 20


class SparseTable:
    """A valid sparse matrix.

    Parameters
    ----------
    X : Compressed
        What `read_sparse` returned.
    """

    def __init__(self, X: Compressed) -> None:
        self._X = X

    @property
    def shape(self) -> Shape:
        """What decides how it is fitted."""
        return Shape(self._X.n_rows, self._X.n_columns, len(self._X.data), "sparse")

    def design(self, backend: str, n_threads: int) -> SparseDesign:
        """Return X as an operator on a backend, "numba" or "numpy"."""
        return SparseDesign(self._X, load_backend(backend, "sparse"), n_threads)

    def explain_not_finite(self) -> InvalidDataError:
        """Return the error for a pass whose result is not finite: where X is to blame for it."""
        X = self._X
        nan, infinite, (place, _) = count_not_finite(X.data[:, None])
        if nan + infinite:
            group = int(np.searchsorted(X.indptr, place, side="right")) - 1
            row, column = (group, X.indices[place]) if X.by_row else (X.indices[place], group)
            return InvalidDataError(
                not_finite_message(
                    "X",
                    nan,
                    infinite,
                    f"row {row}, column {column}",
                    "drop those rows, or store other values there",
                )
            )
        return explain_range(float(np.abs(X.data).max(initial=0.0)), X.data.dtype)


def read_sparse(X: Any) -> Compressed:
    """Return a sparse matrix as its arrays, by row or by column; other formats are converted.

    Values and indices are not copied where they are float32 or float64, int32 or int64, and
    contiguous.

    Raises
    ------
    InvalidDataError
        Arrays that make no matrix: an index out of range, an indptr that decreases or does
        not fit, lengths that differ; values that are no real numbers; no rows or columns.
    """
    if X.ndim != 2:
        raise InvalidDataError(
            f"X is a sparse array of shape {X.shape}; expected two axes. Reshape your data: "
            "X.reshape(-1, 1) for one column, X.reshape(1, -1) for one row."
        )
    if 0 in X.shape:
        what = "sample" if X.shape[0] == 0 else "feature"
        raise InvalidDataError(
            f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required: "
            "expected at least one row and one column in X."
        )
    if X.dtype.kind not in "biuf":
        said = "Complex data not supported" if X.dtype.kind == "c" else "no numbers"
        raise InvalidDataError(
            f"X is sparse and its values are {X.dtype}: {said}; expected real numbers."
        )
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    data, indices, indptr = (np.asarray(part) for part in (X.data, X.indices, X.indptr))
    by_row = X.format == "csr"
    n_groups, n_places = X.shape if by_row else X.shape[::-1]
    _check_structure(data, indices, indptr, n_groups)
    _check_indices(indices, n_places, "column" if by_row else "row")
    return Compressed(
        _ready(data, _VALUE_TYPES, np.float64),
        _ready(indices, _INDEX_TYPES, np.int64),
        _ready(indptr, _INDEX_TYPES, np.int64),
        int(X.shape[0]),
        int(X.shape[1]),
        by_row,
    )


def _ready(array: np.ndarray, types: tuple[np.dtype[Any], ...], otherwise: type) -> np.ndarray:
    """Return an array that kernels may read: of one of the types, contiguous, aligned."""
    dtype = array.dtype if array.dtype in types else np.dtype(otherwise)
    with np.errstate(over="ignore"):
        return np.require(array, dtype=dtype, requirements=["C", "A"])


def _check_structure(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_groups: int
) -> None:
    """Raise unless *indptr* cuts the values into so many groups."""
    problem = ""
    if data.ndim != 1 or data.shape != indices.shape:
        problem = f"{data.shape} values for {indices.shape} indices"
    elif indptr.shape != (n_groups + 1,):
        problem = f"indptr is of shape {indptr.shape} for {n_groups:,} rows or columns"
    elif indices.dtype.kind not in "iu" or indptr.dtype.kind not in "iu":
        problem = f"indices are {indices.dtype}, indptr is {indptr.dtype}"
    elif indptr[0] != 0 or indptr[-1] != len(data):
        problem = f"indptr goes from {indptr[0]} to {indptr[-1]} for {len(data):,} values"
    elif (indptr[1:] < indptr[:-1]).any():
        first = int(np.argmax(indptr[1:] < indptr[:-1]))
        problem = f"indptr falls from {indptr[first]} to {indptr[first + 1]} at {first + 1}"
    if problem:
        raise InvalidDataError(
            f"X is no sparse matrix: {problem}; expected arrays of a valid CSR or CSC matrix. "
            "Build it anew, e.g. by X.tocoo() of a valid one, and see X.check_format()."
        )


def _check_indices(indices: np.ndarray, n_places: int, what: str) -> None:
    """Raise if an index is out of range; some at a time, in the cache."""
    for start in range(0, len(indices), _CHUNK):
        chunk = indices[start : start + _CHUNK]
        least, most = int(chunk.min()), int(chunk.max())
        if least < 0 or most >= n_places:
            bad = least if least < 0 else most
            raise InvalidDataError(
                f"X is no sparse matrix: it stores a value in {what} {bad}, but has {n_places:,} "
                f"{what}s; expected indices from 0 to {n_places - 1:,}. Build it anew."
            )
