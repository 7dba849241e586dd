"""The step of a proximal Newton method: a quadratic model plus an L1 penalty, minimised.

::

    min over u of  g'(u - w) + 1/2 (u - w)' B (u - w) + sum_j l_j |u_j|

Coordinate descent (Friedman, Hastie & Tibshirani, *Regularization paths for generalized
linear models via coordinate descent*, Journal of Statistical Software 33, 2010) finds
which coefficients are not 0, and needs thousands of sweeps for the digits of correlated
columns.  So the digits come from elsewhere: with the signs held, the model is a quadratic
of the other coefficients alone, and its minimum a linear system.  Where a sign would
change on the way there, the way ends at that 0 and the coefficient leaves the system
(the primal active-set method, Nocedal & Wright, *Numerical Optimization*, 2nd ed.,
section 16.5).  Both only ever lower the model, so they take turns until the conditions
of a minimum hold to rounding.
"""

from __future__ import annotations

import math

import numpy as np

from fastlogreg.hessian.dense import DenseHessian
from fastlogreg.runtime.loops import MatrixLoops
from fastlogreg.runtime.vectors import times

__all__ = ["ProximalHessian"]

_EPS = float(np.finfo(np.float64).eps)
_MOST_ROUNDS = 60
_SWEEPS = 5  # after the first over all, twice as many after each further one
_MOST_SWEEPS = 20
_MOST_TURNS = 5  # before a linear system
_MOST_SIGN_CHANGES = 30  # linear systems in a row
_MOST_REFINEMENTS = 4
_ENOUGH = 0.1  # of the decrease that a slope promises
_SETTLED = 1e-6  # of a first sweep's largest gain
_ROUNDING = 8.0 * _EPS
_LEAST_CURVATURE = 1e-14  # relative: a pair below carries rounding, not curvature


