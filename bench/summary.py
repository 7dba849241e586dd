"""Put the figures of ``bench.table`` into the README.

::

    python -m bench.table --json figures.json
    python -m bench.summary figures.json README.md

The table of fits goes between the two ``bench.table`` marks of the file, so that no
figure there is typed by hand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.judge import show_gap
from bench.report import duration, markdown_table

__all__ = ["main", "replace_marked", "summarise"]

_BEGIN = "<!-- bench.table: begin -->"
_END = "<!-- bench.table: end -->"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.summary", description=__doc__)
    parser.add_argument("figures", type=Path, help="the JSON that bench.table wrote")
    parser.add_argument("document", type=Path, help="the file with the marks")
    options = parser.parse_args()
    figures = json.loads(options.figures.read_text(encoding="utf-8"))
    text = options.document.read_text(encoding="utf-8")
    options.document.write_text(replace_marked(text, summarise(figures)), encoding="utf-8")


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
    machine = figures["machine"]
    speeds = " and ".join(f"{table['read']['gb_s']:.0f} GB/s" for table in tables)
    caption = (
        "A *read-time* is the time of a plain read of the same X in the same run "
        f"({speeds}); the *gap* is the objective minus the best found, by one formula for all. "
        f"{machine['cpu']}, {machine['threads']} threads, Python {machine['python']}, "
        f"NumPy {machine['numpy']}, numba {machine['numba']}, "
        f"scikit-learn {machine['scikit-learn']}, glum {machine['glum']}; measured by "
        f"`python -m bench.table`, {_rounds(tables)}, put here by `python -m bench.summary`."
    )
    return f"{markdown_table(headers, rows)}\n\n{caption}"


def _rounds(tables: list[dict[str, Any]]) -> str:
    """Return how many timed runs a figure stands for."""
    least = min(len(fit["seconds"]) for table in tables for fit in table["fits"])
    return "one run of each fit" if least == 1 else f"medians of {least} runs"


def replace_marked(text: str, content: str) -> str:
    """Return *text* with *content* between the marks."""
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        raise ValueError(f"the document needs the marks {_BEGIN} and {_END}, once each.")
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    return f"{before}{_BEGIN}\n\n{content}\n\n{_END}{after}"


if __name__ == "__main__":
    main()
