"""The objective: the one formula that every solver minimises.

::

    F(W, b) = 1/S * sum_i s_i * loss(y_i, x_i W + b)
            + 1/(C*S) * [ (1 - rho)/2 * ||W||_F^2 + rho * ||W||_1 ]

``S = sum_i s_i``; ``s_i`` is sample weight times class weight; ``rho`` is the
``l1_ratio``, 0 in what is implemented here; the intercept ``b`` is never penalised;
``C = inf`` switches the penalty off.  The binary loss is ``log(1 + exp(-m))`` of the
signed margin ``m``.  The minimiser is scikit-learn's.

Coefficients are one array ``(n_columns + 1, n_outputs)`` with the intercept in the last
row; without an intercept that row is there, and 0.  `Objective` is the only owner of
the penalty, of the division by S and of that row.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack

from fastlogreg.design import Design, Targets

__all__ = ["DenseHessian", "Objective"]

_EPS = float(np.finfo(np.float64).eps)
_LEAST_CURVATURE = float(np.finfo(np.float64).tiny) / _EPS
_norm: Callable[..., float] = lapack.dlange


class Objective:
    """F over a design, as a function of the coefficients.

    Parameters
    ----------
    design : Design
        X, n_rows by n_columns.
    targets : Targets
        Codes and class weights of the rows.
    weights : ndarray of float64, shape (n_rows,), or None
        Sample weights, not negative.
    C : float
        Inverse strength of the penalty, in (0, inf].
    fit_intercept : bool
        Whether the last row of the coefficients is free.
    """

    def __init__(
        self,
        design: Design,
        targets: Targets,
        weights: np.ndarray | None,
        *,
        C: float,
        fit_intercept: bool,
    ) -> None:
        self.design = design
        self.targets = targets
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.total_weight = targets.total_weight(weights)
        inverse = C * self.total_weight
        self.strength = 1.0 / inverse if inverse != 0.0 else math.inf
        self._penalty = np.full((design.n_columns + 1, 1), self.strength)
        self._penalty[-1] = 0.0

    @property
    def passes(self) -> float:
        """Reads of X so far, in whole tables."""
        return self.design.passes

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the coefficients, ``(n_columns + 1, 1)``."""
        return self.design.n_columns + 1, 1

    def value_gradient(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, a new array of coef's shape; one pass."""
        losses, gradient = self.design.loss_gradient(coef, self.targets, self.weights)
        return self._finish(losses, gradient, coef)

    def value_gradient_hessian(self, coef: np.ndarray) -> tuple[float, np.ndarray, DenseHessian]:
        """Return F, its gradient and its factored Hessian; one pass."""
        losses, gradient, hessians = self.design.loss_gradient_hessian(
            coef, self.targets, self.weights
        )
        matrix = hessians[0]
        matrix /= self.total_weight
        matrix.flat[:: len(matrix) + 1] += self._penalty[:, 0]
        hessian = DenseHessian(matrix if self.fit_intercept else matrix[:-1, :-1])
        return *self._finish(losses, gradient, coef), hessian

    def _finish(
        self, losses: np.ndarray, gradient: np.ndarray, coef: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return F and its gradient, made in place, from the sums over the rows."""
        pull = self._penalty * coef
        gradient /= self.total_weight
        gradient += pull
        if not self.fit_intercept:
            gradient[-1] = 0.0
        penalty = 0.5 * float(np.vdot(pull, coef))
        return float(losses.sum()) / self.total_weight + penalty, gradient


class DenseHessian:
    """A factored dense Hessian.

    The matrix is scaled to a unit diagonal before the Cholesky factorisation, so that
    columns of very different scale do not cost digits.  Where it is singular to working
    precision (collinear columns without a penalty, saturated rows) the diagonal is
    raised by the least power of ten times eps that lets the factor exist: the step then
    leaves the directions alone along which F is flat (Nocedal & Wright, *Numerical
    Optimization*, 2nd ed., section 3.4).

    Parameters
    ----------
    matrix : ndarray of float64, shape (p, p)
        Symmetric, positive semidefinite; overwritten.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        diagonal = matrix.diagonal()
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            # Subnormal curvature has no digits left to scale by: it counts as none.
            root = np.sqrt(np.maximum(diagonal, _LEAST_CURVATURE))
            scale = np.divide(diagonal > _LEAST_CURVATURE, root)
            matrix *= scale
            self._scale = scale[:, None]
            matrix *= self._scale
        norm = _norm("1", matrix.T)  # the transpose is in LAPACK's order
        # Products that left float64 have no factor; the step is then NaN, and says so.
        self._factor = _cholesky_of_unit_diagonal(matrix, norm) if math.isfinite(norm) else None

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """Return ``H^-1 gradient``; rows beyond the matrix, a fixed intercept, stay 0."""
        if self._factor is None:
            return np.full_like(gradient, np.nan)
        p = len(self._scale)
        scaled = self._scale * gradient[:p]
        solution, _ = lapack.dpotrs(self._factor, scaled, lower=1, overwrite_b=1)
        solution *= self._scale
        if p == len(gradient):
            return np.asarray(solution)
        out = np.zeros_like(gradient)
        out[:p] = solution
        return out


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
