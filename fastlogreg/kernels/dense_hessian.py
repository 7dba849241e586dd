"""Block kernels of the dense Hessian: the weighted Gram matrix of [X, 1].

For rows ``i`` of a block, with ``h_i = s_i sigmoid(z_i) sigmoid(-z_i)`` and ``x~_i``
the row with a 1 behind it::

    part[o] = sum_i h_i x~_i x~_i'          upper triangle, (d + 1, d + 1), padded

Only a tile of rows is ever scaled: ``q[j, i] = sqrt(h_i) x~_ij``, transposed, so that
an entry is a dot product of two contiguous rows of ``q``.  Those are taken in register
tiles of 2 x 4 entries: eight sums in registers for six loads.  ``q`` has its rows
padded with zeros to a multiple of 4, so that the register tiles need no borders.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import decisions_tile_c, decisions_tile_f, fill_row_weights
from fastlogreg.kernels.pointwise import curvature
from fastlogreg.runtime.jit import block_kernel, parallel_driver, prange

__all__ = [
    "hessian_block_c",
    "hessian_block_f",
    "hessian_drive_c",
    "hessian_drive_f",
    "padded",
    "tile_rows",
]

_TILE_CELLS = 65_536  # 512 KiB of float64 stay in L2
_TILE_LEAST = 32
_TILE_MOST = 128


@block_kernel
def padded(width: int) -> int:
    """Return the rows of q: width rounded up to a multiple of 4."""
    return (width + 3) // 4 * 4


@block_kernel
def tile_rows(width: int) -> int:
    """Return the rows of X in a tile."""
    rows = _TILE_CELLS // width // 32 * 32
    return min(max(rows, _TILE_LEAST), _TILE_MOST)


@block_kernel
def root_curvature_tile(z: np.ndarray, row_weight: np.ndarray, count: int) -> None:
    """Turn decisions z[:count] into sqrt(s sigmoid(z) sigmoid(-z)) in place."""
    for i in range(count):
        z[i] = np.sqrt(row_weight[i] * curvature(z[i]))


@block_kernel
def scale_tile_c(X: np.ndarray, root: np.ndarray, first: int, count: int, q: np.ndarray) -> None:
    """Fill q[j, :count] with root_i x_ij, and q[d, :count] with root_i; C-order X."""
    d = X.shape[1]
    # Eight rows a sweep, so that each line of q is written once and whole.
    whole = count // 8 * 8
    for i in range(0, whole, 8):
        r = first + i
        row_a, row_b, row_c, row_d = X[r], X[r + 1], X[r + 2], X[r + 3]
        row_e, row_f, row_g, row_h = X[r + 4], X[r + 5], X[r + 6], X[r + 7]
        for j in range(d):
            line = q[j]
            line[i] = row_a[j] * root[i]
            line[i + 1] = row_b[j] * root[i + 1]
            line[i + 2] = row_c[j] * root[i + 2]
            line[i + 3] = row_d[j] * root[i + 3]
            line[i + 4] = row_e[j] * root[i + 4]
            line[i + 5] = row_f[j] * root[i + 5]
            line[i + 6] = row_g[j] * root[i + 6]
            line[i + 7] = row_h[j] * root[i + 7]
    for i in range(whole, count):
        row_a = X[first + i]
        for j in range(d):
            q[j, i] = row_a[j] * root[i]
    for i in range(count):
        q[d, i] = root[i]


@block_kernel
def scale_tile_f(Xt: np.ndarray, root: np.ndarray, first: int, count: int, q: np.ndarray) -> None:
    """Fill q[j, :count] with root_i x_ij, and q[d, :count] with root_i; Xt is (d, n_rows)."""
    d = Xt.shape[0]
    for j in range(d):
        column = Xt[j][first : first + count]
        out = q[j]
        for i in range(count):
            out[i] = column[i] * root[i]
    out = q[d]
    for i in range(count):
        out[i] = root[i]


@block_kernel
def add_gram_tile(q: np.ndarray, part: np.ndarray) -> None:
    """Add q q' to part, entries on and above the diagonal (and a few below)."""
    width, count = q.shape
    for j in range(0, width, 2):
        row_a, row_b = q[j], q[j + 1]
        for k in range(j // 4 * 4, width, 4):
            col_a, col_b, col_c, col_e = q[k], q[k + 1], q[k + 2], q[k + 3]
            aa = ab = ac = ae = ba = bb = bc = be = 0.0
            for i in range(count):
                x = row_a[i]
                y = row_b[i]
                aa += x * col_a[i]
                ab += x * col_b[i]
                ac += x * col_c[i]
                ae += x * col_e[i]
                ba += y * col_a[i]
                bb += y * col_b[i]
                bc += y * col_c[i]
                be += y * col_e[i]
            part[j, k] += aa
            part[j, k + 1] += ab
            part[j, k + 2] += ac
            part[j, k + 3] += ae
            part[j + 1, k] += ba
            part[j + 1, k + 1] += bb
            part[j + 1, k + 2] += bc
            part[j + 1, k + 3] += be


@block_kernel
def hessian_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    b: int,
) -> None:
    """Weighted Gram matrix of block b of C-order X."""
    part = partials[b]
    n_outputs, width = coef.shape
    tile = tile_rows(width)
    z = np.empty(tile)
    row_weight = np.empty(tile)
    q = np.zeros((padded(width), tile))
    part[:] = 0.0
    for first in range(edges[b], edges[b + 1], tile):
        count = min(tile, edges[b + 1] - first)
        fill_row_weights(codes, weights, class_weights, first, count, row_weight)
        if count < tile:
            q[:] = 0.0
        for o in range(n_outputs):
            decisions_tile_c(X, coef[o], first, count, z)
            root_curvature_tile(z, row_weight, count)
            scale_tile_c(X, z, first, count, q)
            add_gram_tile(q, part[o])


@block_kernel
def hessian_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    b: int,
) -> None:
    """Weighted Gram matrix of block b of F-order X, given as Xt (d, n_rows)."""
    part = partials[b]
    n_outputs, width = coef.shape
    tile = tile_rows(width)
    z = np.empty(tile)
    row_weight = np.empty(tile)
    q = np.zeros((padded(width), tile))
    part[:] = 0.0
    for first in range(edges[b], edges[b + 1], tile):
        count = min(tile, edges[b + 1] - first)
        fill_row_weights(codes, weights, class_weights, first, count, row_weight)
        if count < tile:
            q[:] = 0.0
        for o in range(n_outputs):
            decisions_tile_f(Xt, coef[o], first, count, z)
            root_curvature_tile(z, row_weight, count)
            scale_tile_f(Xt, z, first, count, q)
            add_gram_tile(q, part[o])


@parallel_driver
def hessian_drive_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Run `hessian_block_c` over all blocks."""
    for b in prange(partials.shape[0]):
        hessian_block_c(X, coef, codes, weights, class_weights, partials, edges, b)


@parallel_driver
def hessian_drive_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Run `hessian_block_f` over all blocks."""
    for b in prange(partials.shape[0]):
        hessian_block_f(Xt, coef, codes, weights, class_weights, partials, edges, b)
