"""Newton's method with a Cholesky factorisation of the full Hessian, one pass a step.

For a table with many rows a column it needs the fewest iterations of all (Nocedal &
Wright, *Numerical Optimization*, 2nd ed., section 3.3; for a logistic regression it is
iteratively reweighted least squares, McCullagh & Nelder, *Generalized Linear Models*,
2nd ed., section 2.5).
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.solution import Callback, Solution, Solvable, TwiceDifferentiable
from fastlogreg.solvers.steps import NewtonSteps, Steps

__all__ = ["FullHessian", "minimise"]

H = TypeVar("H")


def minimise(
    objective: TwiceDifferentiable[Solvable],
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by Newton's method; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    model = FullHessian(objective, NewtonSteps())
    return descend(objective, start, model, tol=tol, max_iter=max_iter, callback=callback)


class FullHessian(Generic[H]):
    """The Hessian at the point evaluated last, which is where a search ends.

    Parameters
    ----------
    objective : TwiceDifferentiable
        What is minimised.
    steps : Steps
        What makes steps of its Hessians.
    """

    curvature = "all rows"

    def __init__(self, objective: TwiceDifferentiable[H], steps: Steps[H]) -> None:
        self.hessian: H
        self._objective = objective
        self._steps = steps
        self._coef: np.ndarray
        self._predicted: float | None = None

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, and keep the Hessian that the same pass brings."""
        value, gradient, self.hessian = self._objective.value_gradient_hessian(coef)
        self._steps.take(self.hessian)
        self._coef, self._predicted = coef, None
        return value + self._steps.geometry.penalty(coef), gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the Newton step."""
        self.predicted_decrease(gradient)
        return self._steps.direction

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, the Newton step itself."""
        return 1.0

    def predicted_decrease(self, gradient: np.ndarray) -> float:
        """Return half the Newton decrement, or what stands for it; solved once a point."""
        if self._predicted is None:
            self._predicted = self._steps.predict(self._coef, gradient)
        return self._predicted

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn nothing: every point brings its own Hessian."""

    def forget(self) -> bool:
        """Have nothing to drop."""
        return False
