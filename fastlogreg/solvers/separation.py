"""Separation: whether F without a penalty has a minimum at all.

It has none if some direction ``D`` of the coefficients moves every row towards its class,
or leaves it alone, and moves some row (Albert & Anderson, *On the existence of maximum
likelihood estimates in logistic regression models*, Biometrika 71, 1984): the
coefficients then grow along it for ever.  Such a direction is a solution of the linear
programme (Konis, *Linear programming algorithms for detecting separated data in binary
logistic regression models*, thesis, Oxford, 2007)::

    maximise  sum_i s_i sum_{k != y_i} x_i (D_{y_i} - D_k)
    where     x_i (D_{y_i} - D_k) >= 0  for all rows i and classes k != y_i
              |D| <= 1

whose value is positive if and only if the data are separable.  Its objective is the
gradient of F at 0.  Its rows are those of the table, of which few matter: it is solved
with some, one pass finds the rows that its solution violates, and they are added, until
there are none, or until the value is 0, which more rows cannot change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fastlogreg.solvers.solution import Differentiable, Solution

__all__ = ["MOST_COEFFICIENTS", "Separable", "Separation", "find_separation"]

MOST_COEFFICIENTS = 500  # of a linear programme of about a second
MOST_COLUMNS = 10  # that are named

# A step to a minimum that is near moves no row's log-odds so far, and few minima have
# log-odds so large; what is beyond is decided by the linear programme.
_REST = 0.05
_LARGE = 30.0

_NO_VALUE = 1e-9  # of the programme, of 1
_LEAST_MOVE = 1e-6
_ROUNDING = 1e-9  # of the largest move: what counts as none
_MOST_ROUNDS = 40
_ROWS = 2  # a coefficient, to begin with near the border and at random, and more a round
_TOLERANCE = 1e-10


class Targets(Protocol):
    """Labels of the rows."""

    @property
    def codes(self) -> np.ndarray:
        """Class of each row, from 0."""


class Separable(Differentiable, Protocol):
    """What the search for a separation needs of an objective without a penalty."""

    seed: int
    fit_intercept: bool
    weights: np.ndarray | None

    @property
    def targets(self) -> Targets:
        """Labels of the rows."""

    def decision(self, coef: np.ndarray) -> np.ndarray:
        """Return ``x_i W + b`` of every row, ``(n_rows, n_outputs)``; one pass."""

    def hessian_diagonal(self, coef: np.ndarray) -> np.ndarray:
        """Return the diagonal of the Hessian in coef's shape; two passes."""

    def table(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows of X with a 1 appended to each, float64."""


@dataclass(frozen=True)
class Separation:
    """How data are separable.

    Parameters
    ----------
    complete : bool
        Whether the solution has every row on its side; otherwise some may be on the border
        for ever.
    columns : tuple of int
        Columns whose coefficients grow without bound, at most `MOST_COLUMNS`: found in
        sets, each of which separates on its own.
    """

    complete: bool
    columns: tuple[int, ...]


def find_separation(objective: Separable, solution: Solution) -> Separation | None:
    """Return how the data are separable, None where they are not.

    Above `MOST_COEFFICIENTS` only a complete separation is found, by a solution that
    achieves it.

    Parameters
    ----------
    objective : Separable
        Without a penalty.
    solution : Solution
        Where a solver ended on it.
    """
    coef = solution.coef
    step = np.full_like(coef, np.inf) if solution.next_step is None else solution.next_step()
    weighty = None if objective.weights is None else np.flatnonzero(objective.weights)
    with np.errstate(invalid="ignore", over="ignore"):
        decided = objective.decision(np.hstack([coef, step]))
        decided = decided if weighty is None else decided[weighty]
        ranges = _range(decided[:, : coef.shape[1]]), _range(decided[:, coef.shape[1] :])
    at_rest = solution.status.is_optimum and ranges[0] <= _LARGE and ranges[1] <= _REST
    if at_rest:
        return None
    return _Search(objective, weighty, coef).separation(decided[:, : coef.shape[1]])


def _range(decisions: np.ndarray) -> float:
    """Return the most by which a class leads over another in any row."""
    if decisions.shape[1] == 1:
        return float(np.abs(decisions).max())
    return float((decisions.max(axis=1) - decisions.min(axis=1)).max())


class _Search:
    """The linear programmes over a growing set of rows, in standardised columns.

    Directions ``(d + 1, n_outputs)`` are flat class by class inside, as ``D.T.ravel()``.
    """

    def __init__(self, objective: Separable, weighty: np.ndarray | None, coef: np.ndarray) -> None:
        self._objective = objective
        self._rows = weighty
        self._coef = coef
        self._side, self._n_outputs = coef.shape
        codes = objective.targets.codes
        self._codes = codes if weighty is None else codes[weighty]
        self._wanted = _ROWS * coef.size
        self._matrix = np.empty((0, coef.size))

    def separation(self, decisions: np.ndarray) -> Separation | None:
        """Return how the data are separable; *decisions* are those of the coefficients."""
        leads, rivals = self._leads(decisions)
        complete = bool(leads.min() > 0.0)
        near = np.argsort(leads, kind="stable")[: self._wanted]
        drawn = np.random.default_rng(self._objective.seed).integers(len(leads), size=self._wanted)
        drawn = np.setdiff1d(drawn, near)
        if self._coef.size > MOST_COEFFICIENTS:
            return Separation(complete, self._named(self._sizes())) if complete else None
        self._standardise(np.concatenate([near, drawn]))
        self._begin(near, drawn, rivals)
        columns: tuple[int, ...] = ()
        # To find no direction takes the second programme far longer than the first.
        while len(columns) < MOST_COLUMNS:
            farthest = self._direction(columns)
            if farthest is None:
                break
            sparse = self._direction(columns, sparse=True)
            direction = farthest if sparse is None else sparse
            columns += self._named(np.abs(direction[:-1]).max(axis=1))
        return Separation(complete, columns[:MOST_COLUMNS]) if columns else None

    def _leads(self, decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each row's class leads over its strongest rival, and that rival."""
        if self._n_outputs == 1:
            z = decisions[:, 0].astype(np.float64)
            return np.where(self._codes == 1, z, -z), np.zeros(len(z), dtype=np.intp)
        others = decisions.astype(np.float64)
        every = np.arange(len(others))
        own = others[every, self._codes]
        others[every, self._codes] = -np.inf
        rivals = others.argmax(axis=1)
        return own - others[every, rivals], rivals

    def _sizes(self) -> np.ndarray:
        """Return by how much each column moves log-odds; no rows of so many are looked at."""
        # The curvature along a coefficient at 0 is as the mean square of its column.
        curvature = self._objective.hessian_diagonal(np.zeros_like(self._coef))
        return np.asarray(np.abs(self._coef[:-1] * np.sqrt(curvature[:-1])).max(axis=1))

    def _table(self, members: np.ndarray) -> np.ndarray:
        return self._objective.table(members if self._rows is None else self._rows[members])

    def _standardise(self, members: np.ndarray) -> None:
        """Learn centre and spread of the columns from some rows."""
        X = self._table(members)[:, :-1]
        self._centre = X.mean(axis=0) if self._objective.fit_intercept else np.zeros(X.shape[1])
        spread = np.sqrt(((X - self._centre) ** 2).mean(axis=0))
        self._spread = np.where(spread > 0.0, spread, 1.0)

    def _begin(self, near: np.ndarray, drawn: np.ndarray, rivals: np.ndarray) -> None:
        """Set up the programme's objective, and the rows that it begins with."""
        _, gradient = self._objective.value_gradient(np.zeros_like(self._coef))
        gain = -gradient
        gain[:-1] = (gain[:-1] - self._centre[:, None] * gain[-1]) / self._spread[:, None]
        self._gain = (gain / np.abs(gain).max()).T.ravel()
        self._add(near, rivals[near])
        others = rivals[drawn]
        if self._n_outputs > 1:  # each class in turn is the rival
            turn = 1 + np.arange(len(drawn)) % (self._n_outputs - 1)
            others = (self._codes[drawn] + turn) % self._n_outputs
        self._add(drawn, others)

    def _add(self, members: np.ndarray, rivals: np.ndarray) -> None:
        """Add the conditions that rows do not fall behind those rivals."""
        X = self._table(members)
        X[:, :-1] = (X[:, :-1] - self._centre) / self._spread
        if self._n_outputs == 1:
            conditions = np.where(self._codes[members, None] == 1, X, -X)
        else:
            blocks = np.zeros((len(members), self._n_outputs, self._side))
            every = np.arange(len(members))
            blocks[every, self._codes[members]] = X
            blocks[every, rivals] = -X
            conditions = blocks.reshape(len(members), self._n_outputs * self._side)
        self._matrix = np.vstack([self._matrix, conditions])

    def _direction(self, without: tuple[int, ...], *, sparse: bool = False) -> np.ndarray | None:
        """Return a direction, standardised ``(d + 1, k)``, that separates all rows, or None.

        Parameters
        ----------
        without : tuple of int
            Columns that are to have no part in it.
        sparse : bool
            Whether it is to be of few columns, rather than to move rows most.
        """
        solve = _least_columns if sparse else _farthest
        shape = self._n_outputs, self._side
        free = np.ones(shape, dtype=bool)
        free[:, list(without)] = False
        free[:, -1] = self._objective.fit_intercept
        for _ in range(_MOST_ROUNDS):
            found = solve(self._gain, self._matrix, free.ravel(), self._side)
            if found is None:
                return None
            direction = found.reshape(shape).T
            raw = direction.copy()
            raw[:-1] /= self._spread[:, None]
            raw[-1] -= self._centre @ raw[:-1]
            decisions = self._objective.decision(raw)
            decisions = decisions if self._rows is None else decisions[self._rows]
            leads, rivals = self._leads(decisions)
            farthest = _range(decisions)
            if farthest <= _LEAST_MOVE:
                return None
            rounding = max(_ROUNDING, 4.0 * float(np.finfo(decisions.dtype).eps)) * farthest
            behind = np.flatnonzero(leads < -rounding)
            if not len(behind):
                return direction
            worst = behind[np.argsort(leads[behind], kind="stable")[: self._wanted]]
            self._add(worst, rivals[worst])
        return None

    def _named(self, sizes: np.ndarray) -> tuple[int, ...]:
        """Return the columns of a part in a direction, the largest first."""
        order = np.argsort(-sizes, kind="stable")[:MOST_COLUMNS]
        return tuple(int(j) for j in order if sizes[j] > 1e-6 * sizes.max())


def _farthest(
    gain: np.ndarray, matrix: np.ndarray, free: np.ndarray, side: int
) -> np.ndarray | None:
    """Return the direction of most gain with no part beyond 1, None if there is no gain."""
    bound = free.astype(np.float64)
    found = _solve(
        -gain,
        A_ub=-matrix,
        b_ub=np.zeros(len(matrix)),
        bounds=np.stack([-bound, bound], axis=1),
    )
    return found if found is not None and gain @ found > _NO_VALUE else None


def _least_columns(
    gain: np.ndarray, matrix: np.ndarray, free: np.ndarray, side: int
) -> np.ndarray | None:
    """Return the direction of gain 1 with the least sum of sizes, None without any."""
    size = np.ones(len(gain))
    size[side - 1 :: side] = 0.0  # intercepts
    most = np.where(free, np.inf, 0.0)
    found = _solve(
        np.concatenate([size, size]),
        A_ub=np.hstack([-matrix, matrix]),
        b_ub=np.zeros(len(matrix)),
        A_eq=np.concatenate([gain, -gain])[None],
        b_eq=[1.0],
        bounds=np.stack([np.zeros(2 * len(gain)), np.tile(most, 2)], axis=1),
    )
    if found is None:
        return None
    positive, negative = np.split(found, 2)
    return np.asarray(positive - negative)


def _solve(cost: np.ndarray, **conditions: Any) -> np.ndarray | None:
    """Return the solution of a linear programme of least cost, None without one."""
    from scipy import optimize  # takes longer to import than most fits

    solve: Callable[..., Any] = optimize.linprog
    options = {
        "primal_feasibility_tolerance": _TOLERANCE,
        "dual_feasibility_tolerance": _TOLERANCE,
    }
    result = solve(cost, method="highs", options=options, **conditions)
    return np.asarray(result.x) if result.status == 0 else None
