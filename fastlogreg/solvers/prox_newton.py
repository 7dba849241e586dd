"""Proximal Newton: the model of each step keeps the L1 penalty as it is.

A step minimises a quadratic model of the smooth part plus the penalty itself, so that it
sets coefficients to exactly 0 and takes them away from it (Lee, Sun & Saunders, *Proximal
Newton-type methods for minimizing composite functions*, SIAM J. Optim. 24, 2014).  The
model costs no pass: its curvature is a small matrix, from samples of the rows or from all
of them as in `fastlogreg.solvers.subsampled_newton`, here corrected by BFGS updates of
the matrix itself.  With very many coefficients it goes over sets of columns
(`fastlogreg.solvers.working_set`).
"""

from __future__ import annotations

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.samples import sample_sizes
from fastlogreg.solvers.solution import Callback, Curved, Penalised, Solution
from fastlogreg.solvers.subsampled_newton import SampledHessian
from fastlogreg.solvers.working_set import Restrictable, minimise_by_sets

__all__ = ["MOST_COEFFICIENTS", "minimise"]

# Of a Hessian; with more, F is minimised over sets of columns.
MOST_COEFFICIENTS = 2_000
_LEAST = float(np.finfo(np.float64).tiny)  # of a predicted decrease: rounding may hide it all


def minimise(
    objective: Restrictable,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by proximal Newton; see `fastlogreg.solvers.SOLVERS` for the parameters.

    The solution's objective has the L1 part, and ``tol`` bounds the subgradient of least
    norm.  Without an L1 part the steps are Newton's.
    """
    if start.size > MOST_COEFFICIENTS:
        return minimise_by_sets(
            objective, start, _by_hessian, tol=tol, max_iter=max_iter, callback=callback
        )
    return _by_hessian(objective, start, tol=tol, max_iter=max_iter, callback=callback)


def _by_hessian(
    objective: Penalised,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise with a Hessian of all coefficients."""
    sizes = sample_sizes(objective.n_rows, *start.shape)
    steps = _ProximalSteps(WithL1(objective.l1_strength))
    return descend(
        objective,
        start,
        SampledHessian(objective, sizes, steps, tol),
        tol=tol,
        max_iter=max_iter,
        callback=callback,
        geometry=steps.geometry,
    )


class _ProximalSteps:
    """Steps to the minimum of a quadratic model with the L1 penalty."""

    def __init__(self, geometry: WithL1) -> None:
        self.geometry = geometry
        self.direction: np.ndarray
        self._hessian: Curved

    def take(self, hessian: Curved) -> None:
        """Begin anew with a Hessian, which is changed from here on."""
        self._hessian = hessian

    def predict(self, coef: np.ndarray, gradient: np.ndarray) -> float:
        """Return how much lower the model is at its minimum."""
        strengths = self.geometry.strengths
        target, decrease = self._hessian.proximal_step(coef, gradient, strengths)
        self.direction = target - coef
        return max(decrease, _LEAST)

    def sees_all(self, coef: np.ndarray, gradient: np.ndarray) -> bool:
        """Return whether the Hessian has curvature wherever F falls."""
        return not self._hessian.is_blind_to(self.geometry.subgradient(coef, gradient))

    def learn(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Correct the Hessian."""
        self._hessian.update(step, gradient_change)

    def forget(self) -> bool:
        """Return that the corrections cannot be taken out of the matrix again."""
        return False

    def alone(self) -> _ProximalSteps:
        """Return steps without a Hessian."""
        return _ProximalSteps(self.geometry)
