"""A table that is a sparse matrix of scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from fastlogreg.design import Shape, SparseDesign, load_backend
from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.finite import explain_range, not_finite_message

__all__ = ["SparseTable"]

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_INDICES = (np.dtype(np.int32), np.dtype(np.int64))
_STRETCH = 262_144  # indices that are checked at a time: they stay in L2
_ADVICE = (
    "Build it from places instead, scipy.sparse.coo_array((data, (rows, columns)), shape=...), "
    "which checks them"
)


class SparseTable:
    """A matrix or array of scipy.sparse, checked before any loop follows its indices.

    CSR and CSC of float32 and float64 are used as they lie: indices of int32 or int64 in
    any order, values that add up for the same place, stored zeros.  Integers and bools,
    which become float64, other formats, and arrays that are strided, unaligned or
    byte-swapped are converted first, which copies.

    Parameters
    ----------
    X : sparse matrix or array, shape (n_rows, n_columns)
        Of numbers, in any format.

    Raises
    ------
    InvalidDataError
        X has other than two dimensions, no rows, no columns, or values that are not real
        numbers; or its arrays do not fit together or its shape.
    """

    def __init__(self, X: Any) -> None:
        _check_shape(X)
        _check_type(X)
        _check_places(X)
        if X.format not in ("csr", "csc"):
            X = X.tocsr()
            _check_places(X)
        self.matrix = _as_it_lies(X)

    @property
    def shape(self) -> Shape:
        """What decides how it is fitted."""
        return Shape(*self.matrix.shape, cells=len(self.matrix.data), storage="sparse")

    def design(self, backend: str, n_threads: int) -> SparseDesign:
        """Return X as an operator on a backend, "numba" or "numpy"."""
        return SparseDesign(self.matrix, load_backend(backend, "sparse"), n_threads)

    def explain_not_finite(self) -> InvalidDataError:
        """Return the error for a pass whose result is not finite: where X is to blame for it."""
        data = self.matrix.data
        bad = np.flatnonzero(~np.isfinite(data))
        if not len(bad):
            largest = float(np.abs(data).max()) if len(data) else 0.0
            return explain_range(largest, data.dtype)
        line = np.searchsorted(self.matrix.indptr, bad, side="right") - 1
        across = self.matrix.indices[bad]
        rows, columns = (line, across) if self.matrix.format == "csr" else (across, line)
        first = np.lexsort((columns, rows))[0]
        missing = int(np.isnan(data[bad]).sum())
        return InvalidDataError(
            not_finite_message(
                "X",
                missing,
                len(bad) - missing,
                f"row {rows[first]}, column {columns[first]}",
                "drop those rows, or give those places a number: what is not stored is 0",
            )
        )


def _check_shape(X: Any) -> None:
    if X.ndim != 2:
        raise InvalidDataError(
            f"X is a sparse array of shape {X.shape}; expected 2 dimensions, a row a sample. "
            "Reshape your data, with X.reshape(-1, 1) if it has a single feature or "
            "X.reshape(1, -1) if it is a single sample."
        )
    for size, what in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise InvalidDataError(
                f"Found array with 0 {what}(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
                "required."
            )


def _check_type(X: Any) -> None:
    dtype = X.dtype
    if dtype.kind == "c":
        raise InvalidDataError(
            f"Complex data not supported: X is sparse, of {dtype}; expected real numbers. "
            "Pass X.real, or X.imag as further columns."
        )
    if dtype.kind not in "fiub":
        raise InvalidDataError(
            f"X is sparse, of {dtype}; expected real numbers. Convert it, e.g. with "
            "X.astype(numpy.float64)."
        )


def _check_places(X: Any) -> None:
    """Raise if a format's arrays do not fit together, or name places outside X.

    Formats that hold none, or whose conversion looks at each, are passed over.
    """
    if X.format == "coo":
        for axis, size in enumerate(X.shape):
            places = np.asarray(X.coords[axis])
            name = f"X.coords[{axis}]"
            _check_vector(name, places, "iu")
            _check_length(name, places, len(X.data), "X.data has as many")
            _check_inside(X, name, places, size)
    elif X.format in ("csr", "csc", "bsr"):
        by_columns = X.format == "csc"
        blocks = X.blocksize if X.format == "bsr" else (1, 1)
        lines, across = X.shape[by_columns] // blocks[0], X.shape[not by_columns] // blocks[1]
        indptr, indices, data = map(np.asarray, (X.indptr, X.indices, X.data))
        if X.format != "bsr":
            _check_vector("X.data", data, "fiub")
        _check_vector("X.indices", indices, "iu")
        _check_length("X.indices", indices, len(data), "X.data has as many")
        _check_pointers(X, indptr, lines, len(indices))
        _check_inside(X, "X.indices", indices[: int(indptr[-1])], across)


def _check_vector(name: str, array: np.ndarray, kinds: str) -> None:
    if array.ndim != 1 or array.dtype.kind not in kinds:
        wanted = "integers" if kinds == "iu" else "numbers"
        raise InvalidDataError(
            f"{name} is of {array.dtype} and shape {array.shape}; expected one dimension of "
            f"{wanted}. {_ADVICE}."
        )


def _check_length(name: str, array: np.ndarray, length: int, why: str) -> None:
    if len(array) != length:
        raise InvalidDataError(
            f"{name} has {len(array)} entries; expected {length}: {why}. {_ADVICE}."
        )


def _check_pointers(X: Any, indptr: np.ndarray, lines: int, n_stored: int) -> None:
    """Raise if *indptr* does not ascend from 0 to what is stored at most."""
    _check_vector("X.indptr", indptr, "iu")
    _check_length("X.indptr", indptr, lines + 1, f"X is {X.format}, of shape {X.shape}")
    if indptr[0] != 0:
        raise InvalidDataError(f"X.indptr starts with {indptr[0]}; expected 0. {_ADVICE}.")
    falls = indptr[1:] < indptr[:-1]
    if falls.any():
        first = int(falls.argmax())
        raise InvalidDataError(
            f"X.indptr decreases, from {indptr[first]} at {first} to {indptr[first + 1]}; "
            f"expected numbers that never do. {_ADVICE}."
        )
    if indptr[-1] > n_stored:
        raise InvalidDataError(
            f"X.indptr ends with {indptr[-1]}; expected at most {n_stored}, as many values are "
            f"stored. {_ADVICE}."
        )


def _check_inside(X: Any, name: str, indices: np.ndarray, size: int) -> None:
    """Raise if an index is not in [0, size): one read of them."""
    # As an unsigned number a negative one is larger than any size.
    seen = indices.view(indices.dtype.str.replace("i", "u"))
    for start in range(0, len(seen), _STRETCH):
        some = seen[start : start + _STRETCH]
        if some.max() >= size:
            at = start + int((some >= size).argmax())
            raise InvalidDataError(
                f"{name} holds {indices[at]} at {at}; expected indices from 0 to {size - 1}: "
                f"X is {X.format}, of shape {X.shape}. {_ADVICE}."
            )


def _as_it_lies(X: Any) -> sparse.csr_array | sparse.csc_array:
    """Return a CSR or CSC array on the arrays of X, of which those no loop reads are copied."""
    n_stored = int(X.indptr[-1])
    kind = sparse.csr_array if X.format == "csr" else sparse.csc_array
    matrix = kind(X.shape, dtype=X.dtype if X.dtype in _FLOATS else np.float64)
    # The constructor would convert indices that could be smaller; attributes stay.
    matrix.data = _ready(X.data[:n_stored], _FLOATS)
    matrix.indices = _ready(X.indices[:n_stored], _INDICES)
    matrix.indptr = _ready(X.indptr, _INDICES)
    return matrix


def _ready(array: np.ndarray, dtypes: tuple[np.dtype[Any], ...]) -> np.ndarray:
    """Return the array, or a copy of the widest type or in order, for loops to read."""
    array = np.asarray(array)
    if array.dtype not in dtypes:
        return array.astype(max(dtypes, key=lambda dtype: dtype.itemsize))
    return np.require(array, requirements=["C", "A"])
