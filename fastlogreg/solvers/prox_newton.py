"""Proximal Newton: the model of each step keeps the L1 penalty as it is.

A step minimises a quadratic model of the smooth part plus the penalty itself, so that it
sets coefficients to exactly 0 and takes them away from it (Lee, Sun & Saunders, *Proximal
Newton-type methods for minimizing composite functions*, SIAM J. Optim. 24, 2014).  The
model costs no pass: its curvature is a small matrix, from samples of the rows or from all
of them as in `fastlogreg.solvers.subsampled_newton`, here corrected by BFGS updates of
the matrix itself.  Many coefficients come in sets (`fastlogreg.solvers.working_set`), and
a set that is too large for a matrix is solved by products (`fastlogreg.solvers.prox_cg`).
"""

from __future__ import annotations

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.prox_cg import minimise_by_products
from fastlogreg.solvers.samples import sample_sizes
from fastlogreg.solvers.solution import Callback, Curved, Penalised, Solution
from fastlogreg.solvers.subsampled_newton import SampledHessian
from fastlogreg.solvers.working_set import minimise_by_sets

__all__ = ["minimise"]

_LEAST = float(np.finfo(np.float64).tiny)  # of a predicted decrease: rounding may hide it all
_SETS_FROM = 2_000  # coefficients
_LARGEST_HESSIAN = 5_000  # coefficients


def minimise(
    objective: Penalised,
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
    if start.size < _SETS_FROM or not objective.l1_strength.any():
        return _minimise(objective, start, tol=tol, max_iter=max_iter, callback=callback)
    return minimise_by_sets(
        objective, start, _minimise_set, tol=tol, max_iter=max_iter, callback=callback
    )


def _minimise_set(
    objective: Penalised, start: np.ndarray, *, tol: float, max_iter: int
) -> Solution:
    """Minimise over a set of columns, with a Hessian for several steps: the start is near."""
    return _minimise(objective, start, tol=tol, max_iter=max_iter, callback=None, spares=True)


def _minimise(
    objective: Penalised,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None,
    spares: bool = False,
) -> Solution:
    """Minimise with a Hessian, or with products where it would be too large."""
    if start.size > _LARGEST_HESSIAN:
        return minimise_by_products(objective, start, tol=tol, max_iter=max_iter, callback=callback)
    sizes = sample_sizes(objective.n_rows, *start.shape)
    steps = _ProximalSteps(WithL1(objective.l1_strength))
    may_be_all_zero = objective.l1_strength.any() and not spares
    return descend(
        objective,
        start,
        SampledHessian(
            objective,
            sizes,
            steps,
            tol,
            spares=spares,
            constant=objective.constant_model() if may_be_all_zero else None,
        ),
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
        self._known: tuple[np.ndarray, np.ndarray, float] | None = None

    def take(self, hessian: Curved) -> None:
        """Begin anew with a Hessian, which is changed from here on."""
        self._hessian, self._known = hessian, None

    def predict(self, coef: np.ndarray, gradient: np.ndarray) -> float:
        """Return how much lower the model is at its minimum, found once for a point."""
        if self._known is not None and self._known[0] is coef and self._known[1] is gradient:
            return self._known[2]
        strengths = self.geometry.strengths
        target, decrease = self._hessian.proximal_step(coef, gradient, strengths)
        self.direction = target - coef
        self._known = coef, gradient, max(decrease, _LEAST)
        return self._known[2]

    def sees_all(self, coef: np.ndarray, gradient: np.ndarray) -> bool:
        """Return whether the Hessian has curvature wherever F falls."""
        return not self._hessian.is_blind_to(self.geometry.subgradient(coef, gradient))

    def learn(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Correct the Hessian."""
        self._hessian.update(step, gradient_change)
        self._known = None

    def forget(self) -> bool:
        """Return that the corrections cannot be taken out of the matrix again."""
        return False

    def alone(self) -> _ProximalSteps:
        """Return steps without a Hessian."""
        return _ProximalSteps(self.geometry)
