"""Seeded sparse tables like those of text: Zipf columns, tf-idf values, rows of unit length.

A row is a text of some words, drawn with replacement by Zipf's law: a number of a row is
``(1 + log tf) * idf`` of a word that occurs ``tf`` times in it, and the row is divided by
its length.  The lengths of texts are log-normal, so some rows are many times as long as
others.  Which column a word has is chance, as in a vocabulary in alphabetical order: the
frequent ones do not lie together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import brentq
from scipy.stats import norm

__all__ = ["SparseProblem", "make_sparse_problem"]

_FLATTENED = 10.0  # ranks by which Zipf's law begins late (Mandelbrot)
_SPREAD = 0.6  # of the logarithm of a text's length
_INFORMATIVE = 0.05  # of the columns
_SIGNAL = 2.0  # standard deviation of the true log-odds, of each class
_INTERCEPT = -0.5
_CHUNK_ROWS = 20_000


class SparseProblem(NamedTuple):
    """A table, its labels and the coefficients that the labels were drawn with.

    Parameters
    ----------
    X : scipy.sparse.csr_matrix of float64, shape (n_rows, n_columns)
        Indices are int32, sorted, each once in a row.
    y : ndarray of int64, shape (n_rows,)
        0 or 1; with more classes 0 to n_classes - 1.
    coef : ndarray of float64, shape (n_columns + 1, n_outputs)
        The intercept in the last row.
    """

    X: sparse.csr_matrix
    y: np.ndarray
    coef: np.ndarray


def make_sparse_problem(
    n_rows: int, n_columns: int, *, per_row: int = 59, seed: int = 0, n_classes: int = 2
) -> SparseProblem:
    """Return a table whose labels follow a logistic model of few of its columns.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of X.
    per_row : int
        Stored values of a row, on average.
    seed : int
        Seed.
    n_classes : int
        Classes of the labels; softmax for more than two.
    """
    rng = np.random.default_rng(seed)
    shares = 1.0 / (np.arange(n_columns) + _FLATTENED)
    shares /= shares.sum()
    column_of = rng.permutation(n_columns)
    typical = _typical_length(shares, per_row)
    chunks = []
    for start in range(0, n_rows, _CHUNK_ROWS):
        count = min(_CHUNK_ROWS, n_rows - start)
        lengths = np.ceil(typical * np.exp(_SPREAD * rng.standard_normal(count))).astype(int)
        rows = np.repeat(np.arange(count), lengths)
        words = np.searchsorted(np.cumsum(shares), rng.random(len(rows)), side="right")
        words = column_of[np.minimum(words, n_columns - 1)]
        chunks.append(
            sparse.coo_matrix((np.ones(len(rows)), (rows, words)), (count, n_columns)).tocsr()
        )
    X = sparse.csr_matrix(sparse.vstack(chunks, format="csr"))
    _weigh(X)
    signal = _draw_signal(rng, X, 1 if n_classes == 2 else n_classes)
    decision = X @ signal
    if n_classes == 2:
        intercepts = np.full(1, _INTERCEPT) - decision.mean(axis=0)
        log_odds = (decision + intercepts)[:, 0]
        y = (rng.random(n_rows) * (1.0 + np.exp(-log_odds)) < 1.0).astype(np.int64)
    else:
        intercepts = -decision.mean(axis=0)
        y = np.argmax(decision + intercepts + rng.gumbel(size=decision.shape), axis=1)
    return SparseProblem(X, y, np.vstack([signal, intercepts]))


def _typical_length(shares: np.ndarray, per_row: float) -> float:
    """Return the median length of texts with so many different words on average."""
    factors = np.exp(_SPREAD * norm.ppf((np.arange(20) + 0.5) / 20))
    log_absent = np.log1p(-shares)

    def excess(length: float) -> float:
        different = [-np.expm1(length * factor * log_absent).sum() for factor in factors]
        return float(np.mean(different)) - per_row

    return float(brentq(excess, 0.1, 100.0 * len(shares)))


def _weigh(X: sparse.csr_matrix) -> None:
    """Turn the counts of words into tf-idf, with rows of unit length, in place."""
    texts = np.bincount(X.indices, minlength=X.shape[1])
    idf = np.log((1.0 + X.shape[0]) / (1.0 + texts)) + 1.0
    X.data = (1.0 + np.log(X.data)) * idf[X.indices]
    squares = np.add.reduceat(X.data**2, X.indptr[:-1])
    X.data /= np.repeat(np.sqrt(squares), np.diff(X.indptr))


def _draw_signal(rng: np.random.Generator, X: sparse.csr_matrix, n_outputs: int) -> np.ndarray:
    """Return coefficients, shape (n_columns, n_outputs), of `_SIGNAL` over the rows."""
    n_columns = X.shape[1]
    signal = np.zeros((n_columns, n_outputs))
    for o in range(n_outputs):
        few = rng.choice(n_columns, max(int(_INFORMATIVE * n_columns), 1), replace=False)
        signal[few, o] = rng.standard_normal(len(few))
    spread = (X @ signal).std(axis=0)
    return signal * (_SIGNAL / np.where(spread > 0.0, spread, 1.0))
