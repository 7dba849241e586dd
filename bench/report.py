"""What every command here prints and writes: Markdown to read, JSON to keep."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import describe_machine

__all__ = ["Report", "add_output_options", "duration", "markdown_table", "progress"]


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1.0:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds * 1e6)} us"


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100.0 else f"{number:.3g}"


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, padded so that it reads well in a terminal too."""
    cells = [list(headers), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[j]) for row in cells) for j in range(len(headers))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def progress(text: str) -> None:
    """Say on stderr what is being measured."""
    print(text, file=sys.stderr, flush=True)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command here takes."""
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the report there")


@dataclass
class Report:
    """A titled sequence of texts and tables, with the figures behind them.

    Parameters
    ----------
    title : str
        First heading.
    figures : dict
        What goes into the JSON, beside the machine.
    """

    title: str
    figures: dict[str, Any] = field(default_factory=dict)
    _machine: dict[str, Any] = field(default_factory=describe_machine, init=False)
    _parts: list[str] = field(default_factory=list, init=False)

    def heading(self, text: str) -> None:
        """Add a second-level heading."""
        self._parts.append(f"## {text}")

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table."""
        self._parts.append(markdown_table(headers, rows))

    def markdown(self) -> str:
        """Return the report."""
        machine = ", ".join(f"{key} {value}" for key, value in self._machine.items())
        return "\n\n".join([f"# {self.title}", f"Machine: {machine}.", *self._parts]) + "\n"

    def publish(self, options: argparse.Namespace) -> None:
        """Print the report, and write what the options ask for."""
        if options.quick:
            self.text(
                "Run with --quick, which shows that the command works: its tables are too small "
                "for the figures to mean anything."
            )
        print(self.markdown())
        self.write(options)

    def write(self, options: argparse.Namespace) -> None:
        """Write what there is so far into the files that the options name."""
        if options.markdown is not None:
            options.markdown.write_text(self.markdown(), encoding="utf-8")
        if options.json is not None:
            content = {
                "title": self.title,
                "machine": self._machine,
                "quick": options.quick,
                **self.figures,
            }
            options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
