"""Seeded tables to measure and to test on: correlated, unevenly scaled, shifted columns.

How hard a table is for a solver is fixed by construction, whatever its number of columns:

- the correlation matrix of the columns is a circulant, whose eigenvalues fall off
  geometrically and are those of its spectrum: the largest is `CORRELATION_CONDITION` times
  the smallest, and the diagonal is 1 without further ado;
- the columns' scales lie evenly on a logarithmic axis, as wide a stretch of it as makes the
  condition number of the second moments about 0, ``E[x x']``, equal to `RAW_CONDITION`.

Both are numbers of the distribution that rows are drawn from; a table of many more rows
than columns has them to a few per cent.  `standardised_twin` gives the same table without
shift and scales, which leaves the first number alone.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

__all__ = [
    "CORRELATION_CONDITION",
    "RAW_CONDITION",
    "Problem",
    "head_of",
    "make_problem",
    "standardised_twin",
]

CORRELATION_CONDITION = 100.0
RAW_CONDITION = 1e5

_CHUNK_CELLS = 1_048_576  # the generator's temporaries stay at a few times 8 MiB
_SHIFT = 0.5  # a column's mean, in its standard deviations, has this one
_SIGNAL = 1.5  # standard deviation of the true log-odds, of each class
_INTERCEPT = -0.5
_CLASS_SPREAD = 0.5  # of the intercepts of more than two classes
_MOST_DECADES = 6.0
_HEAD_ROWS = 20_000  # enough for several blocks, so that parallel code is loaded too


class Problem(NamedTuple):
    """A table, its labels and the coefficients that the labels were drawn with.

    Parameters
    ----------
    X : ndarray of float32 or float64, shape (n_rows, n_columns)
    y : ndarray of int64, shape (n_rows,)
        0 or 1; with more classes 0 to n_classes - 1.
    coef : ndarray of float64, shape (n_columns + 1, n_outputs)
        The intercept in the last row; one output for two classes, else one a class.
    """

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray


class _Columns(NamedTuple):
    """The distribution of a row: root of the spectrum, shift in deviations, deviations."""

    root: np.ndarray
    shift: np.ndarray
    scale: np.ndarray


def make_problem(
    n_rows: int,
    n_columns: int,
    *,
    seed: int = 0,
    dtype: str | type = np.float64,
    order: Literal["C", "F"] = "C",
    n_classes: int = 2,
    informative: int | None = None,
) -> Problem:
    """Return a table whose labels follow a logistic model, softmax for more than two classes.

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
    n_classes : int
        Classes of the labels.
    informative : int, optional
        How many columns have coefficients other than 0, all by default.
    """
    rng = np.random.default_rng(seed)
    columns = _draw_columns(rng, n_columns)
    signal = _draw_signal(rng, columns, 1 if n_classes == 2 else n_classes, informative)
    intercepts = np.full(1, _INTERCEPT)
    if n_classes > 2:
        intercepts = _CLASS_SPREAD * rng.standard_normal(n_classes)

    X = np.empty((n_rows, n_columns), dtype=dtype, order=order)
    y = np.empty(n_rows, dtype=np.int64)
    for number, rows in enumerate(_chunks(n_rows, n_columns)):
        draw = np.random.default_rng([seed, number])
        white = draw.standard_normal((rows.stop - rows.start, n_columns))
        chunk = np.fft.irfft(np.fft.rfft(white) * columns.root, n_columns)
        y[rows] = _draw_labels(draw, chunk @ signal + intercepts)
        chunk += columns.shift
        chunk *= columns.scale
        X[rows] = chunk
    weights = signal / columns.scale[:, None]
    return Problem(X, y, np.vstack([weights, intercepts - columns.shift @ signal]))


def standardised_twin(problem: Problem, *, overwrite: bool = False) -> Problem:
    """Return the problem with its columns centred and scaled to a standard deviation of 1.

    A column that is constant becomes 0.  The coefficients follow: they give the same
    log-odds.

    Parameters
    ----------
    problem : Problem
        Any table.
    overwrite : bool
        Whether the twin may take the place of X.
    """
    X, y, coef = problem
    n, d = X.shape
    mean, spread = np.zeros(d), np.zeros(d)
    for rows in _chunks(n, d):
        mean += X[rows].sum(axis=0, dtype=np.float64)
    mean /= n
    for rows in _chunks(n, d):
        spread += ((X[rows] - mean) ** 2).sum(axis=0)
    spread = np.sqrt(spread / n)
    # What the mean's rounding leaves of a constant column is no spread.
    spread[spread <= n * np.finfo(np.float64).eps * np.abs(mean)] = 1.0
    twin = X if overwrite else np.empty_like(X)
    for rows in _chunks(n, d):
        twin[rows] = (X[rows] - mean) / spread
    weights = coef[:-1] * spread[:, None]
    return Problem(twin, y, np.vstack([weights, coef[-1] + mean @ coef[:-1]]))


def head_of(problem: Problem, n_rows: int = _HEAD_ROWS) -> Problem:
    """Return a copy of the first rows, in the same order: a small fit that warms up all code."""
    X, y, coef = problem
    head = X[:n_rows]
    head = head.copy(order="K") if isinstance(X, np.ndarray) else head.copy()
    return Problem(head, y[:n_rows].copy(), coef)


def _chunks(n_rows: int, n_columns: int) -> list[slice]:
    step = max(_CHUNK_CELLS // n_columns, 1)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def _draw_columns(rng: np.random.Generator, d: int) -> _Columns:
    spectrum = _spectrum(d)
    shift = _SHIFT * rng.standard_normal(d)
    exponents = rng.permutation(np.linspace(-1.0, 1.0, d))
    if d == 1:  # nothing to be ill-conditioned
        return _Columns(np.sqrt(spectrum), shift, np.ones(1))
    return _Columns(np.sqrt(spectrum), shift, _scales(spectrum, shift, exponents))


def _spectrum(d: int) -> np.ndarray:
    """Return the eigenvalues of the correlation matrix by frequency, 0 to d // 2; mean 1."""
    frequencies = np.arange(d // 2 + 1)
    eigenvalues = CORRELATION_CONDITION ** (-frequencies / max(d // 2, 1))
    times = np.where((frequencies == 0) | (2 * frequencies == d), 1.0, 2.0)
    return eigenvalues * (d / (times @ eigenvalues))


def _scales(spectrum: np.ndarray, shift: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Return the scales with which the second moments have their condition number."""
    from scipy.optimize import brentq

    def excess(decades: float) -> float:
        condition = _raw_condition(spectrum, shift, 10.0 ** (decades * exponents))
        return float(np.log(condition / RAW_CONDITION))

    if excess(0.0) >= 0.0:  # so many columns that their shift alone does it
        return np.ones_like(shift)
    # Rounded, so that machines with other rounding give the same table.
    return np.asarray(10.0 ** (round(brentq(excess, 0.0, _MOST_DECADES), 6) * exponents))


def _raw_condition(spectrum: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> float:
    """Return the condition number of ``S (R + m m') S``, R by its spectrum, S and m given.

    The extreme eigenvalues come from products with that matrix and with its inverse
    (Sherman-Morrison), so that wide tables cost no dense factorisation.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    d = len(shift)

    def correlate(v: np.ndarray, eigenvalues: np.ndarray) -> np.ndarray:
        return np.fft.irfft(eigenvalues * np.fft.rfft(v), d)

    pulled = correlate(shift, 1.0 / spectrum)
    pulled /= np.sqrt(1.0 + shift @ pulled)

    def product(v: np.ndarray) -> np.ndarray:
        u = scale * v.ravel()
        return scale * (correlate(u, spectrum) + shift * (shift @ u))

    def solution(v: np.ndarray) -> np.ndarray:
        u = v.ravel() / scale
        return (correlate(u, 1.0 / spectrum) - pulled * (pulled @ u)) / scale

    start = np.random.default_rng(0).standard_normal(d)
    largest = [
        eigsh(
            LinearOperator((d, d), matvec=matvec, dtype=np.float64),
            k=1,
            which="LA",
            v0=start,
            tol=1e-10,
            return_eigenvectors=False,
        )[0]
        for matvec in (product, solution)
    ]
    return float(largest[0] * largest[1])


def _draw_signal(
    rng: np.random.Generator, columns: _Columns, n_outputs: int, informative: int | None
) -> np.ndarray:
    """Return coefficients of the unscaled columns, shape (n_columns, n_outputs)."""
    d = len(columns.shift)
    signal = rng.standard_normal((n_outputs, d))
    if informative is not None:
        signal[:, rng.permutation(d)[informative:]] = 0.0
    coloured = np.fft.irfft(np.fft.rfft(signal) * columns.root, d)
    deviation = np.sqrt((coloured**2).sum(axis=1, keepdims=True))
    return np.ascontiguousarray((_SIGNAL / deviation * signal).T)


def _draw_labels(draw: np.random.Generator, log_odds: np.ndarray) -> np.ndarray:
    if log_odds.shape[1] == 1:
        return draw.random(len(log_odds)) * (1.0 + np.exp(-log_odds[:, 0])) < 1.0
    # The largest of log-odds plus Gumbel noise follows the softmax of the log-odds.
    return np.argmax(log_odds + draw.gumbel(size=log_odds.shape), axis=1)
