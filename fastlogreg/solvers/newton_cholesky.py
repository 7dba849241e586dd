"""Newton's method with a Cholesky factorisation of the full Hessian, one pass a step.

For a table with many rows a column it needs the fewest iterations of all (Nocedal &
Wright, *Numerical Optimization*, 2nd ed., section 3.3; for a logistic regression it is
iteratively reweighted least squares, McCullagh & Nelder, *Generalized Linear Models*,
2nd ed., section 2.5).

Far from the minimum its steps are too short, again and again by about as much: the loss
falls there like an exponential.  The slope that a step leaves says by how much, and the
next one begins that much longer.  Near the minimum each step squares the error, so the
last evaluations are known beforehand, and take no Hessian.

Over sparse tables and categories a Hessian takes as long as several passes without one.
There it serves for further steps, corrected by what they teach (L-BFGS with that matrix
as its first), until the passes that are left at their rate would take longer than another
Hessian.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.geometry import SMOOTH
from fastlogreg.solvers.prices import is_scattered, pays, price_of_hessian
from fastlogreg.solvers.solution import Callback, Curved, Penalised, Solution, TwiceDifferentiable
from fastlogreg.solvers.steps import NewtonSteps, Steps

__all__ = ["FullHessian", "KeptHessian", "minimise"]

H = TypeVar("H")

_SLOPE_LEFT = 0.15  # of the slope before a step: if more is left, the next one is longer
_LONGEST = 2.0  # Newton steps
_QUADRATIC = 1e-2  # of the predicted decrease: each step squares the error from here on
_MARGIN = 0.1  # of tol: where the gradient is expected below, the Hessian is left out

_MEMORY = 30  # pairs that correct a Hessian
_SLOW = 1.0 / 9.0  # of the predicted decrease, a third of the gradient
_STEPS_LOOKED_AT = 2
_NOISE = 4.0 * float(np.finfo(np.float64).eps)


def minimise(
    objective: Penalised,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by Newton's method; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    side, n_outputs = start.shape
    filled = objective.cells / objective.n_rows
    if is_scattered(side, filled):
        price = price_of_hessian(side, n_outputs, filled)
        model: FullHessian[Curved] = KeptHessian(objective, NewtonSteps(_MEMORY), tol, price)
    else:
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
        self._keeps = False

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, and keep the Hessian that the same pass brings."""
        if self._keeps:
            value, gradient = self._objective.value_gradient(coef)
        else:
            value, gradient, self.hessian = self._objective.value_gradient_hessian(coef)
            self._steps.take(self.hessian)
        self._keeps = False
        self._coef, self._predicted = coef, None
        return value + self._steps.geometry.penalty(coef), gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the Newton step."""
        predicted = self.predicted_decrease(gradient)
        self._keeps = self._shall_keep(predicted, gradient)
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

    def _shall_keep(self, predicted: float, gradient: np.ndarray) -> bool:
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


class KeptHessian(FullHessian[Curved]):
    """A Hessian that serves for several steps, corrected by them, where it is dear.

    Parameters
    ----------
    objective : Penalised
        What is minimised.
    steps : Steps
        What makes steps of its Hessians, and corrects them.
    tol : float
        Where the largest component of the gradient shall get.
    price : float
        The passes that one with a Hessian takes as long as.
    """

    def __init__(
        self, objective: Penalised, steps: Steps[Curved], tol: float, price: float
    ) -> None:
        super().__init__(objective, steps, tol)
        self._constant_model = objective.constant_model
        self._price = price
        self._is_fresh = False  # whether the Hessian is from the point evaluated last
        self._is_of_settled = False  # whether it is from the point that a search begins at
        self._settled: np.ndarray
        self._predictions: list[float] = []  # by the present Hessian

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*, or the best intercept if it is 0: that takes no pass."""
        return start if start.any() else self._constant_model()[0]

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient; a Hessian comes with all trials of a search, or none."""
        keeps = self._keeps
        found = super().evaluate(coef)
        self._keeps, self._is_fresh = keeps, not keeps
        return found

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the step by the Hessian and what was learned since."""
        self._settled, self._is_of_settled = self._coef, self._is_fresh
        return super().direction(gradient)

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn from the step if it brought no Hessian."""
        if not self._is_fresh:
            self._steps.learn(step, gradient_change)

    def forget(self) -> bool:
        """Drop what the steps taught; without that, the Hessian for that of this point."""
        if self._steps.forget():
            self._coef, self._is_fresh = self._settled, self._is_of_settled
            return True
        if self._is_of_settled:
            return False
        self._keeps = False
        self.evaluate(self._settled)
        return True

    def _shall_keep(self, predicted: float, gradient: np.ndarray) -> bool:
        """Return whether a step as the last ones gets nearer for its price than a Hessian."""
        if self._is_fresh:
            self._predictions = [predicted]
            return True
        self._predictions.append(predicted)
        before, *_, last = self._predictions[-1 - _STEPS_LOOKED_AT :]
        if predicted <= _NOISE:
            return True
        if not predicted <= _SLOW * self._predictions[-2]:
            return False
        n_steps = min(len(self._predictions) - 1, _STEPS_LOOKED_AT)
        excess = float(np.abs(gradient).max()) / self._tol
        return not pays(self._price, before / last, n_steps, excess)
