"""L-BFGS: curvature from the last few changes of the gradient, one pass a step."""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.pairs import Pairs
from fastlogreg.solvers.solution import Callback, Differentiable, Solution

__all__ = ["minimise"]

_MEMORY = 10


def minimise(
    objective: Differentiable,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by L-BFGS; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    return descend(
        objective, start, _LimitedMemory(objective), tol=tol, max_iter=max_iter, callback=callback
    )


class _LimitedMemory:
    """The inverse Hessian as the last few pairs of step and change of gradient."""

    curvature = "changes of the gradient"

    def __init__(self, objective: Differentiable) -> None:
        self._objective = objective
        self._pairs = Pairs(_MEMORY)

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*: each step takes a whole pass."""
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient."""
        return self._objective.value_gradient(coef)

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return minus the inverse Hessian times the gradient."""
        return -self._inverse_times(gradient)

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, or a length that moves the coefficients by 1 in all without a model."""
        return 1.0 if self._pairs else min(1.0, 1.0 / float(np.abs(gradient).sum()))

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement under the pairs, None without any."""
        if not self._pairs:
            return None
        return 0.5 * inner(gradient, self._inverse_times(gradient))

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Keep a pair if it holds positive curvature."""
        self._pairs.add(step, gradient_change)

    def forget(self) -> bool:
        """Drop all pairs."""
        return self._pairs.clear()

    def _inverse_times(self, gradient: np.ndarray) -> np.ndarray:
        scale = self._pairs.scale()
        return self._pairs.inverse_times(gradient, lambda vector: scale * vector)
