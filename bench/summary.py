"""Put the figures of ``bench.table``, ``bench.peers`` or ``bench.frames`` into the README.

::

    python -m bench.table --json figures.json
    python -m bench.summary figures.json README.md

The table of fits goes between the two marks of that command in the file, so that no figure
there is typed by hand.  Several files of a command, a workload or a table each, make one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.judge import show_gap
from bench.peer_report import summary_table
from bench.report import duration, markdown_table

__all__ = ["main", "replace_marked", "summarise", "summarise_frames", "summarise_peers"]

_PARTS = {"workloads", "tables"}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.summary", description=__doc__)
    parser.add_argument("figures", type=Path, nargs="+", help="the JSON that the command wrote")
    parser.add_argument("document", type=Path, help="the file with the marks")
    options = parser.parse_args()
    figures, *others = (json.loads(path.read_text(encoding="utf-8")) for path in options.figures)
    for other in others:
        for key in _PARTS & figures.keys():
            figures[key] += other[key]
    if "workloads" in figures:
        command, content = "bench.peers", summarise_peers(figures)
    elif "table_bytes" in figures["tables"][0]:
        command, content = "bench.frames", summarise_frames(figures)
    else:
        command, content = "bench.table", summarise(figures)
    text = options.document.read_text(encoding="utf-8")
    options.document.write_text(replace_marked(text, content, command), encoding="utf-8")


def summarise(figures: dict[str, Any]) -> str:
    """Return a row per fit, and for each table its time, read-times and gap."""
    tables = figures["tables"]
    headers = ["fit to float64"]
    for table in tables:
        shape = f"{table['rows']:,} x {table['columns']}"
        headers += [f"{shape}: time", "read-times", "gap"]
    rows = []
    for fits in zip(*(table["fits"] for table in tables), strict=True):
        row = [fits[0]["name"]]
        for fit in fits:
            gap = "-" if fit["gap"] is None else show_gap(fit["gap"])
            row += [duration(fit["median"]), f"{fit['read_times']:.0f}", gap]
        rows.append(row)
    speeds = " and ".join(f"{table['read']['gb_s']:.0f} GB/s" for table in tables)
    every = [fit for table in tables for fit in table["fits"]]
    caption = (
        "A *read-time* is the time of a plain read of the same X in the same run "
        f"({speeds}); the *gap* is the objective minus the best found, by one formula for all. "
        f"{_measured(figures['machine'], 'bench.table', every)}"
    )
    return f"{markdown_table(headers, rows)}\n\n{caption}"


def summarise_peers(figures: dict[str, Any]) -> str:
    """Return a row per workload: ours and the best peer at the same objective."""
    workloads = figures["workloads"]
    fits = [fit for workload in workloads for fit in workload["fits"]]
    caption = (
        'float64; ours by `solver="auto"`. The best peer is the fastest of those that ran on a '
        f"table (in all {', '.join(_peers(workloads))}; [bench/README.md](bench/README.md) has "
        "more), each at its loosest tolerance that reaches the "
        "same objective to 1e-8, relatively, and at its better number of threads"
        f"{_ended(workloads)}. "
        f"{_measured(figures['machine'], 'bench.peers', fits)}"
    )
    return f"{markdown_table(*summary_table(workloads))}\n\n{caption}"


def summarise_frames(figures: dict[str, Any]) -> str:
    """Return a row per fit of a DataFrame: ours, and each peer that came to the objective."""
    headers = ["table", "fit", "time", "to ours", "memory", "to ours", "gap"]
    rows = []
    for table in figures["tables"]:
        name = f"{table['name']}: {table['rows']:,} rows, {table['columns']:,} columns one-hot"
        for fit in table["fits"]:
            gap = show_gap((fit["objective"] - table["least"]) / table["least"])
            memory = [f"{fit['bytes'] / 1e6:.0f} MB", f"{fit['bytes_to_ours']:.1f}"]
            time = [duration(fit["median"]), f"{fit['to_ours']:.1f}"]
            rows.append([name, fit["name"], *time, *memory, gap])
            name = ""
        rows += [["", *line.split(": ", 1), "", "", "", ""] for line in table["unreached"]]
    fits = [fit for table in figures["tables"] for fit in table["fits"]]
    caption = (
        "From the DataFrame to the coefficients; memory is what the process took beyond what it "
        "held before. Peers at their loosest tolerance that reaches the same objective to 1e-8, "
        f"relatively. {_measured(figures['machine'], 'bench.frames', fits)}"
    )
    return f"{markdown_table(headers, rows)}\n\n{caption}"


def _peers(workloads: list[dict[str, Any]]) -> list[str]:
    """Return the names of the peers that ran or were tried."""
    names = {fit["name"] for workload in workloads for fit in workload["fits"]}
    names |= {choice["name"] for workload in workloads for choice in workload.get("choices", [])}
    return sorted(name for name in names if not name.startswith("fastlogreg"))


def _ended(workloads: list[dict[str, Any]]) -> str:
    """Return how many searches for a peer's setting were ended without it."""
    choices = [choice for workload in workloads for choice in workload.get("choices", [])]
    ended = sum(not choice["reached"] for choice in choices)
    if not ended:
        return ""
    return f"; {ended} of {len(choices)} searches for a setting were ended by their limit of time"


def _measured(machine: dict[str, Any], command: str, fits: list[dict[str, Any]]) -> str:
    """Return on what, by what and how often figures were measured."""
    packages = ("numba", "scikit-learn", "glum", "skglm", "scikit-learn-intelex", "snapml")
    versions = [f"{name} {machine[name]}" for name in packages if machine.get(name)]
    counts = [len(fit["seconds"]) for fit in fits]
    fewest, most = min(counts), max(counts)
    runs = f"{most}" if fewest == most else f"{fewest} to {most}"
    how_often = "one run of each fit" if most == 1 else f"medians of {runs} runs"
    return (
        f"{machine['cpu']}, {machine['threads']} threads, Python {machine['python']}, "
        f"NumPy {machine['numpy']}, {', '.join(versions)}; measured by "
        f"`python -m {command}`, {how_often}, put here by `python -m bench.summary`."
    )


def replace_marked(text: str, content: str, command: str) -> str:
    """Return *text* with *content* between the marks of a command."""
    begin, end = f"<!-- {command}: begin -->", f"<!-- {command}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the document needs the marks {begin} and {end}, once each.")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


if __name__ == "__main__":
    main()
