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

import numpy as np
from scipy.linalg import lapack

from fastlogreg.design import Design, Targets

__all__ = ["DenseHessian", "Objective"]

_EPS = float(np.finfo(np.float64).eps)
_LEAST_CURVATURE = float(np.finfo(np.float64).tiny) / _EPS


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
        with np.errstate(divide="ignore", over="ignore"):
            self.strength = float(np.divide(1.0, C * self.total_weight))

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
        return self._value(losses, coef), self._scaled(gradient, coef)

    def value_gradient_hessian(self, coef: np.ndarray) -> tuple[float, np.ndarray, DenseHessian]:
        """Return F, its gradient and its factored Hessian; one pass."""
        losses, gradient, hessians = self.design.loss_gradient_hessian(
            coef, self.targets, self.weights
        )
        matrix = hessians[0]
        matrix /= self.total_weight
        diagonal = _diagonal(matrix)
        diagonal[:-1] += self.strength
        hessian = DenseHessian(matrix if self.fit_intercept else matrix[:-1, :-1])
        return self._value(losses, coef), self._scaled(gradient, coef), hessian

    def _value(self, losses: np.ndarray, coef: np.ndarray) -> float:
        """Return F of the summed losses."""
        penalty = 0.5 * self.strength * float(np.vdot(coef[:-1], coef[:-1]))
        return float(losses.sum()) / self.total_weight + penalty

    def _scaled(self, gradient: np.ndarray, coef: np.ndarray) -> np.ndarray:
        """Return F's gradient, made in place of that of the summed losses."""
        gradient /= self.total_weight
        gradient[:-1] += self.strength * coef[:-1]
        if not self.fit_intercept:
            gradient[-1] = 0.0
        return gradient


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
        diagonal = _diagonal(matrix)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            # Subnormal curvature has no digits left to scale by: it counts as none.
            scale = (diagonal > _LEAST_CURVATURE) / np.sqrt(np.maximum(diagonal, _LEAST_CURVATURE))
            self._scale = scale[:, None]
            matrix *= scale
            matrix *= self._scale
        norm = float(lapack.dlange("1", matrix.T))  # the transpose is in LAPACK's order
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


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the diagonal as a view to write to."""
    return np.einsum("ii->i", matrix)


def _cholesky_of_unit_diagonal(matrix: np.ndarray, norm: float) -> np.ndarray:
    """Return a lower Cholesky factor of the matrix plus the least ridge that it needs."""
    p = len(matrix)
    diagonal = _diagonal(matrix)
    diagonal[:] = 1.0  # columns without curvature have 0 there
    norm = max(norm, 1.0)
    ridge = 0.0
    while True:
        factor, failed = lapack.dpotrf(matrix, lower=1, clean=0)
        if not failed:
            reciprocal_condition, _ = lapack.dpocon(factor, norm, uplo="L")
            if reciprocal_condition > p * _EPS:
                return np.asarray(factor)
        ridge = max(10.0 * ridge, 10.0 * p * _EPS)
        diagonal[:] = 1.0 + ridge