class ProximalHessian(DenseHessian):
    """A dense Hessian that also minimises its model with an L1 penalty, and that learns.

    Parameters
    ----------
    matrix : ndarray of float64, shape (p, p)
        Symmetric, positive semidefinite, class by class; `update` changes it.
    n_outputs : int
        Columns of the coefficients.
    loops : MatrixLoops
        The backend's.  The objective gets them from its design, for only a design knows
        the backend.
    """

    def __init__(self, matrix: np.ndarray, n_outputs: int, loops: MatrixLoops) -> None:
        super().__init__(matrix, n_outputs, loops)
        self._loops = loops

    def proximal_step(
        self, coef: np.ndarray, gradient: np.ndarray, strengths: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Return where the model is least, and by how much it is lower than at *coef*.

        Parameters
        ----------
        coef, gradient : ndarray of float64, shape (d + 1, n_outputs)
            The point of the model, and the gradient of the smooth part there.
        strengths : ndarray of float64, shape (d + 1, 1)
            Of the L1 penalty, per row.

        Returns
        -------
        target : ndarray of float64, shape (d + 1, n_outputs)
            Zeros are exact; NaN where the matrix is not finite.
        decrease : float
        """
        start, slopes = self._pack(coef), self._pack(gradient)
        bounds = self._pack(np.broadcast_to(strengths, coef.shape))
        if not math.isfinite(float(self.matrix.sum())):
            return np.full_like(coef, np.nan), math.nan
        # A part of a larger array would be read more slowly, by a kernel of its own.
        self.matrix = np.ascontiguousarray(self.matrix)
        model = _Model(self.matrix, start, slopes, bounds, self._loops)
        model.minimise()
        return self._unpack(model.point, coef), -model.value()

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Correct the matrix so that it maps *step* to *gradient_change*, if that is curvature.

        The update of rank two by Broyden, Fletcher, Goldfarb & Shanno: equation 6.19 of
        Nocedal & Wright.
        """
        s, y = self._pack(step), self._pack(gradient_change)
        product = times(self.matrix, s)
        known, seen = float(s @ product), float(s @ y)
        least = _LEAST_CURVATURE * float(np.linalg.norm(s) * np.linalg.norm(y))
        if seen > least and known > 0.0:
            self.matrix += np.multiply.outer(y / seen, y)
            self.matrix -= np.multiply.outer(product / known, product)
            self.forget_factor()

    def is_blind_to(self, slopes: np.ndarray) -> bool:
        """Return whether a slope ``(d + 1, n_outputs)`` that is not 0 meets no curvature."""
        return bool((self._pack(slopes)[self.matrix.diagonal() <= 0.0] != 0.0).any())

    def _pack(self, array: np.ndarray) -> np.ndarray:
        """Return ``(p,)``, in the order of the matrix."""
        return array[: len(self.matrix) // self.n_outputs].T.flatten()

    def _unpack(self, vector: np.ndarray, like: np.ndarray) -> np.ndarray:
        """Return the shape of *like*, whose last row stays as it is if it is not in *vector*."""
        out = like.copy()
        out[: len(vector) // self.n_outputs] = vector.reshape(self.n_outputs, -1).T
        return out


class _Model:
    """The quadratic with its penalty, and the point on the way to its minimum."""

    def __init__(
        self,
        matrix: np.ndarray,
        start: np.ndarray,
        slopes: np.ndarray,
        bounds: np.ndarray,
        loops: MatrixLoops,
    ) -> None:
        self._loops = loops
        self.matrix = matrix
        self.start = start
        self.slopes = slopes
        self.bounds = bounds
        self.point = start.copy()
        self.gradient = slopes.copy()
        self.has_curvature = matrix.diagonal() > 0.0
        self.root = np.sqrt(np.maximum(matrix.diagonal(), 0.0))

    def minimise(self) -> None:
        """Take turns of sweeps and linear systems until the minimum is reached."""
        everyone = np.flatnonzero(self.has_curvature)
        least = math.inf
        for _ in range(_MOST_ROUNDS):
            least = self._settle_signs(everyone, least)
            if self._minimise_on_signs() and not self._wants_in().any():
                return

    def _settle_signs(self, everyone: np.ndarray, least: float) -> float:
        """Sweep until a sweep over all leaves the signs alone: a linear system takes longer.

        Return *least*, or less by a first sweep that moved less: what ends sweeps.
        """
        sweeps = _SWEEPS
        signs: np.ndarray | None = None
        for _ in range(_MOST_TURNS):
            moved = self._sweep(everyone, 1, 0.0)
            least = min(least, _SETTLED * moved)
            before, signs = signs, np.sign(self.point)
            if before is not None and (before == signs).all():
                break
            self._sweep(self._free(), sweeps, least)
            sweeps = min(2 * sweeps, _MOST_SWEEPS)
        return least

    def value(self) -> float:
        """Return the model at the point, 0 at the start."""
        step = self.point - self.start
        penalty = self.bounds * (np.abs(self.point) - np.abs(self.start))
        linear = self.slopes * step + penalty
        return float(linear.sum() + 0.5 * (step @ times(self.matrix, step)))

    def _sweep(self, members: np.ndarray, most: int, least: float) -> float:
        model = (self.matrix, self.bounds, self.point, self.gradient)
        return self._loops.descend_coordinates(*model, members, most, least)

    def _free(self) -> np.ndarray:
        """Return the coordinates whose derivative exists."""
        return np.flatnonzero(((self.point != 0.0) | (self.bounds == 0.0)) & self.has_curvature)

    def _wants_in(self) -> np.ndarray:
        """Return which zeros are none of the minimum's, by more than rounding."""
        excess = np.abs(self.gradient) - self.bounds
        return np.asarray((self.point == 0.0) & self.has_curvature & (excess > self._rounding()))

    def _rounding(self) -> np.ndarray:
        """Return how far rounding may move each component of the gradient."""
        along = float(self.root @ np.abs(self.point - self.start))
        size = np.abs(self.slopes) + self.bounds + self.root * along
        return np.asarray(_ROUNDING * size)

    def _minimise_on_signs(self) -> bool:
        """Go to the minimum with the signs held; False if too many would change."""
        for _ in range(_MOST_SIGN_CHANGES):
            free = self._free()
            if not self._move_on_signs(free):
                return True
        return False

    def _move_on_signs(self, free: np.ndarray) -> bool:
        """Go towards the minimum with the signs held; return whether a sign ended the way."""
        if not len(free):
            return False
        matrix = np.ascontiguousarray(self.matrix[free[:, None], free])
        face = DenseHessian(matrix, factoring=self._loops)
        old = self.point[free]
        signs, bounds, root = np.sign(old), self.bounds[free], self.root[free]
        error = math.inf
        for _ in range(_MOST_REFINEMENTS):
            slope = self.gradient[free] + bounds * signs
            if (np.abs(slope) <= self._rounding()[free]).all():
                return False
            before, error = error, float((np.abs(slope) / root).max())
            if error > 0.5 * before:
                return False
            step = -face.solve(slope[:, None])[:, 0]
            crossing = (bounds > 0.0) & ((old + step) * signs <= 0.0)
            if crossing.any():
                self._move(free, _up_to_zeros(face.matrix, old, step, slope, crossing))
                return True
            old = old + step
            self._move(free, old)
        return False

    def _move(self, free: np.ndarray, values: np.ndarray) -> None:
        self.point[free] = values
        self.gradient = self.slopes + times(self.matrix, self.point - self.start)


def _up_to_zeros(
    matrix: np.ndarray, old: np.ndarray, step: np.ndarray, slope: np.ndarray, crossing: np.ndarray
) -> np.ndarray:
    """Return a lower point of the quadratic, in which some that cross 0 have stopped there.

    All that cross within a length of the step are stopped at once if that lowers the
    quadratic enough (Bertsekas, *Projected Newton methods for optimization problems with
    simple constraints*, SIAM J. Control Optim. 20, 1982), else only the first.
    """
    lengths = np.full(len(old), math.inf)
    lengths[crossing] = -old[crossing] / step[crossing]
    length, nearest = 1.0, float(lengths.min())
    while length > nearest:
        new = np.where(lengths <= length, 0.0, old + length * step)
        change = new - old
        gain = change @ slope + 0.5 * (change @ times(matrix, change))
        if gain < _ENOUGH * length * (step @ slope):
            return new
        length *= 0.5
    return np.where(lengths <= nearest, 0.0, old + nearest * step)
