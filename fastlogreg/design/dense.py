"""A dense table in memory, or mapped into it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.design.protocol import DenseBackend, Targets

__all__ = ["DTYPES", "DenseDesign", "kernel_ready"]

# What passes read as it lies in memory.
DTYPES = (
    *("float64", "float32", "bool"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
)


class DenseDesign:
    """Dense X, read where it lies: C or F order, writable or read-only.

    Parameters
    ----------
    X : ndarray of float32, float64, integers or bool, shape (n_rows, n_columns)
        Used without a copy if `kernel_ready`; any other layout is copied once.
    backend : DenseBackend
        The whole passes, from `load_backend`.
    n_threads : int
        How many threads a pass may use.
    """

    def __init__(self, X: np.ndarray, backend: DenseBackend, n_threads: int) -> None:
        self.X = X if kernel_ready(X) else np.array(X, dtype=X.dtype.newbyteorder("="), order="C")
        self.backend = backend
        self.n_threads = n_threads
        self.passes = 0.0

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
    def dtype(self) -> np.dtype[Any]:
        """Type of results: that of X, float64 where X holds integers."""
        return self.X.dtype if self.X.dtype.kind == "f" else np.dtype(np.float64)

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses ``(k,)``, of softmax ``(1,)``, and gradients ``(d + 1, k)``, one pass."""
        self.passes += 1
        return self.backend.loss_gradient(
            self.X,
            coef,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, gradients and Hessians, one pass for all.

        They are ``(k, d + 1, d + 1)``; of a softmax model ``(1, p, p)`` with
        ``p = k (d + 1)``, class by class.
        """
        self.passes += 1
        return self.backend.loss_gradient_hessian(
            self.X,
            coef,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def hessian_product(
        self,
        coef: np.ndarray,
        direction: np.ndarray,
        targets: Targets,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Return the Hessian at coef times direction, both ``(d + 1, k)``, one pass."""
        self.passes += 1
        return self.backend.hessian_product(
            self.X,
            coef,
            direction,
            targets.codes,
            weights,
            targets.class_weights,
            self.n_threads,
            targets.softmax,
        )

    def hessian_diagonal(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> np.ndarray:
        """Return the diagonals of the Hessians ``(d + 1, k)``, two passes.

        The curvatures of the rows are in the type of X.
        """
        p, _ = self.probability(coef, targets.softmax)
        curvature = p * (1.0 - p) if targets.softmax else p[:, :1] * p[:, 1:]
        curvature = curvature * targets.class_weights[targets.codes, None]
        if weights is not None:
            curvature *= weights[:, None]
        self.passes += 1
        return self.backend.square_sums(self.X, curvature, self.n_threads)

    def decision(self, coef: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return decisions ``(n, k)`` in the type of X, and whether all are finite, one pass."""
        self.passes += 1
        return self.backend.decision(self.X, coef, self.n_threads)

    def probability(self, coef: np.ndarray, softmax: bool = False) -> tuple[np.ndarray, bool]:
        """Return probabilities, and whether all decisions are finite, one pass.

        They are ``(n, 2)`` of one output, ``(n, k)`` of a softmax model.
        """
        self.passes += 1
        return self.backend.probability(self.X, coef, self.n_threads, softmax)

    def take(self, rows: np.ndarray) -> DenseDesign:
        """Return the design of some rows, copied in the order of X."""
        if self.X.flags.c_contiguous:
            return DenseDesign(self.X[rows], self.backend, self.n_threads)
        return DenseDesign(np.take(self.X.T, rows, axis=1).T, self.backend, self.n_threads)


def kernel_ready(X: np.ndarray) -> bool:
    """Return whether compiled loops may read X as it lies in memory.

    Strided views would need a kernel of their own, and unaligned or byte-swapped arrays
    are undefined behaviour in one.
    """
    contiguous = X.flags.c_contiguous or X.flags.f_contiguous
    return bool(contiguous and X.flags.aligned and X.dtype.isnative)
