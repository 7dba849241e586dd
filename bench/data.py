"""Seeded tables to measure on: correlated, unevenly scaled, slightly shifted columns."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

__all__ = ["Problem", "head_of", "make_problem"]

_CHUNK_CELLS = 1_048_576  # the generator's temporaries stay at a few times 8 MiB
_FACTORS = 3
_LOADING = 0.6
_SHIFT = 0.3
_SIGNAL = 1.5  # standard deviation of the true log-odds
_INTERCEPT = -0.5
_HEAD_ROWS = 20_000  # enough for several blocks, so that parallel code is loaded too


class Problem(NamedTuple):
    """A table, its labels and the coefficients that the labels were drawn with.

    Parameters
    ----------
    X : ndarray of float32 or float64, shape (n_rows, n_columns)
    y : ndarray of int64, shape (n_rows,)
        0 or 1.
    coef : ndarray of float64, shape (n_columns + 1, 1)
        The intercept in the last row.
    """

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray


def make_problem(
    n_rows: int,
    n_columns: int,
    *,
    seed: int = 0,
    dtype: str | type = np.float64,
    order: Literal["C", "F"] = "C",
    decades: float = 1.0,
) -> Problem:
    """Return a table whose labels follow a logistic model.

    The same seed and shape give the same numbers in either order, and in float32 the
    same numbers rounded.  Chunks of rows are drawn one at a time, so that hardly more
    memory is used than the table's own.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of X.
    seed : int
        Seed.
    dtype : float32 or float64
        Type of X.
    order : "C" or "F"
        Layout of X.
    decades : float
        The columns' standard deviations lie within that many powers of ten around 1;
        0 gives standardised columns without a shift.
    """
    rng = np.random.default_rng(seed)
    loadings = rng.normal(0.0, _LOADING, (_FACTORS, n_columns))
    spread = np.sqrt(1.0 + (loadings**2).sum(axis=0))
    scale = 10.0 ** rng.uniform(-decades, decades, n_columns)
    shift = _SHIFT * scale * rng.standard_normal(n_columns) * (decades > 0.0)
    signal = rng.standard_normal(n_columns) / spread
    signal *= _SIGNAL / np.sqrt(signal @ signal + ((loadings @ signal) ** 2).sum())

    X = np.empty((n_rows, n_columns), dtype=dtype, order=order)
    y = np.empty(n_rows, dtype=np.int64)
    step = max(_CHUNK_CELLS // n_columns, 1)
    for number, start in enumerate(range(0, n_rows, step)):
        rows = slice(start, min(start + step, n_rows))
        count = rows.stop - start
        draw = np.random.default_rng([seed, number])
        chunk = draw.standard_normal((count, n_columns))
        chunk += draw.standard_normal((count, _FACTORS)) @ loadings
        log_odds = chunk @ signal + _INTERCEPT
        y[rows] = draw.random(count) * (1.0 + np.exp(-log_odds)) < 1.0
        chunk *= scale / spread
        chunk += shift
        X[rows] = chunk
    weights = signal * spread / scale
    return Problem(X, y, np.append(weights, _INTERCEPT - shift @ weights)[:, None])


def head_of(problem: Problem) -> Problem:
    """Return a copy of the first rows, in the same order: a small fit that warms up all code."""
    X, y, coef = problem
    return Problem(X[:_HEAD_ROWS].copy(order="K"), y[:_HEAD_ROWS].copy(), coef)
