"""Newton's method with a Cholesky factorisation of the full Hessian, one pass a step.

For a table with many rows a column it needs the fewest iterations of all (Nocedal &
Wright, *Numerical Optimization*, 2nd ed., section 3.3; for a logistic regression it is
iteratively reweighted least squares, McCullagh & Nelder, *Generalized Linear Models*,
2nd ed., section 2.5).
"""

from __future__ import annotations

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.solution import Callback, Solution, Solvable, TwiceDifferentiable

__all__ = ["FullHessian", "minimise"]


def minimise(
    objective: TwiceDifferentiable,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by Newton's method; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    return descend(
        objective, start, FullHessian(objective), tol=tol, max_iter=max_iter, callback=callback
    )


class FullHessian:
    """The Hessian at the point evaluated last, which is where a search ends."""

    curvature = "all rows"

    def __init__(self, objective: TwiceDifferentiable) -> None:
        self._objective = objective
        self.hessian: Solvable
        self._step: np.ndarray | None = None

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, and keep the Hessian that the same pass brings."""
        value, gradient, self.hessian = self._objective.value_gradient_hessian(coef)
        self._step = None
        return value, gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the Newton step."""
        return -self._inverse_times(gradient)

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, the Newton step itself."""
        return 1.0

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement."""
        return 0.5 * float(np.vdot(gradient, self._inverse_times(gradient)))

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn nothing: every point brings its own Hessian."""

    def forget(self) -> bool:
        """Have nothing to drop."""
        return False

    def _inverse_times(self, gradient: np.ndarray) -> np.ndarray:
        """Return ``H^-1 gradient``, solved once a point."""
        if self._step is None:
            self._step = self.hessian.solve(gradient)
        return self._step
