"""L1 with many coefficients: a few columns at a time, chosen by the gradient of all.

An L1 penalty leaves most of many coefficients at 0, and a Hessian of all would be large for
nothing.  So F is minimised over a set of columns, all other coefficients 0; one pass gives
the gradient of all columns; those whose 0 the penalty does not hold join the set, strongest
first (Tibshirani et al., *Strong rules for discarding predictors in lasso-type problems*,
J. R. Stat. Soc. B 74, 2012, section 7; Johnson & Guestrin, *Blitz: a principled
meta-algorithm for scaling sparse optimization*, ICML 2015; the growth of the set is that of
Massias, Gramfort & Salmon, *Celer: a fast solver for the lasso with dual extrapolation*,
ICML 2018).  A set is solved only as closely as the gradient of all columns deserves, and
only that gradient is ever held against ``tol``.
"""

from __future__ import annotations

import math
import time
from typing import Protocol

import numpy as np

from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.solution import Callback, Penalised, Solution, Status, Step

__all__ = ["Inner", "Restrictable", "minimise_by_sets"]

_EPS = float(np.finfo(np.float64).eps)
_LEAST_COLUMNS = 200  # of a set
_GROWTH = 2.0  # of a set, over the coefficients that are not 0
_CLOSER = 0.1  # a set is solved until its subgradient is that much of the last of all columns
_MARGIN = 0.5  # of tol: rounding moves the sums of a pass over all columns
_MOST_INNER_STEPS = 100


class Restrictable(Penalised, Protocol):
    """What working sets need of an objective."""

    def constant_model(self) -> np.ndarray:
        """Return the best coefficients among those that are 0 but for the intercept."""

    def restricted(self, columns: np.ndarray) -> Penalised:
        """Return F as a function of the coefficients of some columns, the others 0."""


class Inner(Protocol):
    """A solver for few columns."""

    def __call__(
        self, objective: Penalised, start: np.ndarray, *, tol: float, max_iter: int
    ) -> Solution:
        """Return the solution of a run from *start*."""


def minimise_by_sets(
    objective: Restrictable,
    start: np.ndarray,
    solve: Inner,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise over growing sets of columns, each by *solve*.

    The other parameters are those of `fastlogreg.solvers.SOLVERS`.  An iteration is a set
    solved and the pass over all columns that follows.
    """
    run = _Run(objective, start if start.any() else objective.constant_model(), tol, callback)
    while (status := run.ending(max_iter)) is None:
        status = run.advance(solve)
        if status is not None:
            break
    return run.solution(status)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self, objective: Restrictable, start: np.ndarray, tol: float, callback: Callback | None
    ) -> None:
        self.objective = objective
        self.geometry = WithL1(objective.l1_strength)
        self.tol = tol
        self.callback = callback
        self.began = time.perf_counter()
        self.first_pass = objective.passes
        self.history: list[Step] = []
        self.stopped = False
        self.columns = np.zeros(0, dtype=np.intp)
        self.inner: Penalised
        self.last: Solution | None = None  # of the present set, to the accuracy of tol
        self.curvature: np.ndarray
        value, gradient = objective.value_gradient(start)
        self._move(start, value + self.geometry.penalty(start), gradient)

    @property
    def noise(self) -> float:
        """How far rounding may move F."""
        return 4.0 * _EPS * max(1.0, abs(self.value))

    def ending(self, max_iter: int) -> Status | None:
        """Return why to stop before another set, None to go on."""
        if not (math.isfinite(self.value) and math.isfinite(self.norm)):
            return Status.NOT_FINITE
        if self.norm == 0.0 or self.converged():
            return Status.CONVERGED
        if self.stopped:
            return Status.STOPPED
        return Status.MAX_ITER if len(self.history) > max_iter else None

    def converged(self) -> bool:
        """Return whether the set is solved, and the columns outside promise no decrease."""
        if self.last is None or not self.last.status.is_optimum or self.norm > self.tol:
            return False
        return self._promise_outside() <= self.tol * max(self.value, self.tol)

    def advance(self, solve: Inner) -> Status | None:
        """Solve a set and evaluate all columns; return why there is no further way, or None."""
        if len(self.history) == 1:
            self.curvature = self.objective.hessian_diagonal(self.coef)[:-1]
        columns = self._choose()
        if columns is not None:
            self.columns = columns
            self.inner = self.objective.restricted(columns)
        aim = _MARGIN * self.tol
        loose = columns is not None and _CLOSER * self.norm > aim
        rows = np.append(self.columns, len(self.coef) - 1)
        found = solve(
            self.inner,
            self.coef[rows],
            tol=_CLOSER * self.norm if loose else aim,
            max_iter=_MOST_INNER_STEPS,
        )
        self.last = None if loose else found
        if found.status is Status.NOT_FINITE:
            return Status.NOT_FINITE
        if found.iterations == 0 and columns is None:
            return found.status if self.norm > self.tol else Status.CONVERGED
        coef = np.zeros_like(self.coef)
        coef[rows] = found.coef
        value, gradient = self.objective.value_gradient(coef)
        value += self.geometry.penalty(coef)
        if not value <= self.value + self.noise:
            return Status.PRECISION
        self._move(coef, value, gradient)
        return None

    def _choose(self) -> np.ndarray | None:
        """Return the columns of the next set, in order; None if it is the present one."""
        active = (self.coef[:-1] != 0.0).any(axis=1)
        excess = np.abs(self.gradient[:-1]) - self.objective.l1_strength[:-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = excess / np.sqrt(self.curvature)
        scores[np.isnan(scores)] = -math.inf
        score = scores.max(axis=1)
        inside = np.zeros(len(score), dtype=bool)
        inside[self.columns] = True
        if len(self.columns) and not (score[~inside] > 0.0).any():
            return None
        n_active = np.count_nonzero(active)
        size = min(max(_LEAST_COLUMNS, math.ceil(_GROWTH * n_active)), len(score))
        score[active] = math.inf
        return np.sort(np.argsort(-score, kind="stable")[:size])

    def _promise_outside(self) -> float:
        """Return the decrease that columns outside the set promise, each on its own."""
        slopes = self.geometry.subgradient(self.coef, self.gradient)[:-1]
        slopes[self.columns] = 0.0
        wanting = slopes != 0.0
        with np.errstate(divide="ignore"):
            return float((0.5 * slopes[wanting] ** 2 / self.curvature[wanting]).sum())

    def _move(self, coef: np.ndarray, value: float, gradient: np.ndarray) -> None:
        self.coef, self.value, self.gradient = coef, value, gradient
        self.norm = float(np.abs(self.geometry.subgradient(coef, gradient)).max())
        n_columns = len(self.columns)
        step = Step(
            iteration=len(self.history),
            objective=value,
            gradient_norm=self.norm,
            passes=self.objective.passes - self.first_pass,
            seconds=time.perf_counter() - self.began,
            curvature=f"{n_columns:,} columns" if n_columns else "",
        )
        self.history.append(step)
        self.stopped = self.callback is not None and bool(self.callback(step))

    def solution(self, status: Status) -> Solution:
        """Return the state as a solution."""
        return Solution(
            coef=self.coef,
            status=status,
            objective=self.value,
            gradient_norm=self.norm,
            iterations=len(self.history) - 1,
            passes=self.objective.passes - self.first_pass,
            history=tuple(self.history),
        )
