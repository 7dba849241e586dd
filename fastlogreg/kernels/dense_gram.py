"""The weighted Gram matrix of a tile of rows, and the link that gives its weights.

A tile is one float64 array of `TILE` rows of X side by side, transposed, so that what
follows it knows neither the type nor the order of X, and sums over rows are dot products
of contiguous lines.  With ``side`` the number of columns rounded up to `LINES`::

    tile[j]              x_j, zeros from the number of columns up to side
    tile[side]           h = s sigmoid(m) sigmoid(-m), the curvature
    tile[side + 1]       the decisions z, then r = -s t sigmoid(-m), the derivative of the loss

for the row weight ``s`` and the sign ``t`` of a row.  A tile at the end of its block has fewer
rows; the places beyond them hold other rows, or zeros, and their h and r are 0.

What is summed is, beside ``sums = (sum h, sum r, loss)``, a matrix a little larger than
the Gram matrix, whose upper triangle counts::

    out[j, k]            sum h x_j x_k
    out[side, j]         sum h x_j
    out[side + 1, j]     sum r x_j

`TILE` is a constant and all lines are whole, so that no loop needs a remainder.  It is 46
vectors of 8 numbers: 46 has no divisor but 2 and 23, which keeps LLVM from unrolling
every loop eightfold, and 128 columns of a tile stay in L2.
"""

from __future__ import annotations

import numpy as np
from numpy import uintp

from fastlogreg.kernels.link import link_bend_tile
from fastlogreg.runtime.jit import fetch, step_kernel, tile_kernel
from fastlogreg.runtime.lanes import LANES, load, store_across

__all__ = [
    "LINES",
    "PANEL",
    "TILE",
    "add_gram",
    "decide_tile",
    "fill_tile_c",
    "fill_tile_f",
    "padded",
    "sum_tile",
    "weigh_tile",
]

TILE = 368
LINES = 4
_AHEAD = 32  # rows
PANEL = 128  # columns; 368 x 128 float64 are 368 KiB and stay in L2


def padded(n_columns: int) -> int:
    """Return the lines of a tile that hold columns of X."""
    return -(-n_columns // LINES) * LINES


@step_kernel
def fill_tile_c(X: np.ndarray, first: int, end: int, tile: np.ndarray) -> None:
    """Fill the columns with rows of C-order X from first on; beyond the end, the last again."""
    d = X.shape[1]
    last = end - 1
    whole = d // LANES * LANES
    for i in range(0, TILE, LANES):
        # A transposition does not read in the order of memory: ask for it before.
        ahead = (first + i + _AHEAD) * d
        fetch(X, ahead, ahead + 4 * d)
        row_a, row_b = min(first + i, last), min(first + i + 1, last)
        row_c, row_d = min(first + i + 2, last), min(first + i + 3, last)
        for j in range(0, whole, LANES):
            a, b = load(X, row_a * d + j), load(X, row_b * d + j)
            c, e = load(X, row_c * d + j), load(X, row_d * d + j)
            store_across(tile, j * TILE + i, TILE, a, b, c, e)
        for j in range(whole, d):
            tile[j, i], tile[j, i + 1] = X[row_a, j], X[row_b, j]
            tile[j, i + 2], tile[j, i + 3] = X[row_c, j], X[row_d, j]


@step_kernel
def fill_tile_f(Xt: np.ndarray, first: int, end: int, tile: np.ndarray) -> None:
    """Fill the columns with rows from first on, up to the end; Xt is (d, n_rows)."""
    for j in range(Xt.shape[0]):
        # Unsigned, the index cannot count from the end, and the loop is a vector loop.
        for i in range(min(TILE, end - first)):
            tile[j, i] = Xt[j, uintp(first + i)]


@tile_kernel
def decide_tile(coef: np.ndarray, tile: np.ndarray, line: int) -> None:
    """Fill the decisions of one output, at line, by the columns of the tile."""
    d = coef.size - 1
    for i in range(TILE):
        tile[line, i] = coef[d]
    # Two columns a sweep: z is read and written half as often.  An odd last one
    # is paired with itself, by a coefficient of 0.
    for j in range(0, d, 2):
        k = min(j + 1, d - 1)
        a = coef[j]
        b = coef[k] if k > j else 0.0
        for i in range(TILE):
            tile[line, i] += tile[j, i] * a + tile[k, i] * b


@step_kernel
def weigh_tile(
    tile: np.ndarray,
    side: int,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    end: int,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Fill h and r of one output, and add to *sums*; *first* and *end* are those of its fill.

    *weight*, *u* and *growth* are from `fastlogreg.kernels.link.link_scratch`.
    """
    decide_tile(coef, tile, side + 1)
    link_bend_tile(
        tile[side + 1],
        codes,
        weights,
        class_weights,
        first,
        end,
        weight,
        u,
        growth,
        tile[side],
        sums,
    )


@tile_kernel
def sum_tile(tile: np.ndarray, side: int, scaled: np.ndarray, out: np.ndarray, base: int) -> None:
    """Add a weighed tile to out[base:], the matrix of one output, panel by panel."""
    h, r = tile[side], tile[side + 1]
    for k in range(0, side, PANEL):
        k_end = min(k + PANEL, side)
        add_gram(tile, h, r, scaled, side, out, base, 0, k_end, k, k_end)


@step_kernel
def add_gram(
    tile: np.ndarray,
    share: np.ndarray,
    pull: np.ndarray,
    scaled: np.ndarray,
    side: int,
    out: np.ndarray,
    base: int,
    j_first: int,
    j_end: int,
    k_first: int,
    k_end: int,
) -> None:
    """Add entries j, k >= j of those ranges to out[base:], and the borders where j is in both.

    *share* and *pull* are what h and r stand for here.
    Four lines are scaled by h at a time, into the (4, TILE) array scaled, which then
    meets all others from L1 in register tiles of 4 x 2 entries.
    """
    for j in range(j_first, j_end, 4):
        for line in range(j, min(j + 4, side)):
            along_h = along_r = 0.0
            for i in range(TILE):
                x = tile[line, i]
                hx = share[i] * x
                scaled[line - j, i] = hx
                along_h += hx
                along_r += pull[i] * x
            if line >= k_first:
                out[base + side, line] += along_h
                out[base + side + 1, line] += along_r
        for k in range(max(j, k_first), k_end, 2):
            aa = ab = ba = bb = ca = cb = da = db = 0.0
            for i in range(TILE):
                p = scaled[0, i]
                q = scaled[1, i]
                r = scaled[2, i]
                s = scaled[3, i]
                x = tile[k, i]
                y = tile[k + 1, i]
                aa += p * x
                ab += p * y
                ba += q * x
                bb += q * y
                ca += r * x
                cb += r * y
                da += s * x
                db += s * y
            out[base + j, k] += aa
            out[base + j, k + 1] += ab
            out[base + j + 1, k] += ba
            out[base + j + 1, k + 1] += bb
            out[base + j + 2, k] += ca
            out[base + j + 2, k + 1] += cb
            out[base + j + 3, k] += da
            out[base + j + 3, k + 1] += db
