"""The table of ``fastlogreg bench``: drawn to a shape, or read from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack

from fastlogreg.cli.tables import column_names, read_table
from fastlogreg.cli.training import Roles, Task

__all__ = ["ContestTable", "drawn_table", "read_contest_table"]

_CHUNK_CELLS = 1_048_576  # the generator's temporaries stay at a few times 8 MiB
_SIGNAL = 1.5  # standard deviation of the true log-odds


@dataclass(frozen=True)
class ContestTable:
    """What is fitted to.

    Parameters
    ----------
    name : str
        What the report calls it.
    X : ndarray, csr_matrix or DataFrame
        As this package takes it.
    encoded : ndarray or csr_matrix
        As peers take it: the same, but categories as columns of zeros and ones, made
        off the clock.
    codes : ndarray of int64, shape (n_rows,)
        The class of each row, from 0.
    n_classes : int
    """

    name: str
    X: Any
    encoded: Any
    codes: np.ndarray
    n_classes: int

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.codes)

    @property
    def is_sparse(self) -> bool:
        """Whether peers get a sparse matrix."""
        return not isinstance(self.encoded, np.ndarray)

    @property
    def numbers(self) -> np.ndarray:
        """The numbers that the peers' X holds, flat, as they lie in memory."""
        stored = self.encoded.data if self.is_sparse else self.encoded
        return np.asarray(stored).ravel(order="K")


def drawn_table(
    n_rows: int,
    n_columns: int,
    *,
    dtype: str,
    order: str,
    density: float | None,
    levels: tuple[int, ...],
    seed: int,
) -> ContestTable:
    """Return a seeded table whose labels follow a logistic model.

    Numeric columns share a factor, so that they are correlated, and their scales differ
    by up to ten times.

    Parameters
    ----------
    n_rows, n_columns : int
        Rows and numeric columns.
    dtype : "float64" or "float32"
        Type of the numbers.
    order : "C" or "F"
        Layout of a dense table.
    density : float or None
        Share of the values that a sparse table stores; None for a dense one.
    levels : tuple of int
        A categorical column for each, of so many levels.
    seed : int
    """
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal(n_columns)
    if density is not None:
        return _sparse(rng, n_rows, n_columns, density, dtype, signal)
    X = np.empty((n_rows, n_columns), dtype=dtype, order="F" if order == "F" else "C")
    scale = 10.0 ** rng.permutation(np.linspace(-0.5, 0.5, n_columns))
    odds = np.empty(n_rows)
    step = max(_CHUNK_CELLS // max(n_columns, 1), 1)
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        part = rng.standard_normal((len(odds[rows]), n_columns))
        part += 0.7 * rng.standard_normal((len(part), 1))
        odds[rows] = part @ signal
        X[rows] = part * scale
    name = f"{n_rows:,} x {n_columns:,} {dtype}, {order} order"
    if not levels:
        return ContestTable(name, X, X, _labels(rng, odds), 2)
    frame = pd.DataFrame({f"x{j}": X[:, j] for j in range(n_columns)})
    for number, count in enumerate(levels):
        codes = rng.integers(0, count, n_rows)
        odds += rng.standard_normal(count)[codes]
        names = [f"level{k}" for k in range(count)]
        frame[f"c{number}"] = pd.Categorical.from_codes(codes, names)
    name = f"{n_rows:,} x {n_columns:,} {dtype} and categories of {', '.join(map(str, levels))}"
    return ContestTable(name, frame, _one_hot(frame), _labels(rng, odds), 2)


def read_contest_table(path: Path, target: str, drop: tuple[str, ...]) -> ContestTable:
    """Return the table in a file, its columns taken for what ``train`` takes them for.

    Raises
    ------
    UsageError
        A column that is not there, or in two roles.
    InvalidDataError
        A table or a column that cannot be used.
    """
    names = column_names(path)
    roles = Roles(target, drop=drop)
    roles.check(names)
    task = Task.of(read_table(path, wanted=set(names).difference(drop)), roles)
    features, labels, _ = task.part(np.ones(task.table.num_rows, dtype=bool))
    X = features.to_pandas()
    classes, codes = np.unique(labels, return_inverse=True)
    name = f"{path.name}: {len(codes):,} x {X.shape[1]:,}"
    if any(isinstance(kind, pd.CategoricalDtype) for kind in X.dtypes):
        return ContestTable(name, X, _one_hot(X), codes, len(classes))
    # Ours and theirs alike: the encoded numbers, in the order that peers work in.
    numbers = np.ascontiguousarray(X.to_numpy(dtype=np.float64))
    return ContestTable(name, numbers, numbers, codes, len(classes))


def _sparse(
    rng: np.random.Generator,
    n_rows: int,
    n_columns: int,
    density: float,
    dtype: str,
    signal: np.ndarray,
) -> ContestTable:
    """Return a CSR table: each row has a column from each of as many equal bands."""
    stored = min(max(round(density * n_columns), 1), n_columns)
    edges = np.linspace(0, n_columns, stored + 1).astype(np.int64)
    indices = rng.integers(edges[:-1], edges[1:], (n_rows, stored)).astype(np.int32)
    data = rng.standard_normal(indices.shape).astype(dtype)
    odds = (data * signal[indices]).sum(axis=1)
    starts = np.arange(0, indices.size + 1, stored)
    X = csr_matrix((data.ravel(), indices.ravel(), starts), shape=(n_rows, n_columns))
    name = f"{n_rows:,} x {n_columns:,} {dtype}, sparse, {stored:,} values a row"
    return ContestTable(name, X, X, _labels(rng, odds), 2)


def _labels(rng: np.random.Generator, odds: np.ndarray) -> np.ndarray:
    odds = odds * (_SIGNAL / (odds.std() or 1.0))
    return (rng.random(len(odds)) * (1.0 + np.exp(-odds)) < 1.0).astype(np.int64)


def _one_hot(frame: pd.DataFrame) -> csr_matrix:
    """Return the columns of a frame, a category as a column of zeros and ones a level."""
    parts = []
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            # In the order of our coefficients, which know only levels that occur.
            column = column.cat.remove_unused_categories()
            column = column.cat.reorder_categories(sorted(column.cat.categories))
            codes = column.cat.codes.to_numpy()
            shape = (len(codes), len(column.cat.categories))
            ones = np.ones(len(codes))
            parts.append(csr_matrix((ones, codes, np.arange(len(codes) + 1)), shape=shape))
        else:
            parts.append(csr_matrix(column.to_numpy(dtype=np.float64)[:, None]))
    return csr_matrix(hstack(parts, format="csr"))
