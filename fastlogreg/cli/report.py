"""Tidy tables for people, on standard output: plain text in a pipe, 80 columns wide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from fastlogreg.cli.quality import Quality
from fastlogreg.cli.training import Training
from fastlogreg.estimators.logistic_regression import LogisticRegression

__all__ = [
    "QUALITY_HEADER",
    "Report",
    "class_shares",
    "model_facts",
    "print_json",
    "print_training",
    "quality_rows",
    "warn",
]

_MOST_SHARES = 8
_MOST_NAMES = 40
QUALITY_HEADER = ("", "rows", "log-loss", "ROC AUC", "accuracy")


def print_json(content: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(content, indent=2, allow_nan=False))


def warn(messages: Iterable[str]) -> None:
    """Print warnings to standard error, a line each."""
    for message in messages:
        click.echo(f"fastlogreg: warning: {' '.join(message.split())}", err=True)


class Report:
    """Blocks of a report, printed as they come, a blank line between them."""

    def __init__(self) -> None:
        self._console = Console(markup=False, highlight=False, emoji=False)
        self._is_first = True

    def facts(self, facts: Iterable[tuple[str, str]], title: str = "") -> None:
        """Print names and what they are."""
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for fact in facts:
            grid.add_row(*fact)
        self._start(title)
        self._print(grid)

    def table(self, header: Iterable[str], rows: Iterable[Iterable[str]], title: str = "") -> None:
        """Print a table, its first column to the left, the others to the right."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for j, name in enumerate(header):
            table.add_column(name, justify="right" if j else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._start(title)
        self._print(table)

    def lines(self, lines: Sequence[tuple[str, str]], title: str = "") -> None:
        """Print names and texts that must stay in one piece, such as paths, however wide."""
        self._start(title)
        width = max(len(name) for name, _ in lines)
        for name, text in lines:
            self._console.print(f"{name:<{width}}", style="bold", end="  ")
            self._console.print(text, soft_wrap=True)

    def _start(self, title: str) -> None:
        if not self._is_first:
            self._console.print()
        self._is_first = False
        if title:
            self._console.print(title, style="bold")

    def _print(self, block: RenderableType) -> None:
        if self._console.is_terminal:
            self._console.print(block)
            return
        with self._console.capture() as capture:
            self._console.print(block)
        for line in capture.get().splitlines():
            click.echo(line.rstrip())


def quality_rows(parts: Mapping[str, Quality | None]) -> list[tuple[str, ...]]:
    """Return the rows of a table under `QUALITY_HEADER`, for each part of the data there is."""
    return [
        (
            name,
            f"{quality.rows:,}",
            f"{quality.log_loss:.5f}",
            "one class" if quality.roc_auc is None else f"{quality.roc_auc:.5f}",
            f"{quality.accuracy:.2%}",
        )
        for name, quality in parts.items()
        if quality is not None
    ]


def model_facts(model: LogisticRegression) -> list[tuple[str, str]]:
    """Return what a fit decided and where it ended: the plan with reasons, then the result."""
    plan = [
        (field.name.removeprefix("n_"), str(getattr(model.plan_, field.name)))
        for field in fields(model.plan_)
    ]
    status = model.status_
    return [
        *plan,
        ("status", f"{status.name.lower().replace('_', ' ')}: {status.value}"),
        ("iterations", str(int(model.n_iter_[0]))),
        ("passes", f"{model.n_passes_:.4g} over the data"),
        ("objective", f"{model.objective_:.12g}"),
    ]


def class_shares(classes: np.ndarray, shares: np.ndarray) -> str:
    """Return the classes and their shares of the rows, the largest first where they are many."""
    order = np.arange(len(classes))
    if len(classes) > _MOST_SHARES:
        order = np.argsort(-shares, kind="stable")[:_MOST_SHARES]
    labels = classes.tolist()
    shown = ", ".join(f"{labels[k]} {shares[k]:.2%}" for k in order)
    if len(classes) == 2:
        return f"{shown} (the positive class)"
    return f"{shown}{', ...' * (len(classes) > _MOST_SHARES)} ({len(classes)} classes)"


def print_training(done: Training, source: str, output: Path | None) -> None:
    """Print how a training went, and where the model is; *output* is None where nowhere."""
    model, rows = done.model, done.train.rows
    if done.valid is not None:
        rows += done.valid.rows
    kernels = ", with loading or compiling the kernels" if model.backend_ == "numba" else ""
    report = Report()
    report.facts(
        [
            ("data", f"{source}: {rows:,} rows"),
            *_taken_for(done),
            ("target", f"{done.columns.target}: {class_shares(model.classes_, done.shares)}"),
            *model_facts(model),
            ("time", f"{done.seconds:.3f} s{kernels}"),
        ]
    )
    report.table(QUALITY_HEADER, quality_rows({"training": done.train, "held out": done.valid}))
    report.lines([("model file", str(output) if output else "not written, no convergence")])


def _taken_for(done: Training) -> list[tuple[str, str]]:
    """Return what the columns were taken for, the categories with their numbers of levels."""
    features = done.features()
    numbers = [each["name"] for each in features if each["levels"] is None]
    levels = [f"{e['name']} ({e['levels']:,})" for e in features if e["levels"] is not None]
    facts = [("numbers", _listed(numbers)), ("categories", _listed(levels))]
    taken = [(name, text) for name, text in facts if text]
    return [*taken, ("coefficients", f"{done.model.coef_.size:,}")]


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - _MOST_NAMES:,} more" * (len(names) > _MOST_NAMES)
    return ", ".join(names[:_MOST_NAMES]) + more
