"""How curvature becomes a step: what solvers that take a Hessian, or sample one, share."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.geometry import SMOOTH, Geometry
from fastlogreg.solvers.pairs import Pairs
from fastlogreg.solvers.solution import Solvable

__all__ = ["NewtonSteps", "Steps"]

H = TypeVar("H", contravariant=True)


class Steps(Protocol[H]):
    """The minimum of a model of F, whose curvature is a Hessian and what steps taught.

    `direction` is the one that `predict` found last.
    """

    direction: np.ndarray

    @property
    def geometry(self) -> Geometry:
        """What F is like."""

    def take(self, hessian: H) -> None:
        """Begin anew with a Hessian."""

    def predict(self, coef: np.ndarray, gradient: np.ndarray) -> float:
        """Minimise the model at a point; return the decrease that it predicts."""

    def sees_all(self, coef: np.ndarray, gradient: np.ndarray) -> bool:
        """Return whether the Hessian has curvature wherever F falls."""

    def learn(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Correct the curvature by what an accepted step brought."""

    def forget(self) -> bool:
        """Drop the corrections; False if there are none, or they cannot be told apart."""

    def alone(self) -> Steps[H]:
        """Return steps of the same kind that know nothing yet."""


class NewtonSteps:
    """Newton steps on a smooth F, their Hessian corrected by pairs (L-BFGS).

    Parameters
    ----------
    memory : int
        Most pairs that are kept.
    """

    geometry: Geometry = SMOOTH

    def __init__(self, memory: int = 1) -> None:
        self.direction: np.ndarray
        self._pairs = Pairs(memory)
        self._hessian: Solvable

    def take(self, hessian: Solvable) -> None:
        """Begin anew with a Hessian."""
        self._hessian = hessian
        self._pairs.clear()

    def predict(self, coef: np.ndarray, gradient: np.ndarray) -> float:
        """Return half the Newton decrement."""
        self.direction = -self._pairs.inverse_times(gradient, self._hessian.solve)
        return -0.5 * inner(gradient, self.direction)

    def sees_all(self, coef: np.ndarray, gradient: np.ndarray) -> bool:
        """Return whether there is a step wherever there is a gradient."""
        return not bool(((self.direction == 0.0) & (gradient != 0.0)).any())

    def learn(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Keep the pair if it holds positive curvature."""
        self._pairs.add(step, gradient_change)

    def forget(self) -> bool:
        """Drop the pairs; return whether there were any."""
        return self._pairs.clear()

    def alone(self) -> NewtonSteps:
        """Return steps without pairs."""
        return NewtonSteps()
