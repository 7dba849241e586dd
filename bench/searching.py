"""What the parts of ``bench.crossover`` share: how cases are timed, and what they suggest."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Iterable
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from bench.report import Report
from fastlogreg import LogisticRegression, Step, planner

__all__ = ["FITS", "GAP", "PATIENCE", "fit_to", "most_columns", "several", "suggest_cells"]

FITS = 5  # in one process, as in a cross-validation
GAP = 1e-8
PATIENCE = 10.0  # newton-cg is stopped at so many times Newton's time
_TIGHT_TOL = 1e-12


def _least_cells(cases: Iterable[dict[str, Any]]) -> int | None:
    """Return the least size from which all cases of every larger size are won.

    Parameters
    ----------
    cases : iterable of dict
        Each with ``cells`` and ``won``, a bool.

    Returns
    -------
    int or None
        None where the largest size of all is not won yet.
    """
    cases = list(cases)
    found = None
    for size in sorted({case["cells"] for case in cases}, reverse=True):
        if not all(case["won"] for case in cases if case["cells"] == size):
            break
        found = size
    return found


def suggest_cells(report: Report, figure: str, name: str, cases: list[dict[str, Any]]) -> None:
    """Add the least cells from which all cases are won, and the planner's constant of that name."""
    found = _least_cells(cases)
    value = "not reached: measure larger tables" if found is None else f"{found:_}"
    report.text(f"{name} = {value} (in fastlogreg/planner.py: {getattr(planner, name):_})")
    report.figures[figure] = {"cases": cases, name: found}


def several(case: dict[str, Any], backend: str) -> float:
    """Return the seconds of a first fit and the others after it."""
    return float(case[backend] + (FITS - 1) * case[f"second_{backend}"])


def most_columns(cases: Iterable[dict[str, Any]]) -> int:
    """Return the columns up to which taking Newton loses least against the faster solver.

    Parameters
    ----------
    cases : iterable of dict
        Each with ``columns`` and the seconds ``newton`` and ``cg``.
    """
    cases = list(cases)

    def mean_log_slowdown(limit: int) -> float:
        return statistics.fmean(
            math.log(c["newton" if c["columns"] <= limit else "cg"])
            - math.log(min(c["newton"], c["cg"]))
            for c in cases
        )

    limits: list[int] = [0, *sorted({c["columns"] for c in cases})]
    return min(limits, key=mean_log_slowdown)


def fit_to(X: Any, y: Any, solver: str, target: float, limit: float) -> Step:
    """Return the step at which a fit reached the target, or at which it ended."""
    model = LogisticRegression(
        backend="numba",
        solver=solver,
        tol=_TIGHT_TOL,
        max_iter=100_000,
        callback=lambda step: step.objective <= target or step.seconds > limit,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y).history_[-1]
