"""A table becomes a model: split, encode, fit, judge."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass, fields
from typing import Any

import click
import numpy as np
import pyarrow as pa

from fastlogreg.cli.columns import Columns
from fastlogreg.cli.progress import Progress
from fastlogreg.cli.quality import Quality, judge
from fastlogreg.cli.tables import (
    check_classes,
    check_option_column,
    read_labels,
    read_weights,
)
from fastlogreg.errors import InvalidDataError
from fastlogreg.estimators.logistic_regression import LogisticRegression

__all__ = ["Roles", "Task", "Training", "fit", "split", "train_on"]


@dataclass(frozen=True)
class Roles:
    """Which columns the options name, and for what.

    Parameters
    ----------
    target : str
        The column to learn.
    weight : str or None
        The column with the weights of the rows.
    drop, categorical, numeric : tuple of str
        Columns to leave out, and to take for categories or for numbers.
    """

    target: str
    weight: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()

    def check(self, names: list[str]) -> None:
        """Raise a usage error if a column is not among the names, there twice, or in two roles."""
        options = {
            "--target": (self.target,),
            "--weight": () if self.weight is None else (self.weight,),
            "--drop": self.drop,
            "--categorical": self.categorical,
            "--numeric": self.numeric,
        }
        taken: dict[str, str] = {}
        for option, columns in options.items():
            for name in columns:
                if option != "--drop" or name not in names:  # all of that name are left out
                    check_option_column(names, name, option)
                if taken.setdefault(name, option) != option:
                    raise click.UsageError(
                        f"{option} {name!r}: the column is the one of {taken[name]} already."
                    )


@dataclass(frozen=True)
class Task:
    """What to learn from, checked.

    Parameters
    ----------
    table : Table
        The table.
    labels : ndarray of shape (n_rows,)
        The target, two or more classes.
    weights : ndarray of float64, shape (n_rows,), or None
        Weights of the rows.
    columns : Columns
        What the other columns are taken for.
    may_miss : bool
        Whether categories may have missing values.
    """

    table: pa.Table
    labels: np.ndarray
    weights: np.ndarray | None
    columns: Columns
    may_miss: bool = False

    @classmethod
    def of(cls, table: pa.Table, roles: Roles, *, may_miss: bool = False) -> Task:
        """Return the task of learning the target from the columns without another role.

        Raises
        ------
        InvalidDataError
            A column that cannot be used.
        """
        target, weight = roles.target, roles.weight
        check_classes(table, target)
        labels = read_labels(table, target)
        weights = None if weight is None else read_weights(table, weight)
        columns = Columns.learn(
            table,
            target,
            [*roles.drop, *([] if weight is None else [weight])],
            categorical=roles.categorical,
            numeric=roles.numeric,
            may_miss=may_miss,
        )
        return cls(table, labels, weights, columns, may_miss)

    def part(self, rows: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Return X, y and the weights of some rows, given as bool ``(n_rows,)``."""
        chosen = self.table if rows.all() else self.table.filter(pa.array(rows))
        weights = None if self.weights is None else self.weights[rows]
        frame = self.columns.frame(chosen, may_miss=self.may_miss)
        return frame, self.labels[rows], weights


