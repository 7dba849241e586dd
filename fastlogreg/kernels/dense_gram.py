"""The weighted Gram matrix of a tile of rows, and the link that gives its weights.

A tile is one float64 array of `TILE` rows of X side by side, transposed, so that what
follows it knows neither the type nor the order of X, and sums over rows are dot products
of contiguous lines.  With ``side`` the number of columns rounded up to `LINES`::

    tile[j]              x_j, zeros from the number of columns up to side
    tile[side]           h = s sigmoid(m) sigmoid(-m), the curvature
    tile[side + 1]       r = -s t sigmoid(-m), the derivative of the loss
    tile[side + 2]       s, the row weight; 0 marks a place that is no row of the tile
    tile[side + 3]       t, the sign: 1 for the positive class, -1 for the other
    tile[side + 4 + o]   z, the decisions of output o

What is summed is, beside ``sums = (loss, sum r, sum h)``, a matrix a little larger than
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

from fastlogreg.kernels.dense_tiles import fetch
from fastlogreg.kernels.pointwise import loss_pull_curvature
from fastlogreg.runtime.jit import tile_kernel

__all__ = [
    "LINES",
    "PANEL",
    "TILE",
    "add_gram",
    "fill_tile_c",
    "fill_tile_f",
    "fill_weights",
    "link_tile",
    "padded",
]

TILE = 368
LINES = 4
_AHEAD = 32  # rows
PANEL = 128  # columns; 368 x 128 float64 are 368 KiB and stay in L2


def padded(n_columns: int) -> int:
    """Return the lines of a tile that hold columns of X."""
    return -(-n_columns // LINES) * LINES


@tile_kernel
def fill_weights(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    origin: int,
    first: int,
    last: int,
    tile: np.ndarray,
    line: int,
) -> None:
    """Fill the row weights, at line, and the signs behind it; weights has 1 or n numbers."""
    for i in range(TILE):
        r = min(origin + i, last)
        one = 1 if codes[r] == 1 else 0
        inside = 1 if first <= origin + i <= last else 0
        tile[line, i] = inside * class_weights[one] * weights[min(r, weights.size - 1)]
        tile[line + 1, i] = 2 * one - 1


@tile_kernel
def fill_tile_c(
    X: np.ndarray, coef: np.ndarray, origin: int, last: int, tile: np.ndarray, line: int
) -> None:
    """Fill columns and decisions, those from line on, with rows of C-order X."""
    d = X.shape[1]
    for i in range(0, TILE, 4):
        # A transposition does not read in the order of memory: ask for it before.
        ahead = (origin + i + _AHEAD) * d
        fetch(X, ahead, ahead + 4 * d)
        row_a = min(origin + i, last)
        row_b = min(origin + i + 1, last)
        row_c = min(origin + i + 2, last)
        row_d = min(origin + i + 3, last)
        for j in range(d):
            tile[j, i] = X[row_a, j]
            tile[j, i + 1] = X[row_b, j]
            tile[j, i + 2] = X[row_c, j]
            tile[j, i + 3] = X[row_d, j]
    decide_tile(coef, tile, line)


@tile_kernel
def fill_tile_f(
    Xt: np.ndarray, coef: np.ndarray, origin: int, last: int, tile: np.ndarray, line: int
) -> None:
    """Fill columns and decisions, those from line on; Xt is (d, n_rows)."""
    for j in range(Xt.shape[0]):
        # Unsigned, the index cannot count from the end, and the loop is a vector loop.
        for i in range(min(TILE, last + 1 - origin)):
            tile[j, i] = Xt[j, uintp(origin + i)]
    decide_tile(coef, tile, line)


@tile_kernel
def decide_tile(coef: np.ndarray, tile: np.ndarray, line: int) -> None:
    """Fill the decisions of all outputs, from line on, by the columns of the tile."""
    d = coef.shape[1] - 1
    for o in range(coef.shape[0]):
        for i in range(TILE):
            tile[line + o, i] = coef[o, d]
        # Two columns a sweep: z is read and written half as often.  An odd last one
        # is paired with itself, by a coefficient of 0.
        for j in range(0, d, 2):
            k = min(j + 1, d - 1)
            a = coef[o, j]
            b = coef[o, k] if k > j else 0.0
            for i in range(TILE):
                tile[line + o, i] += tile[j, i] * a + tile[k, i] * b


@tile_kernel
def link_tile(tile: np.ndarray, side: int, o: int, sums: np.ndarray, b: int) -> None:
    """Fill h and r of output o, and add loss, sum r and sum h to sums[b]."""
    losses = pulls = curvatures = 0.0
    for i in range(TILE):
        weight = tile[side + 2, i]
        sign = tile[side + 3, i]
        loss, pull, curvature = loss_pull_curvature(sign * tile[side + 4 + o, i])
        pull *= -weight * sign
        curvature *= weight
        tile[side, i] = curvature
        tile[side + 1, i] = pull
        losses += weight * loss
        pulls += pull
        curvatures += curvature
    sums[b, 0] += losses
    sums[b, 1] += pulls
    sums[b, 2] += curvatures


@tile_kernel
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
