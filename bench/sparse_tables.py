"""Seeded sparse tables, as text gives them: words with Zipf's frequencies, weighted.

A row holds some words, drawn with chances that fall like a power of their rank; a value is
the logarithm of the word's rarity times a count, and rows have length 1, as a tf-idf
transformation makes them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

__all__ = ["SparseProblem", "make_sparse_problem"]

_EXPONENT = 1.0  # of Zipf's law
_SIGNAL = 2.0  # standard deviation of the true log-odds, of each class
_INTERCEPT = -0.5
_CHUNK = 20_000


class SparseProblem(NamedTuple):
    """A sparse table, its labels and the coefficients that they were drawn with.

    Parameters
    ----------
    X : csr_array of float64, shape (n_rows, n_columns)
        Canonical, int32 indices.
    y : ndarray of int64, shape (n_rows,)
        0 or 1; with more classes 0 to n_classes - 1.
    coef : ndarray of float64, shape (n_columns + 1, n_outputs)
        The intercept in the last row; one output for two classes, else one a class.
    """

    X: csr_array
    y: np.ndarray
    coef: np.ndarray


def make_sparse_problem(
    n_rows: int, n_columns: int, per_row: int, *, n_classes: int = 2, seed: int = 0
) -> SparseProblem:
    """Return a table of about *per_row* values a row, whose labels follow a logistic model.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of X.
    per_row : int
        Values of a row on average.
    n_classes : int
        Classes of the labels.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    rank = rng.permutation(n_columns) + 1.0
    chance = rank**-_EXPONENT
    ends = np.cumsum(chance / chance.sum())
    rarity = np.log(1.0 / np.minimum(chance / chance.sum() * per_row, 1.0)) + 1.0
    parts = [
        _draw_rows(rng, min(_CHUNK, n_rows - start), n_columns, per_row, ends)
        for start in range(0, n_rows, _CHUNK)
    ]
    indptr = np.zeros(n_rows + 1, dtype=np.int32)
    np.cumsum(np.concatenate([counts for _, _, counts in parts]), out=indptr[1:])
    indices = np.concatenate([columns for columns, _, _ in parts])
    values = np.concatenate([times for _, times, _ in parts]) * rarity[indices]
    lengths = np.sqrt(np.add.reduceat(values**2, indptr[:-1]))
    values /= np.repeat(lengths, np.diff(indptr))
    X = csr_array((values, indices, indptr), shape=(n_rows, n_columns))
    n_outputs = 1 if n_classes == 2 else n_classes
    signal = rng.standard_normal((n_columns, n_outputs))
    odds = X @ signal
    scale = _SIGNAL / odds.std(axis=0)
    intercepts = np.full(n_outputs, _INTERCEPT) if n_outputs == 1 else np.zeros(n_outputs)
    odds = odds * scale + intercepts
    if n_outputs == 1:
        y = (rng.random(n_rows) * (1.0 + np.exp(-odds[:, 0])) < 1.0).astype(np.int64)
    else:
        y = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
    return SparseProblem(X, y, np.vstack([signal * scale, intercepts]))


def _draw_rows(
    rng: np.random.Generator, n_rows: int, n_columns: int, per_row: int, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns, counts of each, and values a row: words drawn until rows are long enough."""
    drawn = int(1.22 * per_row)  # frequent words come more than once
    lengths = np.maximum(rng.poisson(drawn, n_rows), 1)
    words = np.minimum(np.searchsorted(ends, rng.random(lengths.sum())), n_columns - 1)
    keys = np.repeat(np.arange(n_rows), lengths) * n_columns + words
    unique, times = np.unique(keys, return_counts=True)
    columns = (unique % n_columns).astype(np.int32)
    counts = np.bincount(unique // n_columns, minlength=n_rows).astype(np.int32)
    return columns, 1.0 + np.log(times), counts
