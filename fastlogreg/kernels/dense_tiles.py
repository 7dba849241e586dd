"""What every dense pass does with a tile of rows: its size, row weights and decisions.

A tile of C-order X is read row by row; F-order X is handed over as its transpose
``Xt``, so that both are C arrays to the compiler and a column is contiguous.  Neither
is copied or converted; products and sums are float64, whatever the type of X.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel, parallel_driver, prange

__all__ = [
    "TILE_C",
    "decision_block_c",
    "decision_block_f",
    "decision_drive_c",
    "decision_drive_f",
    "decisions_tile_c",
    "decisions_tile_f",
    "fill_row_weights",
    "tile_rows_f",
]

TILE_C = 32  # rows; 32 x 100 float64 are 25 KiB and stay in L1
_TILE_F_CELLS = 32_768  # 256 KiB of float64 stay in L2
_TILE_F_LEAST = 64
_TILE_F_MOST = 2_048


@block_kernel
def tile_rows_f(n_columns: int) -> int:
    """Return the rows of a tile of F-order X, such that all its columns fit L2."""
    rows = _TILE_F_CELLS // max(n_columns, 1) // 8 * 8
    return min(max(rows, _TILE_F_LEAST), _TILE_F_MOST)


@block_kernel
def fill_row_weights(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    count: int,
    out: np.ndarray,
) -> None:
    """Fill out[:count] with class weight times sample weight of the rows from first on."""
    negative = class_weights[0]
    positive = class_weights[1]
    for i in range(count):
        out[i] = positive if codes[first + i] == 1 else negative
    if weights.size > 0:
        for i in range(count):
            out[i] *= weights[first + i]


@block_kernel
def decisions_tile_c(
    X: np.ndarray, coef: np.ndarray, first: int, count: int, z: np.ndarray
) -> None:
    """Fill z[:count] with x_i w + b for the rows of a tile of C-order X."""
    d = X.shape[1]
    for i in range(count):
        row = X[first + i]
        total = 0.0
        for j in range(d):
            total += row[j] * coef[j]
        z[i] = total + coef[d]


@block_kernel
def decisions_tile_f(
    Xt: np.ndarray, coef: np.ndarray, first: int, count: int, z: np.ndarray
) -> None:
    """Fill z[:count] with x_i w + b for a tile of rows; Xt is (d, n_rows)."""
    d = Xt.shape[0]
    last = first + count
    for i in range(count):
        z[i] = coef[d]
    # Four columns a sweep: z is read and written a quarter as often.
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        column_a, column_b = Xt[j][first:last], Xt[j + 1][first:last]
        column_c, column_e = Xt[j + 2][first:last], Xt[j + 3][first:last]
        a, b, c, e = coef[j], coef[j + 1], coef[j + 2], coef[j + 3]
        for i in range(count):
            z[i] += (column_a[i] * a + column_b[i] * b) + (column_c[i] * c + column_e[i] * e)
    for j in range(whole, d):
        column_a = Xt[j][first:last]
        a = coef[j]
        for i in range(count):
            z[i] += column_a[i] * a


@block_kernel
def decision_block_c(
    X: np.ndarray, coef: np.ndarray, out: np.ndarray, edges: np.ndarray, b: int
) -> None:
    """Fill out[i, o] = x_i w_o + b_o for the rows of block b of C-order X."""
    z = np.empty(TILE_C)
    for first in range(edges[b], edges[b + 1], TILE_C):
        count = min(TILE_C, edges[b + 1] - first)
        for o in range(coef.shape[0]):
            decisions_tile_c(X, coef[o], first, count, z)
            for i in range(count):
                out[first + i, o] = z[i]


@block_kernel
def decision_block_f(
    Xt: np.ndarray, coef: np.ndarray, out: np.ndarray, edges: np.ndarray, b: int
) -> None:
    """Fill out[i, o] = x_i w_o + b_o for the rows of block b of F-order X, given as Xt."""
    tile = tile_rows_f(Xt.shape[0])
    z = np.empty(tile)
    for first in range(edges[b], edges[b + 1], tile):
        count = min(tile, edges[b + 1] - first)
        for o in range(coef.shape[0]):
            decisions_tile_f(Xt, coef[o], first, count, z)
            for i in range(count):
                out[first + i, o] = z[i]


@parallel_driver
def decision_drive_c(X: np.ndarray, coef: np.ndarray, out: np.ndarray, edges: np.ndarray) -> None:
    """Run `decision_block_c` over all blocks."""
    for b in prange(edges.size - 1):
        decision_block_c(X, coef, out, edges, b)


@parallel_driver
def decision_drive_f(Xt: np.ndarray, coef: np.ndarray, out: np.ndarray, edges: np.ndarray) -> None:
    """Run `decision_block_f` over all blocks."""
    for b in prange(edges.size - 1):
        decision_block_f(Xt, coef, out, edges, b)
