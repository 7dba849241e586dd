"""What a storage of X offers to an objective, and how a backend is loaded."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

__all__ = ["DenseBackend", "Design", "Targets", "class_totals", "load_backend"]

_PACKAGES = {"numba": "fastlogreg.kernels", "numpy": "fastlogreg.reference"}


@dataclass(frozen=True)
class Targets:
    """Labels as the passes read them.

    Parameters
    ----------
    codes : ndarray of int8, shape (n_rows,)
        The class of each row; 1 is the positive class.
    class_weights : ndarray of float64, shape (n_classes,)
        What a row counts by its class; looked up by code, never spread over the rows.
    """

    codes: np.ndarray
    class_weights: np.ndarray

    def take(self, rows: np.ndarray) -> Targets:
        """Return the labels of some rows."""
        return Targets(self.codes[rows], self.class_weights)

    def total_weight(self, weights: np.ndarray | None) -> float:
        """Return the sum over rows of class weight times sample weight."""
        totals = class_totals(self.codes, weights, len(self.class_weights))
        return float(totals @ self.class_weights)


def class_totals(codes: np.ndarray, weights: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Return the weight, or the number, of the rows of each class, ``(n_classes,)``."""
    if weights is None:
        return np.array([np.count_nonzero(codes == code) for code in range(n_classes)], float)
    return np.bincount(codes, weights, minlength=n_classes)


class Design(Protocol):
    """X as an operator with an appended column of ones.

    With ``n`` rows, ``d`` columns and ``k`` outputs, coefficients and gradients are
    ``(d + 1, k)`` float64, the intercept in the last row.  Results are new arrays,
    summed over rows and not divided by anything.  Every method but `take` reads X once
    and adds 1 to `passes`.
    """

    passes: float

    @property
    def n_rows(self) -> int:
        """Rows of X."""

    @property
    def n_columns(self) -> int:
        """Columns of X."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of X's numbers."""

    def loss_gradient(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses ``(k,)`` and gradients ``(d + 1, k)``."""

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, gradients and Hessians ``(k, d + 1, d + 1)``."""

    def decision(self, coef: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return decisions ``(n, k)`` in the type of X, and whether all are finite."""

    def probability(self, coef: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return the probabilities of both classes ``(n, 2)``, and whether all are finite."""

    def take(self, rows: np.ndarray) -> Design:
        """Return the design of some rows, copied, with a count of its own."""


class DenseBackend(Protocol):
    """The whole passes that `fastlogreg.kernels.dense` and its mirror define."""

    def loss_gradient(
        self,
        X: np.ndarray,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradients."""

    def loss_gradient_hessian(
        self,
        X: np.ndarray,
        coef: np.ndarray,
        codes: np.ndarray,
        weights: np.ndarray | None,
        class_weights: np.ndarray,
        n_threads: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, gradients and Hessians."""

    def decision(self, X: np.ndarray, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
        """Return decisions, and whether all are finite."""

    def probability(
        self, X: np.ndarray, coef: np.ndarray, n_threads: int
    ) -> tuple[np.ndarray, bool]:
        """Return probabilities, and whether all decisions are finite."""


def load_backend(name: str, storage: str = "dense") -> DenseBackend:
    """Import the whole passes of a backend, "numba" or "numpy", for a storage of X.

    This is the only import of kernels and reference above their floor: a fit on NumPy
    never loads numba.
    """
    module: object = importlib.import_module(f"{_PACKAGES[name]}.{storage}")
    return cast(DenseBackend, module)
