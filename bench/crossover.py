"""What the planner's constants rest on: ``python -m bench.crossover``.

``NUMBA_FROM_CELLS``: the first and the second fit in a new process, kernels in the disk
cache, with numba and with NumPy, over the cells of X.  The constant is the least measured
size from which five fits, as in a cross-validation, are faster with numba at every larger
one, whatever the columns: the first pays for loading numba, the others do not.

``NEWTON_UP_TO_COLUMNS``: the time that newton-cholesky and newton-cg take to one and the
same objective, over the columns of tables of equal cells, evenly and unevenly scaled.
The constant is the measured number of columns up to which Newton must be taken for the
least geometric mean of slowdowns against the faster of the two.

``SAMPLES_FROM_CELLS``: the time of a fit by subsampled-newton and by newton-cholesky, over
the cells of X.  The constant is the least measured size from which the first is faster at
every larger one, whatever the columns.

What those for sparse tables and frames rest on is in `bench.structured_crossover`.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from itertools import product
from typing import Any

from bench.children import in_new_process
from bench.report import Report, add_output_options, duration, progress
from bench.searching import FITS, GAP, PATIENCE, fit_to, most_columns, several, suggest_cells
from bench.structured_crossover import add_structured
from bench.tables import make_problem, standardised_twin
from fastlogreg import LogisticRegression, planner
from fastlogreg.solvers import sample_sizes

__all__ = ["main"]

_CELLS = (100_000, 300_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000)
_COLUMNS = (10, 50, 200)
_CLASSES = (5, 20)
_CELLS_OF_CLASSES = (30_000, 100_000, 300_000, 1_000_000, 3_000_000)
_COLUMNS_OF_CLASSES = 30
_QUICK_CELLS = (20_000, 200_000)
_QUICK_COLUMNS = (10,)

_WIDE_CELLS = 20_000_000
_WIDE_COLUMNS = (100, 200, 500, 1_000, 2_000, 3_000)
_QUICK_WIDE_CELLS = 200_000
_QUICK_WIDE_COLUMNS = (10, 20)
_SCALES = ("evenly scaled", "unevenly scaled")

_SAMPLED_COLUMNS = (10, 50, 200)
_SAMPLED_TOL = 1e-6


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.crossover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case (3)")
    parser.add_argument(
        "--part", choices=("backend", "solver", "samples", "structured", "all"), default="all"
    )
    add_output_options(parser)
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    report = Report("What the planner's constants rest on")
    if options.part in ("backend", "all"):
        _add_backends(report, options.quick, rounds)
    if options.part in ("solver", "all"):
        _add_solvers(report, options.quick, rounds)
    if options.part in ("samples", "all"):
        _add_samples(report, options.quick, rounds)
    if options.part in ("structured", "all"):
        add_structured(report, options.quick, rounds)
    report.publish(options)


def _add_backends(report: Report, quick: bool, rounds: int) -> None:
    two = product((2,), _QUICK_COLUMNS if quick else _COLUMNS, _QUICK_CELLS if quick else _CELLS)
    more = product(_CLASSES, (_COLUMNS_OF_CLASSES,), _CELLS_OF_CLASSES[: 1 if quick else None])
    cases = []
    with tempfile.TemporaryDirectory() as cache:
        for classes, columns, cells in [*two, *more]:
            progress(f"first fits: {cells:,} cells in {columns} columns, {classes} classes")
            cases.append(_first_fits(cache, cells, columns, classes, rounds))
    report.heading("First fit in a new process, kernels in the disk cache")
    report.text(
        "Medians. The first fit with numba includes importing it and loading the kernels; "
        "scikit-learn and fastlogreg are imported before. All fits by solver='auto'. The planner "
        "counts cells times the pairs of classes, where there are more than two."
    )
    report.table(
        [
            "cells times pairs",
            "columns",
            "classes",
            *("first: numba", "numpy", "ratio"),
            *("second: numba", "numpy", "ratio"),
            f"{FITS} fits: ratio",
        ],
        [
            [
                f"{c['cells']:,}",
                c["columns"],
                c["classes"],
                *(duration(c[key]) for key in ("numba", "numpy")),
                f"{c['numba'] / c['numpy']:.2f}",
                *(duration(c[key]) for key in ("second_numba", "second_numpy")),
                f"{c['second_numba'] / c['second_numpy']:.2f}",
                f"{several(c, 'numba') / several(c, 'numpy'):.2f}",
            ]
            for c in cases
        ],
    )
    suggest_cells(report, "backends", "NUMBA_FROM_CELLS", cases)


def _first_fits(
    cache: str, cells: int, columns: int, n_classes: int, rounds: int
) -> dict[str, Any]:
    shape = (cells // columns, columns, n_classes)
    _new_process(cache, *shape, "numba")  # compiles
    found: dict[str, list[dict[str, Any]]] = {"numba": [], "numpy": []}
    for number in range(rounds):
        names = list(found) if number % 2 == 0 else list(found)[::-1]
        for name in names:
            found[name].append(_new_process(cache, *shape, name))
    pairs = n_classes**2 if n_classes > 2 else 1
    case: dict[str, Any] = {"cells": cells * pairs, "columns": columns, "classes": n_classes}
    for name, runs in found.items():
        case[name] = statistics.median(run["first_fit"] for run in runs)
        case[f"second_{name}"] = statistics.median(run["second_fit"] for run in runs)
        case[f"objective_{name}"] = runs[0]["objective"]
    case["won"] = several(case, "numba") < several(case, "numpy")
    return case


def _new_process(
    cache: str, n_rows: int, n_columns: int, n_classes: int, backend: str
) -> dict[str, Any]:
    return in_new_process(
        "first_fit",
        environment={"FASTLOGREG_CACHE_DIR": cache},
        rows=n_rows,
        columns=n_columns,
        n_classes=n_classes,
        backend=backend,
        load_first=False,
    )


def _add_solvers(report: Report, quick: bool, rounds: int) -> None:
    total = _QUICK_WIDE_CELLS if quick else _WIDE_CELLS
    cases = [
        _solver_case(total // columns, columns, scale, rounds)
        for scale in _SCALES
        for columns in (_QUICK_WIDE_COLUMNS if quick else _WIDE_COLUMNS)
    ]
    report.heading(f"Solvers to the same objective, {total:,} cells, numba")
    report.text(
        f"Medians of the time until F is within {GAP:.0e} of the optimum; newton-cg was stopped "
        f"at {PATIENCE:.0f} times Newton's time, which then stands for it (marked >)."
    )
    report.table(
        [
            "rows",
            "columns",
            "scales",
            "newton-cholesky",
            "newton-cg",
            "newton-cg / newton-cholesky",
        ],
        [
            [
                f"{c['rows']:,}",
                f"{c['columns']:,}",
                c["scale"],
                duration(c["newton"]),
                "> " * (not c["cg_reached"]) + duration(c["cg"]),
                "> " * (not c["cg_reached"]) + f"{c['cg'] / c['newton']:.2f}",
            ]
            for c in cases
        ],
    )
    suggested = most_columns(cases)
    report.text(
        f"NEWTON_UP_TO_COLUMNS = {suggested:_} "
        f"(in fastlogreg/planner.py: {planner.NEWTON_UP_TO_COLUMNS:_})"
    )
    report.figures["solvers"] = {"cases": cases, "NEWTON_UP_TO_COLUMNS": suggested, "gap": GAP}


def _solver_case(n_rows: int, n_columns: int, scale: str, rounds: int) -> dict[str, Any]:
    progress(f"solvers: {n_rows:,} x {n_columns:,}, {scale}")
    problem = make_problem(n_rows, n_columns)
    if scale == "evenly scaled":
        problem = standardised_twin(problem, overwrite=True)
    X, y, _ = problem
    target = fit_to(X, y, "newton-cholesky", -math.inf, math.inf).objective + GAP
    newton: list[float] = []
    cg: list[float] = []
    reached = True
    for _ in range(rounds):
        newton.append(fit_to(X, y, "newton-cholesky", target, math.inf).seconds)
        limit = PATIENCE * statistics.median(newton)
        last = fit_to(X, y, "newton-cg", target, limit)
        reached = reached and last.objective <= target
        cg.append(last.seconds if last.objective <= target else limit)
    return {
        "rows": n_rows,
        "columns": n_columns,
        "scale": scale,
        "newton": statistics.median(newton),
        "cg": statistics.median(cg),
        "cg_reached": reached,
    }


def _add_samples(report: Report, quick: bool, rounds: int) -> None:
    cases = [
        _sample_case(cells, columns, rounds)
        for columns in (_QUICK_COLUMNS if quick else _SAMPLED_COLUMNS)
        for cells in (_QUICK_CELLS if quick else _CELLS)
        if sample_sizes(cells // columns, columns + 1, 1)
    ]
    report.heading("Sampled curvature, numba, kernels loaded")
    report.text("Medians of fits to the same tol.")
    report.table(
        ["rows", "columns", "subsampled-newton", "newton-cholesky", "ratio"],
        [
            [
                f"{c['rows']:,}",
                f"{c['columns']:,}",
                duration(c["sampled"]),
                duration(c["full"]),
                f"{c['sampled'] / c['full']:.2f}",
            ]
            for c in cases
        ],
    )
    suggest_cells(report, "samples", "SAMPLES_FROM_CELLS", cases)


def _sample_case(cells: int, n_columns: int, rounds: int) -> dict[str, Any]:
    n_rows = cells // n_columns
    progress(f"samples: {n_rows:,} x {n_columns:,}")
    X, y, _ = make_problem(n_rows, n_columns)
    seconds: dict[str, list[float]] = {"subsampled-newton": [], "newton-cholesky": []}
    for number in range(rounds + 1):
        for solver, times in seconds.items():
            model = LogisticRegression(backend="numba", solver=solver, tol=_SAMPLED_TOL)
            began = time.perf_counter()
            model.fit(X, y)
            if number:  # the first loads the kernels
                times.append(time.perf_counter() - began)
    sampled, full = (statistics.median(times) for times in seconds.values())
    return {
        "rows": n_rows,
        "columns": n_columns,
        "cells": cells,
        "sampled": sampled,
        "full": full,
        "won": sampled < full,
    }


if __name__ == "__main__":
    main()
