"""What the planner's constants for sparse tables and frames rest on: a part of
``python -m bench.crossover``.

``NUMBA_FROM_SCATTERED_CELLS``: as ``NUMBA_FROM_CELLS``, over sparse tables and frames with
categories.

``FACTORED_UP_TO_COLUMNS``: as ``NEWTON_UP_TO_COLUMNS``, over the columns of sparse tables and,
of frames, the levels beside those of the category that is eliminated.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bench.children import in_new_process
from bench.report import Report, duration, progress
from bench.searching import FITS, GAP, PATIENCE, fit_to, most_columns, several, suggest_cells
from bench.sparse_tables import make_sparse_problem
from fastlogreg import planner

__all__ = ["STRUCTURED_TABLES", "add_structured"]

_CELLS = (100_000, 300_000, 1_000_000, 2_000_000, 4_000_000)
_QUICK_CELLS = (20_000, 60_000)
_COMPILE_CELLS = 1_000_000
_WIDTHS = (100, 300, 1_000, 2_000)
_QUICK_WIDTHS = (20, 40)
_SOLVER_CELLS = 3_000_000
_QUICK_SOLVER_CELLS = 30_000
_PER_ROW = 30
_NUMBERS = 4
_LARGEST = 2_000
_NESTED = 0.95
_SEED = 8

Table = tuple[Any, np.ndarray]


def _sparse(cells: int, width: int) -> Table:
    """Return a sparse table of that many stored numbers and columns."""
    X, y, _ = make_sparse_problem(cells // _PER_ROW, width, per_row=min(_PER_ROW, width // 2))
    return X, y


def _frame(cells: int, width: int) -> Table:
    """Return a frame of that many cells, with width levels beside those of its largest category.

    Most levels of the others follow from the largest's, as the airline does from the plane.
    """
    n_rows = cells // (_NUMBERS + 3)
    rng = np.random.default_rng(_SEED)
    numbers = rng.standard_normal((n_rows, _NUMBERS))
    odds = numbers @ rng.standard_normal(_NUMBERS)
    frame = pd.DataFrame(numbers, columns=[f"x{j}" for j in range(_NUMBERS)])
    first = rng.random(n_rows) ** 2
    for name, n_levels in (("a", _LARGEST + width), ("b", width - width // 10), ("c", width // 10)):
        follows = (name == "a") | (rng.random(n_rows) < _NESTED)
        codes = (n_levels * np.where(follows, first, rng.random(n_rows) ** 2)).astype(np.int32)
        frame[name] = pd.Categorical.from_codes(codes, [f"{k:05d}" for k in range(n_levels)])
        odds += rng.standard_normal(n_levels)[codes]
    return frame, (rng.random(n_rows) * (1.0 + np.exp(-odds)) < 1.0).astype(np.int64)


STRUCTURED_TABLES: dict[str, Callable[[int, int], Table]] = {"sparse": _sparse, "frame": _frame}


def add_structured(report: Report, quick: bool, rounds: int) -> None:
    """Measure both constants and add what they rest on."""
    _add_backends(report, quick, rounds)
    _add_solvers(report, quick, rounds)


def _add_backends(report: Report, quick: bool, rounds: int) -> None:
    cases = []
    with tempfile.TemporaryDirectory() as cache:
        for storage in STRUCTURED_TABLES:
            _first_fit(cache, storage, _COMPILE_CELLS, "numba")
            for cells in _QUICK_CELLS if quick else _CELLS:
                progress(f"first fits: {storage}, {cells:,} cells")
                cases.append(_first_fits(cache, storage, cells, rounds))
    report.heading("First fit of a sparse table or a frame in a new process, kernels in the cache")
    report.table(
        ["storage", "cells", "first: numba", "numpy", "second: numba", "numpy", f"{FITS} fits"],
        [
            [
                case["storage"],
                f"{case['cells']:,}",
                *(duration(case[key]) for key in ("numba", "numpy")),
                *(duration(case[key]) for key in ("second_numba", "second_numpy")),
                f"{several(case, 'numba') / several(case, 'numpy'):.2f}",
            ]
            for case in cases
        ],
    )
    suggest_cells(report, "structured_backends", "NUMBA_FROM_SCATTERED_CELLS", cases)


def _first_fits(cache: str, storage: str, cells: int, rounds: int) -> dict[str, Any]:
    case: dict[str, Any] = {"storage": storage, "cells": cells}
    for backend in ("numba", "numpy"):
        runs = [_first_fit(cache, storage, cells, backend) for _ in range(rounds)]
        case[backend] = statistics.median(run["first_fit"] for run in runs)
        case[f"second_{backend}"] = statistics.median(run["second_fit"] for run in runs)
    case["won"] = several(case, "numba") < several(case, "numpy")
    return case


def _first_fit(cache: str, storage: str, cells: int, backend: str) -> dict[str, Any]:
    return in_new_process(
        "first_fit",
        environment={"FASTLOGREG_CACHE_DIR": cache},
        rows=cells,
        columns=_WIDTHS[0],
        backend=backend,
        load_first=False,
        storage=storage,
    )


def _add_solvers(report: Report, quick: bool, rounds: int) -> None:
    cells, widths = (_QUICK_SOLVER_CELLS, _QUICK_WIDTHS) if quick else (_SOLVER_CELLS, _WIDTHS)
    cases = [
        _solver_case(storage, cells, width, rounds)
        for storage in STRUCTURED_TABLES
        for width in widths
    ]
    report.heading("newton-cholesky and newton-cg over sparse tables and frames")
    report.text(f"To the same objective, within {GAP:.0e}; medians.")
    report.table(
        ["storage", "columns or levels left", "newton-cholesky", "newton-cg", "ratio"],
        [
            [
                case["storage"],
                f"{case['columns']:,}",
                duration(case["newton"]),
                duration(case["cg"]),
                f"{case['newton'] / case['cg']:.2f}",
            ]
            for case in cases
        ],
    )
    found, now = most_columns(cases), planner.FACTORED_UP_TO_COLUMNS
    report.text(f"FACTORED_UP_TO_COLUMNS = {found:_} (in fastlogreg/planner.py: {now:_})")
    report.figures["structured_solvers"] = {"cases": cases, "suggested": found}


def _solver_case(storage: str, cells: int, width: int, rounds: int) -> dict[str, Any]:
    progress(f"solvers: {storage}, {width:,}")
    X, y = STRUCTURED_TABLES[storage](cells, width)
    target = fit_to(X, y, "newton-cholesky", -math.inf, math.inf).objective + GAP
    newton: list[float] = []
    cg: list[float] = []
    for _ in range(rounds):
        newton.append(fit_to(X, y, "newton-cholesky", target, math.inf).seconds)
        limit = PATIENCE * statistics.median(newton)
        last = fit_to(X, y, "newton-cg", target, limit)
        cg.append(last.seconds if last.objective <= target else limit)
    return {
        "storage": storage,
        "columns": width,
        "newton": statistics.median(newton),
        "cg": statistics.median(cg),
    }
