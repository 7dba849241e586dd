"""Gradient descent on all rows, one pass a step: the plainest method, for comparison.

The length to try first is Barzilai and Borwein's (*Two-point step size gradient methods*,
IMA Journal of Numerical Analysis 8, 1988): the inverse of the curvature along the last
step, from the change of the gradient that it brought.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.pairs import Pairs
from fastlogreg.solvers.solution import Callback, Differentiable, Solution

__all__ = ["minimise"]


def minimise(
    objective: Differentiable,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise along the gradient; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    return descend(
        objective, start, _OneNumber(objective), tol=tol, max_iter=max_iter, callback=callback
    )


class _OneNumber:
    """The Hessian as a multiple of the identity."""

    curvature = "the last step"

    def __init__(self, objective: Differentiable) -> None:
        self._objective = objective
        self._pair = Pairs(1)

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient."""
        return self._objective.value_gradient(coef)

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return minus the gradient."""
        return -gradient

    def first_length(self, gradient: np.ndarray) -> float:
        """Return Barzilai and Borwein's length; at first one that moves by 1 in all."""
        if not self._pair:
            return min(1.0, 1.0 / float(np.abs(gradient).sum()))
        return self._pair.scale()

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement under one curvature, None without any."""
        if not self._pair:
            return None
        return 0.5 * self._pair.scale() * inner(gradient, gradient)

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn the curvature along the step."""
        self._pair.add(step, gradient_change)

    def forget(self) -> bool:
        """Drop the curvature."""
        return self._pair.clear()
