"""Ours on hard tables: ``python -m bench.hard``.

For each table of `bench.hard` the solvers that a planner chooses among, to the same
gradient, timed alternately and judged by one formula.  The last column holds the candidate's
time against the best of the others that reached the objective: at most `BAR` is asked for.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from bench.fits import Fitted, guarded, ours
from bench.hard import HARD_TABLES, HardTable
from bench.judge import judge, show_gap
from bench.report import Report, add_output_options, duration, progress
from bench.timing import Timing, interleave

__all__ = ["BAR", "main"]

BAR = 1.3
_CANDIDATE = "subsampled-newton"
_OTHERS = ("newton-cholesky", "lbfgs")
_GAP = 1e-8  # relative; what counts as the same objective
_REFERENCE_TOL = 1e-12


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.hard", description=__doc__)
    parser.add_argument("--table", action="append", metavar="NAME", choices=list(HARD_TABLES))
    parser.add_argument("--rows", type=int, default=500_000, help="of a table (500,000)")
    parser.add_argument("--columns", type=int, default=20, help="of a table (20)")
    parser.add_argument("--C", type=float, default=1.0, help="inverse strength (1); inf for none")
    parser.add_argument("--tol", type=float, default=1e-6, help="gradient of the fits (1e-6)")
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each fit (3)")
    parser.add_argument("--candidate", default=_CANDIDATE, help=f"the solver ({_CANDIDATE})")
    add_output_options(parser)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.columns, options.rounds = 3_000, 6, 1
    report = Report("Hard tables", {"candidate": options.candidate, "tables": []})
    for name in options.table or HARD_TABLES:
        progress(name)
        report.figures["tables"].append(_measure(name, options))
    _add_tables(report, options)
    report.publish(options)


def _measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a table."""
    table = HARD_TABLES[name](options.rows, options.columns, 0)
    X, y, weights, says = table
    solvers = dict.fromkeys((options.candidate, *_OTHERS))
    fits = {
        solver: partial(guarded(ours("numba", solver, tol=options.tol, C=options.C)), X, y, weights)
        for solver in solvers
    }
    timed = interleave(fits, rounds=options.rounds)
    exact = guarded(ours("numba", "newton-cholesky", tol=_REFERENCE_TOL, C=options.C))
    reference = _objective(table, exact(X, y, weights), options.C)
    figures = [_fit_figures(table, name, one, options.C) for name, one in timed.items()]
    reached = [fit["objective"] for fit in figures if fit["objective"] is not None]
    best = min([*reached, *([] if reference is None else [reference])], default=None)
    for fit in figures:
        gap = None if fit["objective"] is None else (fit["objective"] - best) / abs(best)
        fit.update(gap=gap, reached=gap is not None and gap <= _GAP)
    return {
        "name": name,
        "says": says,
        "rows": len(X),
        "columns": X.shape[1],
        "objective": best,
        "fits": figures,
        "ratio": _ratio(figures),
    }


def _objective(table: HardTable, fitted: Fitted, C: float) -> float | None:
    if fitted.coef is None:
        return None
    X, y, weights, _ = table
    return judge(X, y, fitted.coef, fitted.intercept, C=C, weights=weights).objective


def _fit_figures(table: HardTable, name: str, timing: Timing, C: float) -> dict[str, Any]:
    fitted: Fitted = timing.result
    return {
        "name": name,
        "seconds": timing.seconds,
        "median": timing.median,
        "passes": fitted.passes,
        "objective": _objective(table, fitted, C),
        "outcome": fitted.outcome,
    }


def _ratio(fits: list[dict[str, Any]]) -> float | None:
    """Return the candidate's time against the best of the others; None where either failed."""
    candidate, *others = fits
    times = [fit["median"] for fit in others if fit["reached"]]
    if not (candidate["reached"] and times):
        return None
    return float(candidate["median"] / min(times))


def _add_tables(report: Report, options: argparse.Namespace) -> None:
    tables = report.figures["tables"]
    names = [fit["name"] for fit in tables[0]["fits"]]
    report.text(
        f"C = {options.C:g}, to a gradient of {options.tol:.0e}; in every cell of a solver: "
        "passes, time, and the gap, relative, to the least objective found. A time in brackets "
        f"is one to another objective. The ratio is {names[0]} to the better of the others; "
        f"{BAR} at most is asked for."
    )
    report.table(
        ["table", "shape", *names, "ratio", ""],
        [
            [
                table["says"],
                f"{table['rows']:,} x {table['columns']:,}",
                *(_cell(fit) for fit in table["fits"]),
                "-" if table["ratio"] is None else f"{table['ratio']:.2f}",
                _verdict(table),
            ]
            for table in tables
        ],
    )
    failures = [
        f"{table['name']}, {fit['name']}: {fit['outcome']}"
        for table in tables
        for fit in table["fits"]
        if fit["outcome"] != "converged"
    ]
    if failures:
        report.text("\n".join(f"- {failure}" for failure in failures))


def _cell(fit: dict[str, Any]) -> str:
    if fit["objective"] is None:
        return "failed"
    text = f"{fit['passes']:.1f} passes, {duration(fit['median'])}, {show_gap(fit['gap'])}"
    return text if fit["reached"] else f"({text})"


def _verdict(table: dict[str, Any]) -> str:
    ratio = table["ratio"]
    if ratio is None:
        return "no comparison"
    return "" if ratio <= BAR else "over the bar"
