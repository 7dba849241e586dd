"""Tiles of a dense X: their size, and the decisions of their rows.

C-order X is read row by row; F-order X is handed over as its transpose ``Xt``, so that
both are C arrays to the compiler and a column is contiguous.  Neither is copied or
converted: numbers of any type become float64 as they are loaded, and products and sums
are float64.

A tile is read from memory once, for its decisions, and again from the cache, for its
gradient.  So that the memory is not idle while a tile is computed with, each half of
that work asks for half of the next tile ahead of time.  Only an F-order X of thousands of
columns is read from memory twice: a tile that a cache holds would have so few rows that
finding the columns took longer.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels import link
from fastlogreg.runtime.jit import fetch, step_kernel, tile_kernel
from fastlogreg.runtime.lanes import (
    LANES,
    add_cells,
    add_into,
    load,
    spread,
    sum_of_both,
    sums_of_four,
)

__all__ = [
    "AHEAD_F",
    "WIDE_F",
    "U",
    "decisions_tile_c",
    "decisions_tile_f",
    "fetch_columns",
    "reach_c",
    "rows_of_lanes",
    "tile_rows_c",
    "tile_rows_f",
    "with_rest",
]

# numba guards every signed index against being negative, which can keep a loop from
# being vectorised; sums of unsigned ones are not guarded.
U = np.uintp

_ROWS = link.LANES  # of which a tile has some
_TILE_CELLS = 8_192  # 64 KiB of float64
_L2_CELLS = 65_536  # 512 KiB of float64: where 32 rows are more, fewer are taken
# Bytes of a row between which asking ahead pays: the processor itself sees the pattern
# in a run of short rows, and in one long row.
_LEAST_FETCHED = 96
_MOST_FETCHED = 1_600
# Rows of that many columns and bytes are decided one after another, as they lie in memory; others
# four at a time, which share the loads of the coefficients.
_LEAST_COLUMNS_IN_TURN = 73
_MOST_BYTES_IN_TURN = 3_200
_TILE_F_CELLS = 32_768  # 256 KiB of float64
WIDE_F = 384  # columns from which a tile in L2 would be too few rows: it is kept in L3
_WIDE_F_BYTES = 4_194_304  # in L3; up to twice as much for the sake of
_LEAST_RUN = 1_536  # bytes of a column: a short run costs more than its share
_NO_TILE_F = 2_500  # columns from which no cache keeps enough rows: long runs, read twice
_LONG_RUN = 16_384  # bytes of a column
_MOST_ROWS_C = 128
_MOST_ROWS_F = 2_048
AHEAD_F = 4  # columns of a wide tile that are asked for ahead of time


def tile_rows_c(n_columns: int) -> int:
    """Return the rows of a tile of C-order X, a multiple of 4."""
    rows = max(_TILE_CELLS // n_columns // _ROWS * _ROWS, _ROWS)
    return min(rows, _MOST_ROWS_C, max(_L2_CELLS // n_columns // 4 * 4, 4))


def reach_c(n_columns: int, itemsize: int) -> int:
    """Return how many cells ahead of its row a C-order tile is fetched, 0 for not at all."""
    helps = _LEAST_FETCHED <= n_columns * itemsize <= _MOST_FETCHED
    return tile_rows_c(n_columns) * n_columns if helps else 0


def tile_rows_f(n_columns: int, itemsize: int) -> int:
    """Return the rows of a tile of F-order X, a multiple of `link.LANES`."""
    if n_columns >= _NO_TILE_F:
        return min(_LONG_RUN // itemsize, 2 * _MOST_ROWS_F)
    cells = _TILE_F_CELLS
    if n_columns >= WIDE_F:
        size = min(max(_WIDE_F_BYTES, n_columns * _LEAST_RUN), 2 * _WIDE_F_BYTES)
        cells = size // itemsize
    return min(max(cells // n_columns // _ROWS * _ROWS, 2 * _ROWS), _MOST_ROWS_F)


@tile_kernel
def fetch_columns(Xt: np.ndarray, j: int, first: int, last: int) -> None:
    """Ask for rows first to last of the columns j to j + 3, as far as they exist."""
    if j >= 0 and j + 4 <= Xt.shape[0]:
        n_rows = Xt.shape[1]
        for k in range(j, j + 4):
            fetch(Xt, k * n_rows + first, k * n_rows + last)


def with_rest(coef: np.ndarray) -> np.ndarray:
    """Return coefficients ``(..., d + 1)`` as kernels for C order take them, ``(..., d + 9)``.

    They meet the columns of a row four at a time; where d is no multiple of 4, the last four
    once more, for the sake of those left.  So there follow, of the last four columns, the
    coefficients of those left, else 0, and 1 for those left, else 0.
    """
    d = coef.shape[-1] - 1
    left = np.arange(d - LANES, d) >= d // LANES * LANES
    last = np.where(left, coef[..., d - LANES : d], 0.0) if d >= LANES else 0.0 * left
    parts = (coef, *(np.broadcast_to(part, (*coef.shape[:-1], LANES)) for part in (last, left)))
    return np.ascontiguousarray(np.concatenate(parts, axis=-1), dtype=np.float64)


@tile_kernel
def rows_of_lanes(d: int, count: int) -> int:
    """Return how many rows of a C-order tile are taken four at a time."""
    return count // LANES * LANES if d >= LANES else 0


@tile_kernel
def decide_in_turn(
    X: np.ndarray, coef: np.ndarray, first: int, count: int, ahead: int, step: int, z: np.ndarray
) -> None:
    """Decide one row after another; with each, *step* cells from *ahead* on are fetched."""
    d = X.shape[1]
    pairs, even = d // (2 * LANES) * (2 * LANES), d // LANES * LANES
    for i in range(count):
        row = (first + i) * d
        fetch(X, ahead, ahead + step)
        ahead += step
        a = b = spread(0.0)
        for j in range(0, pairs, 2 * LANES):
            a = add_cells(a, X, row + j, load(coef, j))
            b = add_cells(b, X, row + j + LANES, load(coef, j + LANES))
        if pairs < even:
            a = add_cells(a, X, row + pairs, load(coef, pairs))
        if even < d:
            b = add_cells(b, X, row + d - LANES, load(coef, d + 1))
        z[i] = coef[d] + sum_of_both(a, b)


@tile_kernel
def decide_in_fours(
    X: np.ndarray, coef: np.ndarray, first: int, count: int, ahead: int, step: int, z: np.ndarray
) -> None:
    """Do the same for four rows at a time, which share the loads of the coefficients."""
    d = X.shape[1]
    whole, even = rows_of_lanes(d, count), d // LANES * LANES
    one, rest = spread(1.0), load(coef, d + 1)
    for i in range(count):
        z[i] = coef[d]
    for i in range(0, whole, LANES):
        fetch(X, ahead, ahead + LANES * step)
        ahead += LANES * step
        p = (first + i) * d
        q, r, s = p + d, p + 2 * d, p + 3 * d
        a = b = c = e = spread(0.0)
        for j in range(0, even, LANES):
            w = load(coef, j)
            a, b = add_cells(a, X, p + j, w), add_cells(b, X, q + j, w)
            c, e = add_cells(c, X, r + j, w), add_cells(e, X, s + j, w)
        if even < d:
            a, b = add_cells(a, X, q - LANES, rest), add_cells(b, X, r - LANES, rest)
            c, e = add_cells(c, X, s - LANES, rest), add_cells(e, X, s + d - LANES, rest)
        add_into(z, i, sums_of_four(a, b, c, e), one)
    for i in range(whole, count):
        for j in range(d):
            z[i] += X[first + i, j] * coef[j]


@step_kernel
def decisions_tile_c(
    X: np.ndarray,
    coef: np.ndarray,
    first: int,
    count: int,
    reach: int,
    share: int,
    z: np.ndarray,
) -> None:
    """Fill z[:count] with x_i w + b for the rows of a tile of C-order X; coef is from `with_rest`.

    With *reach* the next tile is fetched: all of it, or its first half where *share* is 2.
    """
    d = X.shape[1]
    ahead, step = first * d + reach, d // share if reach > 0 else 0
    if d >= _LEAST_COLUMNS_IN_TURN and d * X.itemsize <= _MOST_BYTES_IN_TURN:
        decide_in_turn(X, coef, first, count, ahead, step, z)
    else:
        decide_in_fours(X, coef, first, count, ahead, step, z)


@step_kernel
def decisions_tile_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    first: int,
    count: int,
    n_rows: int,
    share: int,
    z: np.ndarray,
) -> None:
    """Fill z[:count] with x_i w + b for a tile of rows; Xt is (d, n_rows).

    The next tile is fetched up to row *n_rows*, its first half where *share* is 2; where a
    tile is too large for L2, the columns a little ahead in this one are.
    """
    d = Xt.shape[0]
    last = first + count
    ahead = min(last + z.size // share, n_rows)
    for i in range(count):
        z[i] = coef[d]
    # Four columns a sweep: z is read and written a quarter as often.
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        if d >= WIDE_F:
            fetch_columns(Xt, j + AHEAD_F, first, last)
        else:
            fetch_columns(Xt, j, last, ahead)
        q = U(j)
        column_a, column_b = Xt[q][first:last], Xt[q + U(1)][first:last]
        column_c, column_e = Xt[q + U(2)][first:last], Xt[q + U(3)][first:last]
        a, b, c, e = coef[q], coef[q + U(1)], coef[q + U(2)], coef[q + U(3)]
        for i in range(count):
            z[i] += (column_a[i] * a + column_b[i] * b) + (column_c[i] * c + column_e[i] * e)
    for j in range(whole, d):
        column_a = Xt[j][first:last]
        a = coef[j]
        for i in range(count):
            z[i] += column_a[i] * a
