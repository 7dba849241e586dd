"""What one waits for before and around small fits: ``python -m bench.latency``.

- the time that ``import fastlogreg`` adds on top of importing scikit-learn;
- the first fit of a large table in a new process, with an empty kernel cache (it
  compiles) and with a filled one (it loads), and numba's own start before it;
- fits of a small table, breast_cancer, against scikit-learn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

from sklearn.datasets import load_breast_cancer

from bench.children import in_new_process
from bench.fits import ours, scikit_learn
from bench.judge import judge, show_gap
from bench.report import Report, add_output_options, duration, progress
from bench.timing import interleave

__all__ = ["main"]

_LARGE = (1_000_000, 50)
_QUICK_LARGE = (20_000, 20)
_SMALL_ROUNDS = 51
_CACHE = "FASTLOGREG_CACHE_DIR"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes a case (5)")
    add_output_options(parser)
    options = parser.parse_args()
    rounds = min(options.rounds, 2) if options.quick else options.rounds
    report = Report("Import, first fit, small fits")
    _add_imports(report, rounds)
    _add_first_fits(report, *(_QUICK_LARGE if options.quick else _LARGE), rounds)
    _add_small_fits(report, 3 if options.quick else _SMALL_ROUNDS)
    report.publish(options)


def _add_imports(report: Report, rounds: int) -> None:
    progress("imports")
    in_new_process("imports")  # writes byte code, fills the file cache
    found = _medians([in_new_process("imports") for _ in range(rounds)])
    report.heading("Import")
    report.text("Medians over fresh processes, in this order in each.")
    report.table(
        ["import", "time"],
        [
            ["sklearn.linear_model", duration(found["sklearn.linear_model"])],
            ["then fastlogreg adds", duration(found["fastlogreg"])],
            ["then its LogisticRegression adds", duration(found["estimator"])],
        ],
    )
    report.figures["imports"] = found


def _add_first_fits(report: Report, n_rows: int, n_columns: int, rounds: int) -> None:
    def new_process(cache: str) -> dict[str, Any]:
        return in_new_process(
            "first_fit",
            environment={_CACHE: cache},
            rows=n_rows,
            columns=n_columns,
            backend="numba",
            load_first=True,
        )

    cold, warm = [], []
    for number in range(rounds):
        progress(f"first fit, process pair {number + 1} of {rounds}")
        with tempfile.TemporaryDirectory() as cache:
            cold.append(new_process(cache))
            warm.append(new_process(cache))
    found = {"cold": _medians(cold), "warm": _medians(warm)}
    report.heading(f"First fit in a new process, {n_rows:,} x {n_columns} float64, numba")
    report.text(
        "Imports are scikit-learn, fastlogreg and numba; numba's start is the compilation of a "
        "function that does nothing, which sets its compiler up; compiling or loading the "
        "kernels is part of the first fit. Medians over fresh processes."
    )
    report.table(
        ["kernel cache", "imports", "numba's start", "first fit", "all three", "second fit"],
        [
            [
                state,
                duration(times["imports"]),
                duration(times["compiler_start"]),
                duration(times["first_fit"]),
                duration(times["imports"] + times["compiler_start"] + times["first_fit"]),
                duration(times["second_fit"]),
            ]
            for state, times in found.items()
        ],
    )
    report.figures["first_fit"] = {"rows": n_rows, "columns": n_columns, **found}


def _add_small_fits(report: Report, rounds: int) -> None:
    report.heading("Small fits: breast_cancer, 569 x 30")
    report.figures["small_fits"] = []
    X, y = load_breast_cancer(return_X_y=True)
    fits = [
        ours("auto", "auto"),
        ours("numba", "auto"),
        scikit_learn("lbfgs"),
        scikit_learn("newton-cholesky"),
    ]
    rows = []
    for state, table in (("scaled", (X - X.mean(axis=0)) / X.std(axis=0)), ("raw", X)):
        progress(f"breast_cancer, {state}")
        candidates = {fit.name: partial(fit, table, y) for fit in fits}
        # Small fits come in numbers: one is timed right after another.
        timed = interleave(candidates, rounds=rounds, lead=True)
        exact = ours("numpy", "newton-cholesky", tol=1e-12)(table, y)
        best = judge(table, y, exact.coef, exact.intercept).objective
        for name, timing in timed.items():
            fitted = timing.result
            verdict = judge(table, y, fitted.coef, fitted.intercept)
            gap = verdict.objective - best
            rows.append([state, name, duration(timing.median), show_gap(gap), fitted.outcome])
            report.figures["small_fits"].append(
                {
                    "columns": state,
                    "name": name,
                    "seconds": timing.seconds,
                    "objective": verdict.objective,
                    "gap": gap,
                    "gradient_norm": verdict.gradient_norm,
                    "outcome": fitted.outcome,
                }
            )
    report.table(["columns", "fit", "time", "gap", ""], rows)


def _medians(found: list[dict[str, Any]]) -> Mapping[str, float]:
    """Return the median of every number over several measurements."""
    return {
        key: statistics.median(one[key] for one in found)
        for key, value in found[0].items()
        if isinstance(value, float)
    }


if __name__ == "__main__":
    main()
