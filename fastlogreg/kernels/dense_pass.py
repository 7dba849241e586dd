"""Block kernels of the dense pass: loss and gradient of one output from one read of X.

For rows ``i`` of a block, coefficients ``w`` and intercept ``b``, signs ``t_i`` in
{-1, 1} and row weights ``s_i``::

    z_i = x_i w + b          m_i = t_i z_i
    part[j]     = sum_i -s_i t_i sigmoid(-m_i) x_ij      j < d
    part[d]     = sum_i -s_i t_i sigmoid(-m_i)           intercept
    part[d + 1] = sum_i  s_i log(1 + exp(-m_i))          loss

A tile of rows is read once from memory: decisions, then the link over the whole tile
(a vector loop), then the gradient from the tile while it is in the cache.

``coef`` is ``(d + 1,)``, for C order from `fastlogreg.kernels.dense_tiles.with_rest`;
``weights`` is empty where there are none; ``partials``, a row a block, is added to.  ``z``,
of the size of a tile, and ``weight``, ``u`` and ``growth`` (see `fastlogreg.kernels.link`)
are scratch.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_narrow import decisions_narrow_c, gradient_narrow_c
from fastlogreg.kernels.dense_tiles import (
    AHEAD_F,
    WIDE_F,
    U,
    decisions_tile_c,
    decisions_tile_f,
    fetch_columns,
    rows_of_lanes,
)
from fastlogreg.kernels.link import link_tile
from fastlogreg.runtime.jit import block_kernel, fetch, step_kernel
from fastlogreg.runtime.lanes import LANES, add_cells, add_into, load, spread, store

__all__ = [
    "gradient_tile_c",
    "gradient_tile_f",
    "pass_block_c",
    "pass_block_f",
    "pass_block_narrow_c",
]


@step_kernel
def gradient_tile_c(
    X: np.ndarray,
    coef: np.ndarray,
    pull: np.ndarray,
    first: int,
    count: int,
    reach: int,
    part: np.ndarray,
) -> None:
    """Add sum_i pull_i x_i over a tile of C-order X to part[:d]; fetch half of the next.

    *coef* is from `with_rest`.
    """
    d = X.shape[1]
    whole, even = rows_of_lanes(d, count), d // LANES * LANES
    ahead = first * d + reach + reach // 2
    zero, left = spread(0.0), load(coef, d + 1 + LANES)
    # Four rows a sweep: part is read and written a quarter as often.
    for i in range(0, whole, LANES):
        if reach > 0:
            fetch(X, ahead + i * d // 2, ahead + (i + LANES) * d // 2)
        p = (first + i) * d
        q, r, s = p + d, p + 2 * d, p + 3 * d
        a, b = spread(pull[U(i)]), spread(pull[U(i + 1)])
        c, e = spread(pull[U(i + 2)]), spread(pull[U(i + 3)])
        for j in range(0, even, LANES):
            total = add_cells(add_cells(load(part, j), X, p + j, a), X, q + j, b)
            store(part, j, add_cells(add_cells(total, X, r + j, c), X, s + j, e))
        if even < d:
            total = add_cells(add_cells(zero, X, q - LANES, a), X, r - LANES, b)
            total = add_cells(add_cells(total, X, s - LANES, c), X, s + d - LANES, e)
            add_into(part, d - LANES, total, left)
    for i in range(whole, count):
        for j in range(d):
            part[j] += X[first + i, j] * pull[i]


@step_kernel
def gradient_tile_f(
    Xt: np.ndarray, pull: np.ndarray, first: int, count: int, n_rows: int, part: np.ndarray
) -> None:
    """Add sum_i pull_i x_i over a tile to part[:d].

    Half of the next tile is fetched, up to row *n_rows*; where a tile is too large for L2,
    the columns a little ahead in this one are.
    """
    d = Xt.shape[0]
    last = first + count
    near = min(last + pull.size // 2, n_rows)
    far = min(last + pull.size, n_rows)
    whole = d // 4 * 4
    for j in range(whole, d):
        column_a = Xt[j][first:last]
        a = 0.0
        for i in range(count):
            a += column_a[i] * pull[i]
        part[j] += a
    # Backwards: the columns that were read last are nearest.
    for j in range(whole - 4, -1, -4):
        if d < WIDE_F:
            fetch_columns(Xt, j, near, far)
        else:
            fetch_columns(Xt, j - AHEAD_F, first, last)
        q = U(j)
        column_a, column_b = Xt[q][first:last], Xt[q + U(1)][first:last]
        column_c, column_e = Xt[q + U(2)][first:last], Xt[q + U(3)][first:last]
        a = b = c = e = 0.0
        for i in range(count):
            a += column_a[i] * pull[i]
            b += column_b[i] * pull[i]
            c += column_c[i] * pull[i]
            e += column_e[i] * pull[i]
        part[q] += a
        part[q + U(1)] += b
        part[q + U(2)] += c
        part[q + U(3)] += e


@block_kernel
def pass_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    reach: int,
    z: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add loss and gradient of some blocks of C-order X."""
    for b in range(first_block, last_block):
        part = partials[b]
        end = edges[b + 1]
        for first in range(edges[b], end, z.size):
            count = min(z.size, end - first)
            decisions_tile_c(X, coef, first, count, reach, 2, z)
            link_tile(z, codes, weights, class_weights, first, end, weight, u, growth, part)
            gradient_tile_c(X, coef, z, first, count, reach, part)


@block_kernel
def pass_block_narrow_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    columns: np.ndarray,
    z: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add loss and gradient of some blocks of C-order X of few columns.

    *columns* are from `fastlogreg.kernels.dense_narrow`.
    """
    for b in range(first_block, last_block):
        part = partials[b]
        end = edges[b + 1]
        for first in range(edges[b], end, z.size):
            count = min(z.size, end - first)
            decisions_narrow_c(X, coef, columns, first, count, z)
            link_tile(z, codes, weights, class_weights, first, end, weight, u, growth, part)
            gradient_narrow_c(X, columns, z, first, count, part)


@block_kernel
def pass_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add loss and gradient of some blocks of F-order X, given as Xt (d, n_rows)."""
    n_rows = Xt.shape[1]
    for b in range(first_block, last_block):
        part = partials[b]
        end = edges[b + 1]
        for first in range(edges[b], end, z.size):
            count = min(z.size, end - first)
            decisions_tile_f(Xt, coef, first, count, n_rows, 2, z)
            link_tile(z, codes, weights, class_weights, first, end, weight, u, growth, part)
            gradient_tile_f(Xt, z, first, count, n_rows, part)
