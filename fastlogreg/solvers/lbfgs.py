"""L-BFGS: curvature from the last few changes of the gradient, one pass a step.

Liu & Nocedal, *On the limited memory BFGS method for large scale optimization*,
Mathematical Programming 45 (1989); the two-loop recursion and the scaling of the first
matrix are algorithm 7.4 and equation 7.20 of Nocedal & Wright, *Numerical
Optimization*, 2nd ed.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.solution import Callback, Differentiable, Solution

__all__ = ["minimise"]

_MEMORY = 10
_LEAST_CURVATURE = 1e-14  # relative: a pair below carries rounding, not curvature


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

    def __init__(self, objective: Differentiable) -> None:
        self._objective = objective
        self._pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=_MEMORY)

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
        return 0.5 * float(np.vdot(gradient, self._inverse_times(gradient)))

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Keep a pair if it holds positive curvature."""
        product = float(np.vdot(step, gradient_change))
        size = float(np.linalg.norm(step) * np.linalg.norm(gradient_change))
        if product > _LEAST_CURVATURE * size:
            self._pairs.append((step, gradient_change, product))

    def forget(self) -> bool:
        """Drop all pairs."""
        had_any = bool(self._pairs)
        self._pairs.clear()
        return had_any

    def _inverse_times(self, gradient: np.ndarray) -> np.ndarray:
        result = gradient.copy()
        shares = []
        for step, change, product in reversed(self._pairs):
            share = float(np.vdot(step, result)) / product
            result -= share * change
            shares.append(share)
        if self._pairs:
            _, change, product = self._pairs[-1]
            result *= product / float(np.vdot(change, change))
        for (step, change, product), share in zip(self._pairs, reversed(shares), strict=True):
            result += (share - float(np.vdot(change, result)) / product) * step
        return result
