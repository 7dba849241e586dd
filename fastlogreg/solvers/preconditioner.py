"""What preconditions Newton systems that are too large to factor.

The Hessian's last row and column are those of the intercept.  Columns that are shifted,
as most are, are collinear with it: their squares hold more mean than spread, and the
condition number grows with the square of the one over the other.  So the intercept is
eliminated first.  With ``h`` its curvature, ``m`` the columns' means and ``D`` their
centred sums of squares, all by the rows' curvature::

    H = T' blockdiag(H_c, h) T        T = [[I, 0], [m', 1]]        diag(H_c) = D

of which ``T`` and ``h`` are kept as they are, and of ``H_c`` the diagonal; from a table in
memory, also the correlations of each column with a few others (`neighbours`).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from fastlogreg.solvers.neighbours import effective_rows, inverse_factor, standardised
from fastlogreg.solvers.solution import Sampled

__all__ = ["Preconditioner", "precondition"]

_SAMPLE = 0.05  # of the rows
_LEAST_SAMPLE, _MOST_SAMPLE = 1_000, 2_000
_LEAST_SEEN = 30.0  # rows that a column's curvature is from, or it is taken from all
_LEAST_CENTRED = 1e-8  # of a sum of squares: below it is rounding
_CELLS_OF_CORRELATION = 0.02  # of a pass, the time of a multiplication
_MOST_PASSES = 10.0  # that correlations may take the time of
_FEWEST_CORRELATED = 300  # rows


class Preconditioner:
    """About the inverse of a Hessian; symmetric, positive semidefinite.

    Parameters
    ----------
    diagonal : ndarray of float64, shape (d + 1, k)
        That of the Hessian, with the penalty.
    border : ndarray of float64, shape (d + 1,), or None
        A column of the Hessian: that of an intercept; None where it is fixed.
    output : int
        Which intercept.
    """

    def __init__(
        self, diagonal: np.ndarray, border: np.ndarray | None = None, output: int = 0
    ) -> None:
        self._means = np.zeros((len(diagonal) - 1, 1))
        centred = diagonal[:-1]
        if border is not None and border[-1] > 0.0:
            with np.errstate(over="ignore", invalid="ignore"):
                self._means[:, 0] = border[:-1] / border[-1]
                # What is left of one output's squares is taken for what is left of any's.
                own = diagonal[:-1, output]
                left = np.divide(border[:-1] * self._means[:, 0], own, where=own > 0.0, out=0 * own)
                centred = centred * np.maximum(1.0 - left, _LEAST_CENTRED)[:, None]
        self._scale = np.sqrt(_inverse(centred))
        self._inverse_intercept = _inverse(diagonal[-1:])
        self._factor: sparse.csr_matrix | None = None

    def correlate(self, factor: sparse.csr_matrix | None) -> None:
        """Take a factor of the inverse of the centred columns' correlations, ``(d, d)``."""
        self._factor = factor

    def shares(self, l2_strength: np.ndarray) -> np.ndarray:
        """Return how much of the columns' curvature is not the penalty's, ``(d,)``."""
        of_penalty = (self._scale**2 * l2_strength[:-1]).mean(axis=1)
        return np.asarray(np.clip(1.0 - of_penalty, 0.0, 1.0))

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """Return the preconditioner times a vector in coef's shape."""
        result = np.empty_like(vector)
        inner = result[:-1]
        np.multiply(self._means, vector[-1], out=inner)
        np.subtract(vector[:-1], inner, out=inner)
        inner *= self._scale
        if self._factor is not None:
            inner[...] = self._factor.T @ (self._factor @ inner)
        inner *= self._scale
        shift = np.einsum("j,jk->k", self._means[:, 0], inner)
        result[-1] = self._inverse_intercept * vector[-1] - shift
        return result


def precondition(objective: Sampled[object], coef: np.ndarray) -> Preconditioner:
    """Return the preconditioner at *coef*.

    Of a table in memory a sample of the rows tells enough, unless it misses what a column
    marks; of other storages, such as sparse ones, whose columns few rows mark, all rows are
    read: three passes, two at 0.
    """
    if objective.array is None:
        return _by_diagonal(objective, coef)
    n, d = objective.n_rows, len(coef) - 1
    wanted = min(max(_SAMPLE * n, _LEAST_SAMPLE), _MOST_SAMPLE)
    sample = objective if wanted >= n else objective.sample(wanted / n)
    assert sample.array is not None
    scaled = standardised(sample.array, sample.row_weights)
    effective = effective_rows(scaled)
    sees_all = bool((effective >= _LEAST_SEEN).all())
    result = _by_diagonal(sample if sees_all else objective, coef)
    affordable = _MOST_PASSES * n / (_CELLS_OF_CORRELATION * d)
    if scaled.shape[1] <= affordable and np.isfinite(effective).all():
        result.correlate(inverse_factor(scaled, effective, result.shares(objective.l2_strength)))
    return result


def _by_diagonal(objective: Sampled[object], coef: np.ndarray) -> Preconditioner:
    diagonal = objective.hessian_diagonal(coef)
    output = int(np.argmax(diagonal[-1]))
    if not diagonal[-1, output] > 0.0:
        return Preconditioner(diagonal)
    unit = np.zeros_like(coef)
    unit[-1, output] = 1.0
    border = objective.product_at(coef)(unit)[:, output]
    return Preconditioner(diagonal, border, output)


def _inverse(diagonal: np.ndarray) -> np.ndarray:
    """Return the inverse, 0 where there is no curvature, NaN where it is not finite."""
    # A diagonal that left float64 gives a step that is NaN, and says so.
    inverse: np.ndarray = np.where(np.isfinite(diagonal), 0.0, np.nan)
    usable = np.isfinite(diagonal) & (diagonal > 0.0)
    return np.asarray(np.divide(1.0, diagonal, out=inverse, where=usable))
