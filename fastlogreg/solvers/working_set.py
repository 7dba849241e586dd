"""L1 with many coefficients: a few columns at a time, chosen by the gradient of all.

An L1 penalty leaves most of many coefficients at 0, and a Hessian of all would be large for
nothing.  So F is minimised over a set of columns, all other coefficients 0; one pass gives
the gradient of all columns; those whose 0 the penalty does not hold join the set, strongest
first (Tibshirani et al., *Strong rules for discarding predictors in lasso-type problems*,
J. R. Stat. Soc. B 74, 2012, section 7; Johnson & Guestrin, *Blitz: a principled
meta-algorithm for scaling sparse optimization*, ICML 2015; on the growth of the set
Massias, Gramfort & Salmon, *Celer: a fast solver for the lasso with dual extrapolation*,
ICML 2018).  A set is solved only as closely as the gradient of all columns deserves, and
only that gradient is ever held against ``tol``.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.journal import Journal
from fastlogreg.solvers.solution import Callback, Penalised, Solution, Status

__all__ = ["SetSolver", "minimise_by_sets"]

_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)
_LEAST_COLUMNS = 200  # of a set
_GROWTH = 2.0  # of a set, over the columns whose coefficients are not 0
_SPARE = 1.1  # of a set, over those that are to be in it: the next will want a few more
_CLOSER = 0.03  # of the last subgradient of all columns, how closely a set is solved
_NEAR = 30.0  # times tol: what is to be solved so closely is solved to tol
_SMALL = 0.125  # of the numbers of X: a set that is solved to tol in the time of half a pass
_MARGIN = 0.5  # of tol: a pass over all columns rounds in another way
_MOST_STEPS = 100  # in a set


class SetSolver(Protocol):
    """A solver for few columns."""

    def __call__(
        self, objective: Penalised, start: np.ndarray, *, tol: float, max_iter: int
    ) -> Solution:
        """Return the solution of a run from *start*."""


def minimise_by_sets(
    objective: Penalised,
    start: np.ndarray,
    solve: SetSolver,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise over changing sets of columns, each by *solve*.

    The other parameters are those of `fastlogreg.solvers.SOLVERS`.  An iteration is a set
    solved and the pass over all columns that follows; a run from 0 begins with the best
    intercept, which takes no pass.
    """
    begin = start if start.any() else objective.constant_model()[0]
    run = _Run(objective, begin, tol, callback)
    while (status := run.ending(max_iter)) is None:
        run.solve_set(solve)
    return run.solution(status)


def _largest(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return where the largest numbers are, in order; of equal ones the first."""
    if count >= len(numbers):
        return np.arange(len(numbers))
    least = np.partition(numbers, -count)[-count]
    chosen = numbers > least
    equal = np.flatnonzero(numbers == least)
    chosen[equal[: count - int(np.count_nonzero(chosen))]] = True
    return np.flatnonzero(chosen)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self, objective: Penalised, start: np.ndarray, tol: float, callback: Callback | None
    ) -> None:
        self.objective = objective
        self.geometry = WithL1(objective.l1_strength)
        self.tol = tol
        self.journal = Journal(objective, callback)
        self.columns = np.zeros(0, dtype=np.intp)
        self.inner: Penalised
        self.last: Solution | None = None  # of the present set, if it was solved to tol
        self.failure: Status | None = None
        self.coef, self.gradient = start, np.zeros_like(start)
        self.value = self.norm = math.inf
        self._evaluate(start, "")

    def ending(self, max_iter: int) -> Status | None:
        """Return why to stop before another set, None to go on."""
        if not (math.isfinite(self.value) and math.isfinite(self.norm)):
            return Status.NOT_FINITE
        if self.norm == 0.0 or self._has_converged():
            return Status.CONVERGED
        if self.failure is not None:
            return self.failure
        if self.journal.stopped:
            return Status.STOPPED
        return Status.MAX_ITER if len(self.journal.steps) > max_iter else None

    def solve_set(self, solve: SetSolver) -> None:
        """Solve a set of columns, the next or the present one to tol, and evaluate all."""
        columns = self._next_columns()
        aim = _MARGIN * self.tol
        if columns is not None:
            self._take(columns)
            is_small = self.inner.cells <= _SMALL * self.objective.cells
            if not is_small and _CLOSER * self.norm > _NEAR * aim:
                aim = _CLOSER * self.norm
        rows = np.append(self.columns, len(self.coef) - 1)
        found = solve(self.inner, self.coef[rows], tol=aim, max_iter=_MOST_STEPS)
        self.last = found if aim <= self.tol else None
        if found.status is Status.NOT_FINITE:
            self.failure = found.status
        elif found.iterations > 0:
            coef = np.zeros_like(self.coef)
            coef[rows] = found.coef
            self._evaluate(coef, f"{len(self.columns):,} columns, {found.history[-1].curvature}")
        elif columns is None:  # neither another set nor another point
            self.failure = Status.PRECISION if found.status.is_optimum else found.status

    def _has_converged(self) -> bool:
        """Return whether the set is solved, and the columns outside promise no decrease."""
        if self.last is None or not self.last.status.is_optimum or self.norm > self.tol:
            return False
        slopes = self.geometry.subgradient(self.coef, self.gradient)[:-1]
        slopes[self.columns] = 0.0
        if not slopes.any():
            return True
        curvature = self.objective.hessian_diagonal(self.coef)[:-1]
        promises = 0.5 * slopes[slopes != 0.0] ** 2 / np.maximum(curvature, _TINY)[slopes != 0.0]
        return float(promises.sum()) <= self.tol * max(self.value, self.tol)

    def _next_columns(self) -> np.ndarray | None:
        """Return the columns of the next set, in order; None if the present one is to stay."""
        strengths = self.objective.l1_strength[:-1]
        excess = (np.abs(self.gradient[:-1]) - strengths).max(axis=1)
        outside = np.ones(len(excess), dtype=bool)
        outside[self.columns] = False
        if len(self.columns) and not (excess[outside] > 0.0).any():
            return None
        active = (self.coef[:-1] != 0.0).any(axis=1)
        excess[active] = math.inf
        most = _GROWTH * int(np.count_nonzero(active))
        wanted = _SPARE * int(np.count_nonzero(excess > 0.0))
        size = max(math.ceil(min(most, wanted)), _LEAST_COLUMNS)
        columns = _largest(excess, size)
        return None if np.array_equal(columns, self.columns) else columns

    def _take(self, columns: np.ndarray) -> None:
        """Make a set the present one."""
        self.columns = columns
        takes_all = len(columns) == len(self.coef) - 1
        self.inner = self.objective if takes_all else self.objective.restricted(columns)

    def _evaluate(self, coef: np.ndarray, curvature: str) -> None:
        """Evaluate all columns, and move there unless F would rise by more than it rounds."""
        value, gradient = self.objective.value_gradient(coef)
        value += self.geometry.penalty(coef)
        if self.journal.steps and not value <= self.value + 4.0 * _EPS * max(1.0, self.value):
            self.failure = Status.PRECISION
            return
        self.coef, self.value, self.gradient = coef, value, gradient
        self.norm = float(np.abs(self.geometry.subgradient(coef, gradient)).max())
        self.journal.add(value, self.norm, curvature)

    def solution(self, status: Status) -> Solution:
        """Return the state as a solution."""
        return self.journal.solution(self.coef, status)
