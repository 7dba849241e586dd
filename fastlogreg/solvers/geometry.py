"""What a descent asks of F besides values: whether it is smooth, and where it is not.

A gradient is always that of F's smooth part.  Where F has an L1 part, its place is taken
by the subgradient of least norm, which is 0 at the minimum alone; a direction's slope by
the decrease of the penalty and of the linear model over the *whole* step, which bounds
the derivative; and the strong Wolfe conditions by backtracking on F with that bound (Lee,
Sun & Saunders, *Proximal Newton-type methods for minimizing composite functions*, SIAM J.
Optim. 24, 2014, section 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.line_search import Trial, line_search

__all__ = ["SMOOTH", "Geometry", "WithL1"]

_SUFFICIENT_DECREASE = 1e-4
_LARGEST_CUT = 0.1
_SMALLEST_CUT = 0.5


class Geometry(Protocol):
    """F around a point; coefficients, gradients and directions are of one shape."""

    def penalty(self, coef: np.ndarray) -> float:
        """Return the part of F that is not smooth."""

    def subgradient(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the subgradient of F of least norm."""

    def slope(self, coef: np.ndarray, gradient: np.ndarray, direction: np.ndarray) -> float:
        """Return the derivative of F along a direction, or a bound on it that is negative."""

    def downhill(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return a direction in which F falls, by the gradient alone."""

    def search(
        self,
        evaluate: Callable[[float], Trial],
        here: Trial,
        *,
        first: float,
        noise: float,
        max_trials: int,
    ) -> Trial | None:
        """Return a trial that lowers F enough, None if there is none.

        Parameters
        ----------
        evaluate : callable
            From a length along the direction to the trial there; one pass each.
        here : Trial
            Length 0, with the slope of the direction.
        first : float
            The first length to try.
        noise : float
            How far rounding may move F.
        max_trials : int
            Passes that may be spent.
        """


class _Smooth:
    """An F that has a gradient everywhere."""

    def penalty(self, coef: np.ndarray) -> float:
        return 0.0

    def subgradient(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return gradient

    def slope(self, coef: np.ndarray, gradient: np.ndarray, direction: np.ndarray) -> float:
        return inner(gradient, direction)

    def downhill(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return -gradient

    def search(
        self,
        evaluate: Callable[[float], Trial],
        here: Trial,
        *,
        first: float,
        noise: float,
        max_trials: int,
    ) -> Trial | None:
        return line_search(
            evaluate, here.value, here.slope, first=first, noise=noise, max_trials=max_trials
        )


SMOOTH: Geometry = _Smooth()


class WithL1:
    """An F with an L1 part.

    Parameters
    ----------
    strengths : ndarray of float64, shape (d + 1, 1)
        Of the penalty ``sum strengths * |coef|``; 0 for the intercept.
    """

    def __init__(self, strengths: np.ndarray) -> None:
        self.strengths = strengths

    def penalty(self, coef: np.ndarray) -> float:
        """Return the L1 part."""
        return float((self.strengths * np.abs(coef)).sum())

    def subgradient(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the derivative where there is one, at 0 what the penalty cannot balance."""
        at_zero = _shrunk(gradient, self.strengths)
        elsewhere = gradient + self.strengths * np.sign(coef)
        return np.asarray(np.where(coef != 0.0, elsewhere, at_zero))

    def slope(self, coef: np.ndarray, gradient: np.ndarray, direction: np.ndarray) -> float:
        """Return the change of the linear model and of the penalty over the whole step."""
        change = np.abs(coef + direction) - np.abs(coef)
        return float((gradient * direction + self.strengths * change).sum())

    def downhill(self, coef: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the step of a proximal gradient method, of length 1."""
        direction: np.ndarray = _shrunk(coef - gradient, self.strengths) - coef
        return direction

    def search(
        self,
        evaluate: Callable[[float], Trial],
        here: Trial,
        *,
        first: float,
        noise: float,
        max_trials: int,
    ) -> Trial | None:
        """Cut the step until F falls enough.

        Where rounding hides the fall, a step counts if the least subgradient shrinks.
        """
        norm = self._norm(here)
        length = first
        for _ in range(max_trials):
            trial = evaluate(length)
            change = trial.value - here.value
            if change <= _SUFFICIENT_DECREASE * length * here.slope and change < -noise:
                return trial
            if abs(change) <= noise and self._norm(trial) < norm:
                return trial
            length = _shorter(length, here.slope, change)
        return None

    def _norm(self, trial: Trial) -> float:
        return float(np.abs(self.subgradient(trial.coef, trial.gradient)).max())


def _shrunk(array: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Return the array with its numbers that much nearer to 0."""
    return np.asarray(array - np.clip(array, -strengths, strengths))


def _shorter(length: float, slope: float, change: float) -> float:
    """Return where a parabola through what is known is least, within bounds."""
    excess = change - length * slope
    if not (math.isfinite(excess) and excess > 0.0):
        return _LARGEST_CUT * length
    least = -0.5 * slope * length * length / excess
    return min(max(least, _LARGEST_CUT * length), _SMALLEST_CUT * length)
