"""A dense table in memory, or mapped into it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.design.protocol import Backend
from fastlogreg.design.stored import StoredDesign

__all__ = ["DTYPES", "DenseDesign", "kernel_ready"]

# What passes read as it lies in memory.
DTYPES = (
    *("float64", "float32", "bool"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
)


class DenseDesign(StoredDesign[np.ndarray]):
    """Dense X, read where it lies: C or F order, writable or read-only.

    Parameters
    ----------
    X : ndarray of float32, float64, integers or bool, shape (n_rows, n_columns)
        Used without a copy if `kernel_ready`; any other layout is copied once.
    backend : Backend
        The whole passes, from `load_backend`.
    n_threads : int
        How many threads a pass may use.
    """

    def __init__(self, X: np.ndarray, backend: Backend, n_threads: int) -> None:
        ready = X if kernel_ready(X) else np.array(X, dtype=X.dtype.newbyteorder("="), order="C")
        super().__init__(ready, backend, n_threads)

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return int(self.X.shape[0])

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return int(self.X.shape[1])

    @property
    def array(self) -> np.ndarray:
        """X itself."""
        return self.X

    @property
    def cells(self) -> int:
        """Numbers of X."""
        return int(self.X.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of results: that of X, float64 where X holds integers."""
        return self.X.dtype if self.X.dtype.kind == "f" else np.dtype(np.float64)

    def take(self, rows: np.ndarray) -> DenseDesign:
        """Return the design of some rows, copied in the order of X."""
        # "clip" for its speed, a third of the time of X[rows].
        if self.X.flags.c_contiguous:
            taken = np.take(self.X, rows, axis=0, mode="clip")
        else:
            taken = np.take(self.X.T, rows, axis=1, mode="clip").T
        return DenseDesign(taken, self.backend, self.n_threads)

    def take_columns(self, columns: np.ndarray) -> DenseDesign:
        """Return the design of some columns, copied in the order of X; by rows it is a pass."""
        by_rows = self.X.flags.c_contiguous
        self.passes += 1.0 if by_rows else len(columns) / self.n_columns
        if by_rows:
            # "clip" for its speed: "raise" goes through a buffer.
            taken = np.take(self.X, columns, axis=1, mode="clip")
            return DenseDesign(taken, self.backend, self.n_threads)
        return DenseDesign(self.X.T[columns].T, self.backend, self.n_threads)


def kernel_ready(X: np.ndarray) -> bool:
    """Return whether compiled loops may read X as it lies in memory.

    Strided views would need a kernel of their own, and unaligned or byte-swapped arrays
    are undefined behaviour in one.
    """
    contiguous = X.flags.c_contiguous or X.flags.f_contiguous
    return bool(contiguous and X.flags.aligned and X.dtype.isnative)
