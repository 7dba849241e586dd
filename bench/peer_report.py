"""What ``bench.peers`` prints of its figures."""

from __future__ import annotations

from typing import Any

from bench.fit_process import OURS
from bench.judge import show_gap
from bench.report import Report, duration
from bench.search import GAP

__all__ = ["add_summary", "add_workload", "best_peer", "summary_table"]

_WIDTH = 60
_HEADERS = [
    "fit",
    "tol",
    "threads",
    "time",
    "int8 labels",
    "read-times",
    "passes",
    "gap",
    "gradient",
    "to ours",
    "",
]


def add_workload(report: Report, figures: dict[str, Any]) -> None:
    """Add a workload's fits to a report."""
    read = figures["read"]
    report.heading(figures["name"])
    report.text(
        f"{figures['rows']:,} x {figures['columns']:,}, {figures['kind']}; ours to a gradient of "
        f"{figures['tol']:.0e}. Plain read: {1e3 * read['seconds']:.3f} ms, "
        f"{read['gb_s']:.1f} GB/s ({read['way']})."
    )
    report.table(_HEADERS, [_row(fit) for fit in figures["fits"]])
    report.text(
        f"Gap: relative, to the least objective found, {figures['objective']:.15g}; a time "
        f"counts up to a gap of {GAP:.0e}. Tolerances are the loosest that reach it."
    )
    for choice in figures["choices"]:
        if not choice["reached"]:
            report.text(_unreached(choice, figures["objective"]))
    for name in figures["missing"]:
        report.text(f"Not installed, so not compared: {name}.")


def add_summary(report: Report) -> None:
    """Add the best peer of each workload."""
    report.heading("The best peer of each workload")
    report.table(*summary_table(report.figures["workloads"]))


def summary_table(workloads: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return headers and a row per workload: ours, the best peer, and the ratio."""
    headers = [
        "workload",
        "objective",
        "fastlogreg: time",
        "read-times",
        "passes",
        "best peer",
        "time",
        "read-times",
        "ratio",
    ]
    return headers, [_summary_row(figures) for figures in workloads]


def best_peer(figures: dict[str, Any]) -> dict[str, Any] | None:
    """Return the fastest fit of a peer that reached the objective."""
    peers = [fit for fit in figures["fits"] if fit["reached"] and not fit["name"].startswith(OURS)]
    return min(peers, key=lambda fit: fit["median"], default=None)


def _summary_row(figures: dict[str, Any]) -> list[str]:
    ours, peer = figures["fits"][0], best_peer(figures)
    own = ["-", "-", "-"]
    if ours["reached"]:
        own = [duration(ours["median"]), f"{ours['read_times']:.0f}", f"{ours['passes']:.1f}"]
    other = [_none_reached(figures.get("choices", [])), "-", "-", "-"]
    if peer is not None:
        ratio = "-" if peer["to_ours"] is None else f"{peer['to_ours']:.1f}"
        other = [peer["name"], duration(peer["median"]), f"{peer['read_times']:.0f}", ratio]
    return [figures["name"], figures["kind"], *own, *other]


def _none_reached(choices: list[dict[str, Any]]) -> str:
    """Return who was tried, and how each search ended."""
    tried = "; ".join(f"{choice['name']}, {choice['ended']}" for choice in choices)
    return f"none ({tried})" if tried else "none"


def _row(fit: dict[str, Any]) -> list[str]:
    name = (
        fit["name"]
        if fit["solver"] in (None, fit["name"].removeprefix(OURS))
        else (f"{fit['name']} ({fit['solver']})")
    )
    time = duration(fit["median"])
    said = _short(fit["says"])
    if fit["objective"] is not None and not fit["reached"]:
        said = f"{said}; another objective: no comparison"
    return [
        name,
        f"{fit['tol']:.0e}",
        str(fit["threads"]),
        _time_cell(time, fit),
        _or_dash(fit["int8_median"], duration),
        f"{fit['read_times']:.1f}" if fit["reached"] else "-",
        _or_dash(fit["passes"], "{:.1f}".format),
        _or_dash(fit["gap"], show_gap),
        _or_dash(fit["gradient_norm"], "{:.1e}".format),
        _or_dash(fit["to_ours"], "{:.1f}".format),
        "" if said == "converged" else said,
    ]


def _time_cell(time: str, fit: dict[str, Any]) -> str:
    """Return a time, in brackets where it is one to another objective, none for a failure."""
    if fit["objective"] is None:
        return "-"
    return time if fit["reached"] else f"({time})"


def _short(text: str) -> str:
    """Return a message cut to the width of a column."""
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _unreached(choice: dict[str, Any], least: float) -> str:
    """Return a sentence on a peer that did not reach the objective."""
    seen = choice["seen"]
    text = f"Did not reach the objective: {choice['name']} ({choice['ended']})"
    if seen["objective"] is None:
        return f"{text}."
    gap = (seen["objective"] - least) / abs(least)
    return (
        f"{text}; with tol {choice['tol']:.0e} it got {seen['objective']:.12g}, a gap of "
        f"{show_gap(gap)}, in {duration(seen['seconds'])}."
    )


def _or_dash(value: Any, form: Any) -> str:
    return "-" if value is None else str(form(value))
