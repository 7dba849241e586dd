"""The workloads of ``bench.peers``: a table and what is minimised on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.judge import largest_l1_strength
from bench.real import REAL_TABLES
from bench.rivals import Goal
from bench.sparse_tables import SparseProblem, make_sparse_problem
from bench.tables import Problem, make_problem, standardised_twin

__all__ = ["REAL_WORKLOADS", "WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """A table and an objective.

    Parameters
    ----------
    name : str
    tol : float
        The gradient that ours is fitted to.
    rows, columns : int
        Shape of X.
    quick : tuple of two ints
        Its shape under ``--quick``.
    n_classes : int
    l1_ratio : float
        Above 0, the strength is a share of the least at which all coefficients are 0; else
        C is 1.
    l1_share : float
        That share.
    per_row : int
        Stored values of a row of a sparse table; 0 of a dense one.
    informative : int or None
        Columns with true coefficients other than 0.
    real : str or None
        A name in `bench.real.REAL_TABLES`, whose table it is then.
    is_twin : bool
        Whether the columns are standardised.
    solvers : tuple of str
        Ours that are fitted; the ratios are to the first.
    """

    name: str
    tol: float
    rows: int = 0
    columns: int = 0
    quick: tuple[int, int] = (5_000, 20)
    n_classes: int = 2
    l1_ratio: float = 0.0
    l1_share: float = 1.0 / 50.0
    per_row: int = 0
    informative: int | None = None
    real: str | None = None
    is_twin: bool = False
    solvers: tuple[str, ...] = ("auto",)

    @property
    def goal_kind(self) -> str:
        """What kind of objective it is, one of `bench.rivals.KINDS`."""
        return self._goal(1.0).kind

    def _goal(self, C: float) -> Goal:
        return Goal(C, self.l1_ratio, self.n_classes, self.per_row > 0)

    def small(self) -> Workload:
        """Return the workload of ``--quick``."""
        informative = None if self.informative is None else self.quick[1] // 5
        return replace(self, rows=self.quick[0], columns=self.quick[1], informative=informative)

    def twin(self) -> Workload:
        """Return the workload on the table's standardised twin."""
        return replace(self, name=f"{self.name}, standardised", is_twin=True)

    def make(self) -> tuple[Any, np.ndarray, Goal]:
        """Return X, y and what is minimised."""
        X, y, _ = self._problem()
        C = 1.0
        if self.l1_ratio > 0.0:
            strength = largest_l1_strength(X, y) / self.l1_ratio * self.l1_share
            C = 1.0 / (strength * len(y))
        return X, y, self._goal(C)

    def _problem(self) -> Problem | SparseProblem:
        if self.per_row:
            return make_sparse_problem(
                self.rows, self.columns, per_row=self.per_row, n_classes=self.n_classes
            )
        if self.real is not None:
            X, y = REAL_TABLES[self.real]()
            problem = Problem(X, y, np.zeros((X.shape[1] + 1, 1)))
        else:
            problem = make_problem(
                self.rows, self.columns, n_classes=self.n_classes, informative=self.informative
            )
        return standardised_twin(problem, overwrite=True) if self.is_twin else problem


_NEWTON = ("auto", "newton-cholesky")
# To a gap of 1e-10; this leaves less than 1e-11.
_L1 = Workload(
    "300,000 x 100, L1", 1e-5, 300_000, 100, quick=(2_000, 20), l1_ratio=1.0, informative=20
)
_SPARSE = Workload(
    "sparse 300,000 x 100,000", 1e-6, 300_000, 100_000, quick=(2_000, 800), per_row=59
)

WORKLOADS = (
    Workload("1,000,000 x 50", 1e-8, 1_000_000, 50, solvers=_NEWTON),
    Workload("4,000,000 x 10", 1e-8, 4_000_000, 10, quick=(8_000, 10), solvers=_NEWTON),
    Workload("200,000 x 500", 1e-8, 200_000, 500, quick=(2_000, 50), solvers=_NEWTON),
    Workload(
        "20,000 x 5,000", 1e-6, 20_000, 5_000, quick=(500, 125), solvers=("auto", "newton-cg")
    ),
    _L1,
    replace(_L1, name="300,000 x 100, elastic net", l1_ratio=0.5),
    Workload("300,000 x 50, 8 classes", 1e-6, 300_000, 50, quick=(2_000, 10), n_classes=8),
    _SPARSE,
    replace(_SPARSE, name="sparse 300,000 x 100,000, L1", l1_ratio=1.0, l1_share=1.0 / 30.0),
    replace(
        _SPARSE,
        name="sparse 50,000 x 20,000, 10 classes",
        rows=50_000,
        columns=20_000,
        quick=(1_000, 400),
        n_classes=10,
    ),
)

REAL_WORKLOADS = (
    Workload("flights", 1e-8, real="flights", solvers=_NEWTON),
    Workload("breast_cancer", 1e-8, real="breast_cancer"),
    Workload("breast_cancer, standardised", 1e-8, real="breast_cancer", is_twin=True),
    Workload("digits", 1e-6, real="digits", n_classes=10),
)
