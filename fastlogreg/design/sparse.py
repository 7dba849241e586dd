"""A sparse table, compressed by row or by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlogreg.design.protocol import Backend, BlockSums, Targets
from fastlogreg.design.stored import StoredDesign

__all__ = ["Compressed", "SparseDesign"]


@dataclass(frozen=True)
class Compressed:
    """A sparse matrix as its three arrays.

    Parameters
    ----------
    data : ndarray of float32 or float64, shape (nnz,)
        What is stored; values of one place add up.
    indices : ndarray of int32 or int64, shape (nnz,)
        The column of each, the row if by column; in any order.
    indptr : ndarray of int32 or int64
        Where each row begins in them, and the end; each column if by column.
    n_rows, n_columns : int
        Shape.
    by_row : bool
        Whether it is compressed by row (CSR) or by column (CSC).
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_rows: int
    n_columns: int
    by_row: bool = True


class SparseDesign(StoredDesign[Compressed]):
    """Sparse X, read where it lies.

    Rows are read once a pass.  Columns are read twice, for decisions and for the gradient
    (`passes` counts both), and Hessians and samples of a matrix by column are made from
    its rows, which are copied when first needed.

    Parameters
    ----------
    X : Compressed
        A valid matrix: kernels check no index.
    backend : Backend
        The whole passes, from ``load_backend(name, "sparse")``.
    n_threads : int
        How many threads a pass may use.
    """

    def __init__(self, X: Compressed, backend: Backend, n_threads: int) -> None:
        super().__init__(X, backend, n_threads)
        self._by_row: SparseDesign | None = self if X.by_row else None

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return self.X.n_rows

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return self.X.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of results: that of the values."""
        return self.X.data.dtype

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses ``(k,)``, of softmax ``(1,)``, and gradients ``(d + 1, k)``."""
        self.passes += 0 if self.X.by_row else 1
        return super().loss_gradient(coef, targets, weights)

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and Hessians, dense; one pass over the rows."""
        if self.X.by_row:
            return super().loss_gradient_hessian(coef, targets, weights)
        self.passes += 1
        return self._rows().loss_gradient_hessian(coef, targets, weights)

    def hessian_product(
        self,
        coef: np.ndarray,
        direction: np.ndarray,
        targets: Targets,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Return the Hessian at coef times direction, both ``(d + 1, k)``."""
        self.passes += 0 if self.X.by_row else 1
        return super().hessian_product(coef, direction, targets, weights)

    def take(self, rows: np.ndarray) -> SparseDesign:
        """Return the design of some rows, copied, by row."""
        X = self._rows().X
        starts, ends = X.indptr[rows], X.indptr[rows + 1]
        places, indptr = _places(starts, ends)
        taken = Compressed(X.data[places], X.indices[places], indptr, len(rows), X.n_columns)
        return SparseDesign(taken, self.backend, self.n_threads)

    def take_columns(self, columns: np.ndarray) -> SparseDesign:
        """Return the design of some columns, copied, compressed as X is."""
        X = self.X
        if not X.by_row:
            places, indptr = _places(X.indptr[columns], X.indptr[columns + 1])
            taken = Compressed(
                X.data[places], X.indices[places], indptr, X.n_rows, len(columns), by_row=False
            )
            return SparseDesign(taken, self.backend, self.n_threads)
        number = np.full(X.n_columns, -1, dtype=X.indices.dtype)
        number[columns] = np.arange(len(columns))
        renamed = number[X.indices]
        kept = renamed >= 0
        ends = np.zeros(len(kept) + 1, dtype=X.indptr.dtype)
        np.cumsum(kept, out=ends[1:])
        taken = Compressed(
            X.data[kept], renamed[kept], ends[X.indptr], X.n_rows, len(columns), by_row=True
        )
        return SparseDesign(taken, self.backend, self.n_threads)

    def _rows(self) -> SparseDesign:
        """Return the design by row, made when first asked for."""
        if self._by_row is None:
            from scipy.sparse import csc_array

            X = self.X
            shape = (X.n_rows, X.n_columns)
            rows = csc_array((X.data, X.indices, X.indptr), shape=shape).tocsr()
            copied = Compressed(rows.data, rows.indices, rows.indptr, *shape)
            self._by_row = SparseDesign(copied, self.backend, self.n_threads)
        return self._by_row


def _places(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of all stretches one after the other, and where each begins."""
    indptr = np.zeros(len(starts) + 1, dtype=np.int64)
    np.cumsum(ends - starts, out=indptr[1:])
    places = np.arange(indptr[-1])
    places += np.repeat(starts - indptr[:-1], ends - starts)
    return places, indptr
