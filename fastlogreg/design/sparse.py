"""A sparse table in memory, or mapped into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from fastlogreg.design.protocol import Backend, BlockSums, Targets
from fastlogreg.design.stored import StoredDesign

__all__ = ["SparseDesign"]

_VALUES_OF_CHUNK = 4_194_304  # stored values of rows taken at once


class _SparseBackend(Protocol):
    """What the backends of this storage have besides the passes of all."""

    def product_at(
        self,
        X: Any,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
        softmax: bool = False,
        kept: np.ndarray | None = None,
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessians times it."""

    def loss_gradient_keeping(
        self,
        X: Any,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the loss and the gradient of a softmax, and what products at coef keep."""

    def loss_gradient_decided(
        self,
        X: Any,
        decided: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss and the gradient of one output by decisions ``(n,)``."""

    def take_columns(self, X: Any, columns: np.ndarray, n_threads: int) -> Any:
        """Return some columns of a table by rows."""


class SparseDesign(StoredDesign[Any]):
    """Sparse X by rows or by columns, read where it lies.

    Indices may be in any order, values stored for the same place add up, and stored zeros
    stay.  A pass over a table by columns reads it twice, and counts as two.

    Parameters
    ----------
    X : csr_matrix, csr_array, csc_matrix or csc_array of float32 or float64
        Shape (n_rows, n_columns); its indices are inside that.  Used without a copy.
    backend : Backend
        The whole passes, from `load_backend` with the storage "sparse".
    n_threads : int
        How many threads a pass may use.
    """

    def __init__(self, X: Any, backend: Backend, n_threads: int) -> None:
        super().__init__(X, backend, n_threads)
        self._by_columns = X.format == "csc"
        self._part: tuple[np.ndarray, SparseDesign] | None = None
        self._has_products = False
        self._kept: tuple[np.ndarray, np.ndarray] | None = None  # coefficients, and p there

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return int(self.X.shape[0])

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return int(self.X.shape[1])

    @property
    def cells(self) -> int:
        """Stored values of X."""
        return int(self.X.nnz)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of X's values, and of results."""
        dtype: np.dtype[Any] = self.X.dtype
        return dtype

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradients; one pass, two by columns.

        Where all coefficients but those of the columns taken last are 0, the rows are decided
        by the part that was taken, which is counted there.  Once products were asked for, the
        pass of a softmax by rows keeps what products at the same coefficients will need.
        """
        if targets.softmax and self._has_products and not self._by_columns:
            return self._loss_gradient_keeping(coef, targets, weights)
        decided = self._decided_by_part(coef)
        if decided is None:
            self.passes += self._by_columns
            return super().loss_gradient(coef, targets, weights)
        self.passes += 1
        return cast(_SparseBackend, self.backend).loss_gradient_decided(
            self.X, decided, targets.codes, weights, targets.class_weights, self.n_threads
        )

    def _loss_gradient_keeping(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Do so, where it is not known by the intercepts alone."""
        self._kept = None  # let go before the next one is made
        if not coef[:-1].any():
            return super().loss_gradient(coef, targets, weights)
        self.passes += 1
        losses, gradient, kept = cast(_SparseBackend, self.backend).loss_gradient_keeping(
            self.X, coef, targets.codes, weights, targets.class_weights, self.n_threads
        )
        self._kept = coef.copy(), kept
        return losses, gradient

    def _decided_by_part(self, coef: np.ndarray) -> np.ndarray | None:
        """Return decisions ``(n,)`` in float64, None where the part has not all that it takes."""
        if self._part is None or coef.shape[1] > 1 or self.dtype != np.float64:
            return None
        columns, part = self._part
        inside = np.append(columns, self.n_columns)
        if np.count_nonzero(coef[columns]) < np.count_nonzero(coef[:-1]):
            return None
        decided, _ = part.decision(coef[inside])
        return decided[:, 0]

    def hessian_product(
        self,
        coef: np.ndarray,
        direction: np.ndarray,
        targets: Targets,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Return the Hessian at coef times direction; one pass, two by columns."""
        self.passes += self._by_columns
        return super().hessian_product(coef, direction, targets, weights)

    def product_at(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessian at coef times it.

        A call is one pass, two by columns.  The first keeps the curvature of the rows' losses,
        ``(n, k)`` float64, so that those after it gather from the direction alone; the gradient
        of a softmax by rows at the same coefficients has kept it before.
        """
        self._has_products = True
        kept = None
        if targets.softmax and self._kept is not None and np.array_equal(self._kept[0], coef):
            kept = self._kept[1]
        times = cast(_SparseBackend, self.backend).product_at(
            self.X,
            coef,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
            kept,
        )

        def product(direction: np.ndarray) -> np.ndarray:
            self.passes += 1 + self._by_columns
            return times(direction)

        return product

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and dense Hessians, one pass for all.

        By columns, chunks of rows are taken one after the other, each by a pass of its own.
        """
        if not self._by_columns:
            return super().loss_gradient_hessian(coef, targets, weights)
        n_chunks = min(max(self.X.nnz // _VALUES_OF_CHUNK, 1), self.n_rows)
        total: list[Any] = [0.0, 0.0, 0.0]
        for chunk in range(n_chunks):
            rows = slice(chunk * self.n_rows // n_chunks, (chunk + 1) * self.n_rows // n_chunks)
            some = SparseDesign(self.X[rows].tocsr(), self.backend, self.n_threads)
            sums = some.loss_gradient_hessian(
                coef, targets.take(rows), None if weights is None else weights[rows]
            )
            total = [before + more for before, more in zip(total, sums, strict=True)]
        self.passes += n_chunks + 1  # the chunks together are X again
        return total[0], total[1], total[2]

    def take(self, rows: np.ndarray) -> SparseDesign:
        """Return the design of some rows, copied, by rows; by columns it is a pass."""
        self.passes += self._by_columns
        return SparseDesign(self.X[rows].tocsr(), self.backend, self.n_threads)

    def take_columns(self, columns: np.ndarray) -> SparseDesign:
        """Return the design of some columns, copied in the order of X; by rows it is a pass."""
        if self._by_columns:
            return SparseDesign(self.X[:, columns], self.backend, self.n_threads)
        self.passes += 1
        backend = cast(_SparseBackend, self.backend)
        taken = backend.take_columns(self.X, columns, self.n_threads)
        part = SparseDesign(taken, self.backend, self.n_threads)
        self._part = columns, part
        return part
