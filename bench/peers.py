"""Fits beside the named peers at the same objective, in one run: ``python -m bench.peers``.

For every workload each peer's setting is searched first: the loosest tolerance of a fixed
grid with which it reaches the least objective found to 1e-8, relatively, and the better of
one and all threads.  Then ours and the peers are timed alternately.  A time at another
objective is marked, and compared with nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.fit_process import OURS, FitProcess, Outcome, Request
from bench.machine import threads_of
from bench.peer_report import add_summary, add_workload
from bench.report import Report, add_output_options, duration, progress
from bench.rivals import RIVALS, missing_rivals, rivals_for
from bench.search import Best, Choice, Patience, choose
from bench.workloads import REAL_WORKLOADS, WORKLOADS, Workload

__all__ = ["main"]

_QUICK = Patience(fit=5.0, search=0.2, is_thorough=False)
_OUR_LIMIT = 600.0
_SLOW = 20.0  # seconds; labels make no difference to a fit as slow as that
_REFERENCES = (
    (f"{OURS}newton-cholesky", 1e-12),
    (f"{OURS}auto", 1e-10),
    ("glum irls-cd", 1e-10),
    ("scikit-learn newton-cholesky", 1e-10),
)
_WIDE_REFERENCES = ((f"{OURS}auto", 1e-10),)


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    patience = _QUICK if options.quick else Patience(options.limit, 2.0 * options.limit)
    choices = {} if options.settings is None else _read_choices(options.settings)
    report = Report("Fits beside the peers", {"workloads": []})
    with FitProcess() as process:
        for workload in _selected(options):
            known = choices.get(workload.name, {})
            figures = _compare(process, workload, options, patience, known)
            report.figures["workloads"].append(figures)
            add_workload(report, figures)
            report.write(options)  # a long run that is ended keeps what it had
    add_summary(report)
    report.publish(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    names = [workload.name for workload in (*WORKLOADS, *REAL_WORKLOADS)]
    parser.add_argument(
        "--workload",
        action="append",
        metavar="NAME",
        choices=names,
        help=(f"this one alone, once or more; one of: {'; '.join(names)}"),
    )
    parser.add_argument("--twins", action="store_true", help="the standardised twins too")
    parser.add_argument("--real", action="store_true", help="the real tables too")
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each fit (3)")
    parser.add_argument(
        "--limit",
        type=float,
        default=120.0,
        help="seconds of a peer's fit (120)",
    )
    parser.add_argument("--solver", action="append", help="ours, besides auto; once or more")
    parser.add_argument(
        "--peer",
        action="append",
        choices=list(RIVALS),
        metavar="NAME",
        help="this one alone, once or more",
    )
    parser.add_argument("--no-peers", action="store_true", help="fastlogreg alone")
    parser.add_argument(
        "--settings", type=Path, metavar="PATH", help="take settings from the JSON of a run"
    )
    add_output_options(parser)
    return parser


def _selected(options: argparse.Namespace) -> list[Workload]:
    chosen = [*WORKLOADS, *(REAL_WORKLOADS if options.real else ())]
    if options.workload is not None:
        chosen = [w for w in (*WORKLOADS, *REAL_WORKLOADS) if w.name in options.workload]
    found = []
    for workload in chosen:
        if workload.real is not None:
            found.append(workload)
            continue
        sized = workload.small() if options.quick else workload
        has_twin = options.twins and not workload.per_row
        found += [sized, sized.twin()] if has_twin else [sized]
    return found


def _read_choices(path: Path) -> dict[str, dict[str, Choice]]:
    """Return the choices of an earlier run, by workload and peer."""
    figures = json.loads(path.read_text(encoding="utf-8"))
    return {
        workload["name"]: {one["name"]: Choice.from_dict(one) for one in workload["choices"]}
        for workload in figures["workloads"]
    }


def _compare(
    process: FitProcess,
    workload: Workload,
    options: argparse.Namespace,
    patience: Patience,
    known: dict[str, Choice],
) -> dict[str, Any]:
    """Return the figures of a workload."""
    progress(f"{workload.name}: data")
    threads = threads_of("numba")
    best = Best()
    solvers = workload.solvers if options.solver is None else ("auto", *options.solver)
    ours = [
        Request(f"{OURS}{solver}", workload.tol, threads, labels)
        for solver in solvers
        for labels in ("int64", "int8")
    ]
    rows, columns = process.load(workload)
    kind = workload.goal_kind
    for request in ours:  # off the clock: on few rows not all code is used
        best.see(_told(process, request, _OUR_LIMIT))
    _see_reference(process, best, threads, workload)
    rivals = [] if options.no_peers else rivals_for(kind, options.peer)
    choices = [
        known.get(rival.name) or choose(process, rival.name, best, threads, patience)
        for rival in rivals
    ]
    timed = [Request(c.name, c.tol, c.threads) for c in choices if c.reached]
    found = _time_all(process, [*ours, *timed], options.rounds, best)
    for request in timed if patience.is_thorough else ():
        if statistics.median(o.seconds for o in found[request]) < _SLOW:
            int8 = request._replace(labels="int8")
            found[int8] = [_told(process, int8, _OUR_LIMIT)]
    read = process.read()
    missing = [] if options.no_peers else missing_rivals(kind, options.peer)
    return {
        "name": workload.name,
        "kind": kind,
        "rows": rows,
        "columns": columns,
        "tol": workload.tol,
        "threads": threads,
        "read": read,
        "objective": best.objective,
        "fits": _fit_figures(found, best, read["seconds"]),
        "choices": [choice.as_dict() for choice in choices],
        "missing": missing,
    }


def _see_reference(process: FitProcess, best: Best, threads: int, workload: Workload) -> None:
    """Let a tight fit say what the least objective is; no Hessian of a sparse table is formed."""
    for name, tol in _WIDE_REFERENCES if workload.per_row else _REFERENCES:
        outcome = _told(process, Request(name, tol, threads), _OUR_LIMIT)
        best.see(outcome)
        if outcome.objective is not None:
            return


def _told(process: FitProcess, request: Request, limit: float) -> Outcome:
    outcome = process.fit(request, limit)
    progress(
        f"  {request.name}, tol {request.tol:.0e}, {request.labels} labels: "
        f"{duration(outcome.seconds)}, {outcome.says}"
    )
    return outcome


def _time_all(
    process: FitProcess, requests: list[Request], rounds: int, best: Best
) -> dict[Request, list[Outcome]]:
    """Run all once a round, every round from another start, and the plain read between."""
    found: dict[Request, list[Outcome]] = {request: [] for request in requests}
    for number in range(rounds):
        process.read()
        shift = number % len(requests)
        for request in requests[shift:] + requests[:shift]:
            outcome = _told(process, request, _OUR_LIMIT)
            best.see(outcome)
            found[request].append(outcome)
    return found


def _fit_figures(
    found: dict[Request, list[Outcome]], best: Best, read: float
) -> list[dict[str, Any]]:
    """Return a row per fit: its times on both types of labels, and what it reached."""
    medians = {
        request: statistics.median(outcome.seconds for outcome in outcomes)
        for request, outcomes in found.items()
    }
    first = next(iter(found))
    is_base = best.reached_by(found[first][-1])
    rows = []
    for request, outcomes in found.items():
        if request.labels != "int64":
            continue
        last = outcomes[-1]
        reached = all(best.reached_by(outcome) for outcome in outcomes)
        other = request._replace(labels="int8")
        int8 = found.get(other, [])
        rows.append(
            {
                **asdict(last),
                "name": request.name,
                "tol": request.tol,
                "threads": request.threads,
                "seconds": [outcome.seconds for outcome in outcomes],
                "median": medians[request],
                "int8_median": medians.get(other) if all(map(best.reached_by, int8)) else None,
                "read_times": medians[request] / read,
                "gap": best.gap(last),
                "reached": reached,
                "to_ours": medians[request] / medians[first] if reached and is_base else None,
            }
        )
    return rows


if __name__ == "__main__":
    main()