@dataclass(frozen=True)
class Training:
    """A fitted model and how it went.

    Parameters
    ----------
    model : LogisticRegression
        Fitted to the rows that were not held out.
    columns : Columns
        What the table's columns were taken for.
    seconds : float
        The whole of `fit`, loading or compiling of kernels included.
    warnings : list of str
        What the fit warned of.
    shares : ndarray of shape (n_classes,)
        Share of the rows in each class, held-out ones included.
    train, valid : Quality
        On the training and on the held-out rows; *valid* is None without those.
    """

    model: LogisticRegression
    columns: Columns
    seconds: float
    warnings: list[str]
    shares: np.ndarray
    train: Quality
    valid: Quality | None

    def features(self) -> list[dict[str, Any]]:
        """Return name and number of levels of the columns learned from, None for a number."""
        n_levels = dict(zip(self.columns.categories, map(len, self.model.categories_), strict=True))
        return [{"name": name, "levels": n_levels.get(name)} for name in self.columns.names]

    def to_json(self) -> dict[str, Any]:
        """Return what ``train --json`` prints, but for the path."""
        model = self.model
        plan = {
            field.name: asdict(getattr(model.plan_, field.name)) for field in fields(model.plan_)
        }
        return {
            "rows": self.train.rows + (self.valid.rows if self.valid else 0),
            "columns": self.features(),
            "coefficients": int(model.coef_.size),
            "target": self.columns.target,
            "classes": model.classes_.tolist(),
            "class_shares": self.shares.tolist(),
            "plan": plan,
            "status": model.status_.name,
            "converged": model.status_.is_optimum,
            "iterations": int(model.n_iter_[0]),
            "passes": model.n_passes_,
            "fit_seconds": self.seconds,
            "objective": model.objective_,
            "warnings": self.warnings,
            "train": asdict(self.train),
            "valid": asdict(self.valid) if self.valid else None,
        }


def train_on(
    task: Task, model: LogisticRegression, held_out: np.ndarray | None, progress: Progress
) -> Training:
    """Fit *model* in place to the rows not held out, and judge it on both parts.

    Parameters
    ----------
    task : Task
        What to learn from.
    model : LogisticRegression
        The estimator.
    held_out : ndarray of bool, shape (n_rows,), or None
        The rows to judge the model on; None for none.
    progress : Progress
        Where to tell.
    """
    n = task.table.num_rows
    with progress.step("choosing rows"):
        X, y, weights = task.part(np.ones(n, dtype=bool) if held_out is None else ~held_out)
    with progress.step(f"fitting {X.shape[0]:,} x {X.shape[1]:,}"):
        seconds, warned = fit(model, X, y, weights, progress)
    codes = np.searchsorted(model.classes_, task.labels)
    with progress.step("judging"):
        train = judge(model, X, codes if held_out is None else codes[~held_out], weights)
        valid = None
        if held_out is not None:
            X, _, weights = task.part(held_out)
            valid = _judge_held_out(model, X, codes[held_out], weights)
    shares = np.bincount(codes, minlength=len(model.classes_)) / n
    return Training(model, task.columns, seconds, warned, shares, train, valid)


def _judge_held_out(
    model: LogisticRegression, X: Any, codes: np.ndarray, weights: np.ndarray | None
) -> Quality:
    """Judge a model on rows that it did not see, some of which may have new categories."""
    unknown = model.handle_unknown
    if unknown == "error":  # meant for other tables than the one of training
        model.set_params(handle_unknown="ignore")
    try:
        return judge(model, X, codes, weights)
    finally:
        model.set_params(handle_unknown=unknown)


def fit(
    model: Any, X: Any, y: np.ndarray, weights: np.ndarray | None, progress: Progress | None
) -> tuple[float, list[str]]:
    """Fit *model*; return the seconds it took and what it warned of.

    An iteration is told to *progress* while the fit runs, where the model has a callback.
    """
    if progress is not None:
        model.set_params(callback=progress.observe)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.perf_counter()
        model.fit(X, y, weights)
        seconds = time.perf_counter() - began
    if progress is not None:
        model.set_params(callback=None)
    return seconds, [str(warning.message) for warning in caught]


def split(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Return which rows to hold out, bool: about *fraction* of each class, at least one.

    Raises
    ------
    InvalidDataError
        A class of one row, which cannot be on both sides.
    """
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), dtype=bool)
    _, codes = np.unique(labels, return_inverse=True)
    by_class = np.argsort(codes, kind="stable")
    for rows in np.split(by_class, np.cumsum(np.bincount(codes))[:-1]):
        if len(rows) < 2:
            raise InvalidDataError(
                f"--valid needs at least 2 rows of each class, and one has {len(rows)}. "
                "Leave --valid away, or add rows."
            )
        count = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
        held_out[rng.permutation(rows)[:count]] = True
    return held_out
