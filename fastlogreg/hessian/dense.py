"""A dense Hessian, factored to solve for a Newton step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from fastlogreg.reference import cholesky as by_lapack
from fastlogreg.runtime.loops import Factoring

__all__ = ["DenseHessian"]

_EPS = float(np.finfo(np.float64).eps)
_LEAST_CURVATURE = float(np.finfo(np.float64).tiny) / _EPS
# Rows of matrices for which a BLAS wakes threads that take longer to fall asleep again
# than the compiled loops take for all of the work.
_FEWEST_ROWS, _MOST_ROWS = 96, 768
_norm: Callable[..., float] = lapack.dlange


class DenseHessian:
    """A dense Hessian, factored when a step is first asked for.

    The matrix is scaled to a unit diagonal before the Cholesky factorisation, so that
    columns of very different scale do not cost digits.  Where it is singular to working
    precision (collinear columns without a penalty, saturated rows) the diagonal is
    raised by the least power of ten times eps that lets the factor exist: the step then
    leaves the directions alone along which F is flat (Nocedal & Wright, *Numerical
    Optimization*, 2nd ed., section 3.4).

    Parameters
    ----------
    matrix : ndarray of float64, shape (p, p)
        Symmetric, positive semidefinite.  With several classes the rows of a class's
        coefficients lie together: ``p = n_outputs * side``.
    n_outputs : int
        Columns of the coefficients.
    factoring : Factoring
        The backend's, for matrices of some hundred rows; LAPACK's for others.
    """

    def __init__(
        self, matrix: np.ndarray, n_outputs: int = 1, factoring: Factoring = by_lapack
    ) -> None:
        self.matrix = matrix
        self.n_outputs = n_outputs
        is_middling = _FEWEST_ROWS <= len(matrix) <= _MOST_ROWS
        self._factoring = factoring if is_middling else by_lapack
        self._scale: np.ndarray | None = None
        self._factor: np.ndarray | None = None

    def forget_factor(self) -> None:
        """Factor anew when next asked: the matrix has changed."""
        self._scale = self._factor = None

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """Return ``H^-1 gradient``; rows beyond the matrix, a fixed intercept, stay 0.

        The result is NaN where the matrix is not finite.
        """
        if self._scale is None:
            self._scale, self._factor = self._factored()
        if self._factor is None:
            return np.full_like(gradient, np.nan)
        side = len(self.matrix) // self.n_outputs
        solution = self._scale * gradient[:side].T.ravel()
        self._factoring.solve_cholesky(self._factor, solution)
        solution *= self._scale
        out = np.zeros_like(gradient)
        out[:side] = solution.reshape(self.n_outputs, side).T
        return out

    def _factored(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the scale ``(p,)``, and the factor of the scaled matrix if that is finite."""
        diagonal = self.matrix.diagonal()
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            # Subnormal curvature has no digits left to scale by: it counts as none.
            root = np.sqrt(np.maximum(diagonal, _LEAST_CURVATURE))
            scale = np.divide(diagonal > _LEAST_CURVATURE, root)
            scaled = self.matrix * scale
            scaled *= scale[:, None]
        norm = _norm("1", scaled.T)  # the transpose is in LAPACK's order
        # Products that left float64 have no factor; the step is then NaN, and says so.
        return scale, self._factor_of(scaled, max(norm, 1.0)) if math.isfinite(norm) else None

    def _factor_of(self, matrix: np.ndarray, norm: float) -> np.ndarray:
        """Return a lower Cholesky factor of the matrix plus the least ridge that it needs."""
        p = len(matrix)
        ridge = 0.0
        while True:
            factor = matrix.copy()
            factor.flat[:: p + 1] = 1.0 + ridge  # columns without curvature have 0 there
            has_factor = self._factoring.factor_cholesky(factor)
            if has_factor and self._factoring.reciprocal_condition(factor, norm) > p * _EPS:
                return factor
            ridge = max(10.0 * ridge, 10.0 * p * _EPS)
