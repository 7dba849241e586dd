"""Decisions and gradient of a tile of C-order X with few columns.

A row is a few `Lanes`, `_SPAN` columns a sweep over the tile: with ``o_v = min(4 v, d - 4)``
the ``v``-th lanes of a row are its columns from ``o_v`` on.  The last ones overlap where
``d`` is no multiple of 4, and each column counts in the first that hold it; in the others
its coefficient, and its share of the gradient, are 0.  No row is copied, padded or read
beyond its end.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import U
from fastlogreg.runtime.jit import fetch, step_kernel
from fastlogreg.runtime.lanes import LANES, add_cells, add_into, load, spread, sums_of_four

__all__ = ["ROWS", "by_lanes", "decisions_narrow_c", "gradient_narrow_c", "is_narrow"]

ROWS = 256  # of a tile
# Of longer rows LLVM makes vector code that is as fast.
_MOST_COLUMNS = 24
_MOST_BYTES = 96

_SPAN = 16  # columns of a sweep: their coefficients, or sums, stay in registers
_STRETCH = 32  # rows, a multiple of 4, that are fetched at once


def is_narrow(n_columns: int, itemsize: int) -> bool:
    """Return whether passes over C-order X of that shape and type are these."""
    return LANES <= n_columns <= _MOST_COLUMNS and n_columns * itemsize <= _MOST_BYTES


def by_lanes(coef: np.ndarray) -> np.ndarray:
    """Return coefficients ``(d + 1,)`` as lanes of columns meet them.

    Returns
    -------
    columns : ndarray, shape (2, padded)
        The coefficients, and 1 where a column counts, else 0; a multiple of `_SPAN`.
    """
    d = len(coef) - 1
    place = np.arange(-(-d // _SPAN) * _SPAN)
    lane = place % LANES
    column = np.minimum(place - lane, d - LANES) + lane
    counts = column >= place - lane
    return np.stack([np.where(counts, coef[column], 0.0), counts])


@step_kernel
def decisions_narrow_c(
    X: np.ndarray,
    coef: np.ndarray,
    columns: np.ndarray,
    first: int,
    count: int,
    z: np.ndarray,
) -> None:
    """Fill z[:count] with x_i w + b for the rows of a tile; fetch half of the next."""
    d = X.shape[1]
    ahead = (first + z.size) * d
    whole = count // LANES * LANES
    zero, one = spread(0.0), spread(1.0)
    for i in range(count):
        z[i] = coef[d]
    for c in range(0, columns.shape[1], _SPAN):
        j, k = min(c, d - 4), min(c + 4, d - 4)
        m, n = min(c + 8, d - 4), min(c + 12, d - 4)
        p, q = load(columns, c), load(columns, c + 4)
        r, s = load(columns, c + 8), load(columns, c + 12)
        for i in range(0, whole, LANES):
            if c == 0 and i % _STRETCH == 0:
                fetch(X, ahead + i * d // 2, ahead + (i + _STRETCH) * d // 2)
            o = (first + i) * d
            a = add_cells(add_cells(zero, X, o + j, p), X, o + k, q)
            a = add_cells(add_cells(a, X, o + m, r), X, o + n, s)
            o += d
            b = add_cells(add_cells(zero, X, o + j, p), X, o + k, q)
            b = add_cells(add_cells(b, X, o + m, r), X, o + n, s)
            o += d
            e = add_cells(add_cells(zero, X, o + j, p), X, o + k, q)
            e = add_cells(add_cells(e, X, o + m, r), X, o + n, s)
            o += d
            f = add_cells(add_cells(zero, X, o + j, p), X, o + k, q)
            f = add_cells(add_cells(f, X, o + m, r), X, o + n, s)
            add_into(z, i, sums_of_four(a, b, e, f), one)
    for i in range(whole, count):
        row = X[first + i]
        for j in range(d):
            z[i] += row[j] * coef[j]


@step_kernel
def gradient_narrow_c(
    X: np.ndarray,
    columns: np.ndarray,
    pull: np.ndarray,
    first: int,
    count: int,
    part: np.ndarray,
) -> None:
    """Add sum_i pull_i x_i over a tile to part[:d]; fetch the other half of the next."""
    d = X.shape[1]
    ahead = (first + pull.size + pull.size // 2) * d
    whole = count // 2 * 2
    zero = spread(0.0)
    padded = columns.shape[1]
    for c in range(0, padded, _SPAN):
        j, k = min(c, d - 4), min(c + 4, d - 4)
        m, n = min(c + 8, d - 4), min(c + 12, d - 4)
        # Even and odd rows apart: a sum waits for the one before it.
        p = q = r = s = zero
        t = u = v = w = zero
        for i in range(0, whole, 2):
            if c == 0 and i % _STRETCH == 0:
                fetch(X, ahead + i * d // 2, ahead + (i + _STRETCH) * d // 2)
            o = (first + i) * d
            a, b = spread(pull[U(i)]), spread(pull[U(i + 1)])
            p, q = add_cells(p, X, o + j, a), add_cells(q, X, o + k, a)
            r, s = add_cells(r, X, o + m, a), add_cells(s, X, o + n, a)
            o += d
            t, u = add_cells(t, X, o + j, b), add_cells(u, X, o + k, b)
            v, w = add_cells(v, X, o + m, b), add_cells(w, X, o + n, b)
        a, b = load(columns, padded + c), load(columns, padded + c + 4)
        add_into(part, j, p, a)
        add_into(part, j, t, a)
        add_into(part, k, q, b)
        add_into(part, k, u, b)
        a, b = load(columns, padded + c + 8), load(columns, padded + c + 12)
        add_into(part, m, r, a)
        add_into(part, m, v, a)
        add_into(part, n, s, b)
        add_into(part, n, w, b)
    for i in range(whole, count):
        row = X[first + i]
        a_pull = pull[i]
        for j in range(d):
            part[j] += row[j] * a_pull
