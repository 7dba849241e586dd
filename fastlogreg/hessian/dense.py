"""A dense Hessian, factored to solve for a Newton step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

__all__ = ["DenseHessian"]

_EPS = float(np.finfo(np.float64).eps)
_LEAST_CURVATURE = float(np.finfo(np.float64).tiny) / _EPS
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
    """

    def __init__(self, matrix: np.ndarray, n_outputs: int = 1) -> None:
        self.matrix = matrix
        self.n_outputs = n_outputs
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
            self._scale, self._factor = _factor(self.matrix)
        if self._factor is None:
            return np.full_like(gradient, np.nan)
        side = len(self.matrix) // self.n_outputs
        scaled = self._scale * gradient[:side].T.reshape(-1, 1)
        solution, _ = lapack.dpotrs(self._factor, scaled, lower=1, overwrite_b=1)
        solution *= self._scale
        if gradient.shape == solution.shape:
            return np.asarray(solution)
        out = np.zeros_like(gradient)
        out[:side] = solution.reshape(self.n_outputs, side).T
        return out


def _factor(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the scale ``(p, 1)``, and the factor of the scaled matrix if that is finite."""
    diagonal = matrix.diagonal()
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # Subnormal curvature has no digits left to scale by: it counts as none.
        root = np.sqrt(np.maximum(diagonal, _LEAST_CURVATURE))
        scale = np.divide(diagonal > _LEAST_CURVATURE, root)
        scaled = matrix * scale
        scaled *= scale[:, None]
    norm = _norm("1", scaled.T)  # the transpose is in LAPACK's order
    # Products that left float64 have no factor; the step is then NaN, and says so.
    factor = _cholesky_of_unit_diagonal(scaled, norm) if math.isfinite(norm) else None
    return scale[:, None], factor


def _cholesky_of_unit_diagonal(matrix: np.ndarray, norm: float) -> np.ndarray:
    """Return a lower Cholesky factor of the matrix plus the least ridge that it needs."""
    p = len(matrix)
    norm = max(norm, 1.0)
    ridge = 0.0
    while True:
        matrix.flat[:: p + 1] = 1.0 + ridge  # columns without curvature have 0 there
        factor, failed = lapack.dpotrf(matrix, lower=1, clean=0)
        if not failed:
            reciprocal_condition, _ = lapack.dpocon(factor, norm, uplo="L")
            if reciprocal_condition > p * _EPS:
                return np.asarray(factor)
        ridge = max(10.0 * ridge, 10.0 * p * _EPS)
