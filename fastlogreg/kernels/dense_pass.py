"""Block kernels of the dense pass: loss and gradient from one read of X.

For rows ``i`` of a block, a model ``o`` with coefficients ``w_o`` and intercept
``b_o``, signs ``t_i`` in {-1, 1} and row weights ``s_i``::

    z_i = x_i w_o + b_o          m_i = t_i z_i
    part[o, j]     = sum_i -s_i t_i sigmoid(-m_i) x_ij      j < d
    part[o, d]     = sum_i -s_i t_i sigmoid(-m_i)           intercept
    part[o, d + 1] = sum_i  s_i log(1 + exp(-m_i))          loss

A tile of rows is read once from memory: decisions, then the link over the whole tile
(a vector loop), then the gradient from the tile while it is in the cache.

``coef`` is ``(n_outputs, d + 1)`` here, a row per model; ``weights`` is empty where
there are none; ``part`` is overwritten.  Products and sums are float64, whatever the
type of X.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import (
    TILE_C,
    decisions_tile_c,
    decisions_tile_f,
    fill_row_weights,
    tile_rows_f,
)
from fastlogreg.kernels.pointwise import loss_pull, signed
from fastlogreg.runtime.jit import block_kernel, parallel_driver, prange

__all__ = ["pass_block_c", "pass_block_f", "pass_drive_c", "pass_drive_f"]


@block_kernel
def link_tile(
    z: np.ndarray, codes: np.ndarray, first: int, count: int, row_weight: np.ndarray
) -> float:
    """Turn decisions z[:count] into -s t sigmoid(-m) in place; return the sum of s loss."""
    total = 0.0
    for i in range(count):
        code = codes[first + i]
        loss, pull = loss_pull(signed(z[i], code))
        weight = row_weight[i]
        total += weight * loss
        z[i] = weight * (-pull if code == 1 else pull)
    return total


@block_kernel
def gradient_tile_c(
    X: np.ndarray, pull: np.ndarray, first: int, count: int, part: np.ndarray
) -> None:
    """Add sum_i pull_i x_i over a tile of C-order X to part[:d], and sum pull_i to part[d]."""
    d = X.shape[1]
    # Four rows a sweep: part is read and written a quarter as often.
    whole = count // 4 * 4
    for i in range(0, whole, 4):
        r = first + i
        row_a, row_b, row_c, row_e = X[r], X[r + 1], X[r + 2], X[r + 3]
        a, b, c, e = pull[i], pull[i + 1], pull[i + 2], pull[i + 3]
        for j in range(d):
            part[j] += (row_a[j] * a + row_b[j] * b) + (row_c[j] * c + row_e[j] * e)
        part[d] += (a + b) + (c + e)
    for i in range(whole, count):
        row_a = X[first + i]
        a = pull[i]
        for j in range(d):
            part[j] += row_a[j] * a
        part[d] += a


@block_kernel
def gradient_tile_f(
    Xt: np.ndarray, pull: np.ndarray, first: int, count: int, part: np.ndarray
) -> None:
    """Add sum_i pull_i x_i over a tile to part[:d], sum pull_i to part[d]; Xt is (d, n_rows)."""
    d = Xt.shape[0]
    last = first + count
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        column_a, column_b = Xt[j][first:last], Xt[j + 1][first:last]
        column_c, column_e = Xt[j + 2][first:last], Xt[j + 3][first:last]
        a = b = c = e = 0.0
        for i in range(count):
            a += column_a[i] * pull[i]
            b += column_b[i] * pull[i]
            c += column_c[i] * pull[i]
            e += column_e[i] * pull[i]
        part[j] += a
        part[j + 1] += b
        part[j + 2] += c
        part[j + 3] += e
    for j in range(whole, d):
        column_a = Xt[j][first:last]
        a = 0.0
        for i in range(count):
            a += column_a[i] * pull[i]
        part[j] += a
    total = 0.0
    for i in range(count):
        total += pull[i]
    part[d] += total


@block_kernel
def pass_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    b: int,
) -> None:
    """Loss and gradient of block b of C-order X."""
    part = partials[b]
    n_outputs, width = coef.shape
    z = np.empty(TILE_C)
    row_weight = np.empty(TILE_C)
    part[:] = 0.0
    for first in range(edges[b], edges[b + 1], TILE_C):
        count = min(TILE_C, edges[b + 1] - first)
        fill_row_weights(codes, weights, class_weights, first, count, row_weight)
        for o in range(n_outputs):
            decisions_tile_c(X, coef[o], first, count, z)
            part[o, width] += link_tile(z, codes, first, count, row_weight)
            gradient_tile_c(X, z, first, count, part[o])


@block_kernel
def pass_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    b: int,
) -> None:
    """Loss and gradient of block b of F-order X, given as Xt (d, n_rows)."""
    part = partials[b]
    n_outputs, width = coef.shape
    tile = tile_rows_f(Xt.shape[0])
    z = np.empty(tile)
    row_weight = np.empty(tile)
    part[:] = 0.0
    for first in range(edges[b], edges[b + 1], tile):
        count = min(tile, edges[b + 1] - first)
        fill_row_weights(codes, weights, class_weights, first, count, row_weight)
        for o in range(n_outputs):
            decisions_tile_f(Xt, coef[o], first, count, z)
            part[o, width] += link_tile(z, codes, first, count, row_weight)
            gradient_tile_f(Xt, z, first, count, part[o])


@parallel_driver
def pass_drive_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Run `pass_block_c` over all blocks."""
    for b in prange(partials.shape[0]):
        pass_block_c(X, coef, codes, weights, class_weights, partials, edges, b)


@parallel_driver
def pass_drive_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Run `pass_block_f` over all blocks."""
    for b in prange(partials.shape[0]):
        pass_block_f(Xt, coef, codes, weights, class_weights, partials, edges, b)
