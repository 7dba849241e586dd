"""Newton's method with a Cholesky factorisation of the full Hessian, one pass a step.

For a table with many rows a column it needs the fewest iterations of all (Nocedal &
Wright, *Numerical Optimization*, 2nd ed., section 3.3; for a logistic regression it is
iteratively reweighted least squares, McCullagh & Nelder, *Generalized Linear Models*,
2nd ed., section 2.5).

Far from the minimum its steps are too short, again and again by about as much: the loss
falls there like an exponential.  The slope that a step leaves says by how much, and the
next one begins that much longer.  Near the minimum each step squares the error, so the
last evaluations are known beforehand, and take no Hessian.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.geometry import SMOOTH
from fastlogreg.solvers.solution import Callback, Solution, Solvable, TwiceDifferentiable
from fastlogreg.solvers.steps import NewtonSteps, Steps

__all__ = ["FullHessian", "minimise"]

H = TypeVar("H")

_SLOPE_LEFT = 0.15  # of the slope before a step: if more is left, the next one is longer
_LONGEST = 2.0  # Newton steps
_QUADRATIC = 1e-2  # of the predicted decrease: each step squares the error from here on
_MARGIN = 0.1  # of tol: where the gradient is expected below, the Hessian is left out


def minimise(
    objective: TwiceDifferentiable[Solvable],
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by Newton's method; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    model = FullHessian(objective, NewtonSteps(), tol)
    return descend(objective, start, model, tol=tol, max_iter=max_iter, callback=callback)


class FullHessian(Generic[H]):
    """The Hessian at the point evaluated last, or the one before if that is the last needed.

    Parameters
    ----------
    objective : TwiceDifferentiable
        What is minimised.
    steps : Steps
        What makes steps of its Hessians.
    tol : float
        Where the largest component of the gradient shall get.
    """

    curvature = "all rows"

    def __init__(self, objective: TwiceDifferentiable[H], steps: Steps[H], tol: float) -> None:
        self.hessian: H
        self._objective = objective
        self._steps = steps
        self._tol = tol
        self._coef: np.ndarray
        self._gradient: np.ndarray
        self._predicted: float | None = None
        self._predicted_before = 0.0
        self._length = 1.0
        self._ends = False

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, and keep the Hessian that the same pass brings."""
        if self._ends:
            value, gradient = self._objective.value_gradient(coef)
        else:
            value, gradient, self.hessian = self._objective.value_gradient_hessian(coef)
            self._steps.take(self.hessian)
        self._ends = False
        self._coef, self._predicted = coef, None
        return value + self._steps.geometry.penalty(coef), gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the Newton step."""
        predicted = self.predicted_decrease(gradient)
        self._ends = self._is_near_the_end(predicted, gradient)
        self._predicted_before, self._gradient = predicted, gradient
        return self._steps.direction

    def first_length(self, gradient: np.ndarray) -> float:
        """Return the length at which the last search had found the slope to vanish."""
        return self._length

    def predicted_decrease(self, gradient: np.ndarray) -> float:
        """Return half the Newton decrement, or what stands for it; solved once a point."""
        if self._predicted is None:
            self._predicted = self._steps.predict(self._coef, gradient)
        return self._predicted

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn how long the next step should be; its Hessian comes with the point."""
        self._length = 1.0
        if self._steps.geometry is not SMOOTH or not self._predicted_before > 0.0:
            return
        slope, change = -float(np.vdot(step, self._gradient)), float(np.vdot(step, gradient_change))
        if change > 0.0 and slope - change > _SLOPE_LEFT * slope:
            length = slope / (2.0 * self._predicted_before)
            self._length = min(length * slope / change, _LONGEST)

    def forget(self) -> bool:
        """Have nothing to drop."""
        return False

    def _is_near_the_end(self, predicted: float, gradient: np.ndarray) -> bool:
        """Return whether this step and one more with the same Hessian are all that is needed.

        Where each step squares the error, the gradient shrinks by what the predicted
        decrease shrank by in the step before; by as much again with that Hessian kept.
        Two passes without a Hessian take less time than one with it.
        """
        if not predicted < _QUADRATIC * self._predicted_before:
            return False
        slopes = self._steps.geometry.subgradient(self._coef, gradient)
        shrinks = predicted / self._predicted_before
        return float(np.abs(slopes).max()) * shrinks**2 <= _MARGIN * self._tol
