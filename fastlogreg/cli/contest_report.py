"""What ``fastlogreg bench`` prints: every fit, where solvers stand, and on what machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

from fastlogreg.cli.contest import OURS, SAME_OBJECTIVE, Entry, plain_read, standings
from fastlogreg.cli.contest_tables import ContestTable
from fastlogreg.cli.report import Report
from fastlogreg.runtime.threads import available_threads

__all__ = ["contest_json", "print_contest"]

_PACKAGES = (
    "fastlogreg",
    "numpy",
    "scipy",
    "numba",
    "scikit-learn",
    "glum",
    "scikit-learn-intelex",
)
_LEAST_GAP = 1e-15  # what the judge can tell


def contest_json(
    table: ContestTable,
    entries: Sequence[Entry],
    best: float,
    left_out: Mapping[str, str],
    picture: str,
) -> dict[str, Any]:
    """Return all figures as plain values."""
    return {
        "table": table.name,
        "rows": table.n_rows,
        "encoded_columns": int(table.encoded.shape[1]),
        "classes": table.n_classes,
        "read_seconds": plain_read(table),
        "best_objective": best,
        "same_objective": SAME_OBJECTIVE,
        "fits": [{**asdict(entry), "gap": entry.gap(best)} for entry in entries],
        "standings": [
            {
                "solver": one.solver,
                "least_gap": one.least_gap,
                "seconds": None if one.entry is None else one.entry.seconds,
                "tol": None if one.entry is None else one.entry.tol,
                "ratio": one.ratio,
            }
            for one in standings(entries, best)
        ],
        "left_out": dict(left_out),
        "picture": picture,
        "machine": _machine(),
    }


def print_contest(
    table: ContestTable,
    entries: Sequence[Entry],
    best: float,
    left_out: Mapping[str, str],
    picture: str,
) -> None:
    """Print the report."""
    read = plain_read(table)
    report = Report()
    report.facts(
        [
            ("table", table.name),
            ("a plain read", f"{_duration(read)}, {table.numbers.nbytes / read / 1e9:.1f} GB/s"),
            ("best objective", f"{best:.12g}"),
            *((name, f"left out: {reason}") for name, reason in left_out.items()),
        ]
    )
    report.table(
        ("fit", "tol", "time", "reads", "passes", "steps", "gap"),
        [_row(entry, best, read) for entry in entries],
    )
    found = standings(entries, best)
    report.table(
        ("at the same objective", "tol", "time", f"of {OURS}"),
        [
            (one.solver, f"{one.entry.tol:.0e}", _duration(one.entry.seconds), _ratio(one.ratio))
            for one in found
            if one.entry is not None
        ],
    )
    refused = [(one.solver, one.least_gap) for one in found if one.entry is None]
    if refused:
        report.lines(
            [
                (solver, f"not compared: its objective is {gap:.1e} above the best one")
                for solver, gap in refused
            ]
        )
    machine = ", ".join(f"{name} {value}" for name, value in _machine().items())
    report.facts(
        [
            (
                "measured",
                "one after the other in one process, code loaded before, medians of up to 3 "
                "runs; reads are times in plain reads; gaps, relative, by one NumPy formula",
            ),
            ("machine", machine),
        ]
    )
    report.lines([("picture", picture)])


def _row(entry: Entry, best: float, read: float) -> tuple[str, ...]:
    gap = entry.gap(best)
    return (
        entry.solver,
        f"{entry.tol:.0e}",
        _duration(entry.seconds),
        f"{entry.seconds / read:.0f}",
        "-" if entry.passes is None else f"{entry.passes:.1f}",
        ("-" if entry.iterations is None else str(entry.iterations))
        + ("" if entry.converged else ", no end"),
        f"{gap:.1e}" if gap >= _LEAST_GAP else f"< {_LEAST_GAP:.0e}",
    )


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f} x"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1.0 else f"{1e3 * seconds:.3g} ms"


def _machine() -> dict[str, Any]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": available_threads()[0],
        "Python": platform.python_version(),
        **versions,
    }
