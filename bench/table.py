"""Passes and fits against the peers, in read-times: ``python -m bench.table``.

Everything in one table was measured in one process, alternately.  Each fit stands with
the objective that it reached, judged by one formula for all: a time without it means
nothing.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from bench.fits import Fit, Fitted, guarded, missing_peers, our_fits, ours, peer_fits
from bench.judge import Verdict, judge, show_gap
from bench.passes import PASSES, pass_of
from bench.readtime import Reader, ReadTime
from bench.report import Report, add_output_options, duration, progress
from bench.tables import Problem, head_of, make_problem
from bench.timing import Timing, interleave

__all__ = ["main"]

_SHAPES = ((1_000_000, 50), (4_000_000, 10))
_QUICK_SHAPES = ((20_000, 20),)
_PASS_ROUNDS = 15
_REFERENCE_TOL = 1e-12


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    shapes = _QUICK_SHAPES if options.quick else _SHAPES
    if options.rows is not None:
        shapes = ((options.rows, options.columns),)
    report = Report("Passes and fits", {"tables": []})
    for n_rows, n_columns in shapes:
        _add_shape(report, n_rows, n_columns, options)
    report.publish(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.table", description=__doc__)
    parser.add_argument("--rows", type=int, help="one shape of your own: its rows")
    parser.add_argument("--columns", type=int, default=50, help="its columns (50)")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--order", choices=("C", "F"), default="C")
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each fit (3)")
    parser.add_argument("--no-peers", action="store_true", help="fastlogreg alone")
    add_output_options(parser)
    return parser


def _add_shape(report: Report, n_rows: int, n_columns: int, options: argparse.Namespace) -> None:
    shape = f"{n_rows:,} x {n_columns}, {options.dtype}, {options.order} order"
    progress(f"{shape}: data")
    problem = make_problem(n_rows, n_columns, dtype=options.dtype, order=options.order)
    reader = Reader(problem.X)
    progress(f"{shape}: passes")
    passes = _time_passes(problem, reader)
    fits = our_fits() if options.no_peers else [*our_fits(), *peer_fits()]
    timed = _time_fits(problem, reader, fits, options.rounds, shape)
    progress(f"{shape}: judging")
    verdicts, best = _judge_all(problem, timed)
    read = reader.time()

    fit_figures = [
        _fit_figures(name, timing, verdicts[name], best, read) for name, timing in timed.items()
    ]
    report.heading(shape)
    report.text(f"Plain read: {read}.")
    report.table(*_pass_table(passes, read))
    report.table(*_fit_table(fit_figures))
    report.text(
        f"Gap: F minus the best found, {best:.15g}, that of an untimed fit to "
        f"tol {_REFERENCE_TOL:.0e} included."
    )
    absent = [] if options.no_peers else missing_peers()
    for name in absent:
        report.text(f"Not installed, so not compared: {name}.")
    report.figures["tables"].append(
        {
            "rows": n_rows,
            "columns": n_columns,
            "dtype": options.dtype,
            "order": options.order,
            "read": read.as_dict(),
            "passes": [
                {"name": name, "seconds": t.seconds, "read_times": read.times(t.median)}
                for name, t in passes.items()
            ],
            "fits": fit_figures,
            "missing_peers": absent,
        }
    )


def _time_passes(problem: Problem, reader: Reader) -> dict[str, Timing]:
    candidates = {
        f"{name}, {backend}": pass_of(problem, backend, name)
        for name in PASSES
        for backend in ("numba", "numpy")
    }
    return interleave(candidates, rounds=_PASS_ROUNDS, yardstick=reader.sample)


def _time_fits(
    problem: Problem, reader: Reader, fits: list[Fit], rounds: int, shape: str
) -> dict[str, Timing]:
    X, y, _ = problem
    head = head_of(problem)
    safe = {fit.name: guarded(fit) for fit in fits}

    def announced(fit: Fit) -> Fitted:
        progress(f"{shape}: {fit.name}")
        return fit(X, y)

    return interleave(
        {name: partial(announced, fit) for name, fit in safe.items()},
        rounds=rounds,
        warm={name: partial(fit, head.X, head.y) for name, fit in safe.items()},
        yardstick=partial(reader.sample, 3),
    )


def _judge_all(
    problem: Problem, timed: dict[str, Timing]
) -> tuple[dict[str, Verdict | None], float]:
    """Return what each fit reached, and the least objective found."""
    X, y, _ = problem
    reference = ours("numba", "newton-cholesky", tol=_REFERENCE_TOL)(X, y)
    verdicts = {
        name: None
        if timing.result.coef is None
        else judge(X, y, timing.result.coef, timing.result.intercept)
        for name, timing in timed.items()
    }
    reached = [verdict.objective for verdict in verdicts.values() if verdict is not None]
    return verdicts, min([judge(X, y, reference.coef, reference.intercept).objective, *reached])


def _pass_table(passes: dict[str, Timing], read: ReadTime) -> tuple[list[str], list[list[str]]]:
    rows = [
        [name, duration(timing.median), f"{read.times(timing.median):.2f}"]
        for name, timing in passes.items()
    ]
    return ["pass", "time", "read-times"], rows


def _fit_figures(
    name: str, timing: Timing, verdict: Verdict | None, best: float, read: ReadTime
) -> dict[str, Any]:
    fitted: Fitted = timing.result
    return {
        "name": name,
        "seconds": timing.seconds,
        "median": timing.median,
        "read_times": read.times(timing.median),
        "passes": fitted.passes,
        "iterations": fitted.iterations,
        "objective": None if verdict is None else verdict.objective,
        "gap": None if verdict is None else verdict.objective - best,
        "gradient_norm": None if verdict is None else verdict.gradient_norm,
        "outcome": fitted.outcome,
    }


def _fit_table(fits: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    headers = ["fit", "time", "read-times", "passes", "iterations", "gap", "max abs gradient", ""]
    rows = [
        [
            fit["name"],
            duration(fit["median"]),
            f"{fit['read_times']:.0f}",
            _or_dash(fit["passes"], "{:g}"),
            _or_dash(fit["iterations"], "{}"),
            "-" if fit["gap"] is None else show_gap(fit["gap"]),
            _or_dash(fit["gradient_norm"], "{:.1e}"),
            fit["outcome"],
        ]
        for fit in fits
    ]
    return headers, rows


def _or_dash(value: object, form: str) -> str:
    return "-" if value is None else form.format(value)


if __name__ == "__main__":
    main()
