"""Fits of DataFrames with categories, beside the peers: ``python -m bench.frames``.

Every fit runs in a process of its own, from the frame to the coefficients, so that its
peak memory is its own too.  Each peer is run from loose to tight over a grid of tolerances,
and the first with which it comes within 1e-8 of the least objective, relatively, is its
setting; then all run alternately.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from bench.children import in_new_process
from bench.frame_fits import FRAME_FITS, OURS, missing_fits
from bench.frame_tables import FRAMES
from bench.judge import show_gap
from bench.report import Report, add_output_options, duration, progress

__all__ = ["main"]

_TOL = 1e-6  # ours
_TIGHT = 1e-9  # ours too, to know the least objective
_GRID = tuple(10.0**-k for k in range(3, 11))
_GAP = 1e-8
_HEADERS = ["fit", "tol", "time", "to ours", "memory", "to ours", "passes", "gap", "gradient", ""]


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    report = Report("DataFrames with categories", {"tables": []})
    for name in options.table or list(FRAMES):
        figures = _compare(name, options)
        report.figures["tables"].append(figures)
        _add_table(report, figures)
        report.write(options)  # a long run that is ended keeps what it had
    report.publish(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.frames", description=__doc__)
    parser.add_argument(
        "--table", action="append", choices=list(FRAMES), help="this one alone, once or more"
    )
    parser.add_argument(
        "--fit", action="append", choices=list(FRAME_FITS), help="these alone, besides ours"
    )
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each fit (3)")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds of a process (120)")
    parser.add_argument("--no-peers", action="store_true", help="fastlogreg alone")
    add_output_options(parser)
    return parser


def _compare(table: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a table."""
    least = _run(table, OURS, _TIGHT, options)["objective"]
    settings = {OURS: _TOL}
    unreached = []
    for name in _peers(options):
        tol, said = _loosest(table, name, least, options)
        if tol is None:
            unreached.append(f"{name}: {said}")
        else:
            settings[name] = tol
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in settings}
    for _ in range(options.rounds):
        for name, tol in settings.items():
            found[name].append(_run(table, name, tol, options))
    ours = found[OURS]
    return {
        "name": table,
        "rows": ours[0]["rows"],
        "columns": ours[0]["columns"],
        "table_bytes": ours[0]["table_bytes"],
        "read": statistics.median(run["read"] for run in ours),
        "least": least,
        "fits": [_figures(name, settings[name], runs, ours) for name, runs in found.items()],
        "unreached": unreached,
        "missing": [] if options.no_peers else missing_fits(),
    }


def _peers(options: argparse.Namespace) -> list[str]:
    if options.no_peers:
        return []
    wanted = options.fit or [name for name in FRAME_FITS if name != OURS]
    return [name for name in wanted if name not in missing_fits()]


def _run(table: str, fit: str, tol: float, options: argparse.Namespace) -> dict[str, Any]:
    found = in_new_process(
        "frame_fit", limit=options.limit, table=table, fit=fit, tol=tol, quick=options.quick
    )
    if "seconds" in found:
        progress(
            f"{table}, {fit}, tol {tol:.0e}: {duration(found['seconds'])}, "
            f"objective {found['objective']:.15g}"
        )
    else:
        progress(f"{table}, {fit}, tol {tol:.0e}: {found['says']}")
    return found


def _loosest(
    table: str, fit: str, least: float, options: argparse.Namespace
) -> tuple[float | None, str]:
    """Return the tolerance with which a peer reaches the objective; None, and why, if none."""
    best = "nothing reached"
    for tol in _GRID:
        found = _run(table, fit, tol, options)
        if "seconds" not in found:
            return None, f"{found['says']} at tol {tol:.0e}; before that {best}"
        gap = (found["objective"] - least) / least
        if gap <= _GAP:
            return tol, ""
        best = f"a gap of {show_gap(gap)} in {duration(found['seconds'])}"
    return None, f"{best} at tol {_GRID[-1]:.0e}"


def _figures(
    name: str, tol: float, runs: list[dict[str, Any]], ours: list[dict[str, Any]]
) -> dict[str, Any]:
    median = statistics.median(run["seconds"] for run in runs)
    memory = statistics.median(run["bytes"] for run in runs)
    return {
        **runs[-1],
        "name": name,
        "tol": tol,
        "seconds": [run["seconds"] for run in runs],
        "median": median,
        "to_ours": median / statistics.median(run["seconds"] for run in ours),
        "bytes": memory,
        "bytes_to_ours": memory / statistics.median(run["bytes"] for run in ours),
    }


def _add_table(report: Report, figures: dict[str, Any]) -> None:
    read = figures["read"]
    report.heading(figures["name"])
    report.text(
        f"{figures['rows']:,} rows, {figures['columns']:,} columns one-hot, "
        f"{figures['table_bytes'] / 1e6:.1f} MB as codes and numbers; a plain read of so many "
        f"bytes takes {1e3 * read:.3f} ms. Ours to a gradient of {_TOL:.0e}, "
        f"{figures['fits'][0]['median'] / read:.0f} read-times."
    )
    report.table(_HEADERS, [_row(fit, figures["least"]) for fit in figures["fits"]])
    for line in figures["unreached"]:
        report.text(f"Did not reach the objective: {line}.")
    for name in figures["missing"]:
        report.text(f"Not installed, so not compared: {name}.")


def _row(fit: dict[str, Any], least: float) -> list[str]:
    solver = f" ({fit['solver']})" if fit["solver"] else ""
    return [
        f"{fit['name']}{solver}",
        f"{fit['tol']:.0e}",
        duration(fit["median"]),
        f"{fit['to_ours']:.1f}",
        f"{fit['bytes'] / 1e6:.1f} MB",
        f"{fit['bytes_to_ours']:.1f}",
        "-" if fit["passes"] is None else f"{fit['passes']:.1f}",
        show_gap((fit["objective"] - least) / least),
        f"{fit['gradient_norm']:.1e}",
        "" if fit["says"] == "converged" else fit["says"],
    ]


if __name__ == "__main__":
    main()
