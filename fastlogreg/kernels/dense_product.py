"""Block kernels of a Hessian times a direction, for one output from one read of X.

For rows ``i`` of a block, with decisions ``z_i = x_i w + b`` of the coefficients and
``v_i = x_i u + c`` of the direction, and row weights ``s_i``::

    r_i     = s_i sigmoid(z_i) sigmoid(-z_i) v_i
    part[j] = sum_i r_i x_ij      j < d
    part[d] = sum_i r_i           intercept

As in `fastlogreg.kernels.dense_pass`, a tile of rows is read once from memory, for both
decisions, and again from the cache for the sums.  ``vectors``, ``(2, d + 1)``, holds
coefficients and direction, for C order from `fastlogreg.kernels.dense_tiles.with_rest`;
``partials``, a row a block, is added to; ``z``, ``v`` and ``weight``, of the size of a tile,
are scratch, where ``weight`` is ones.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_pass import gradient_tile_c, gradient_tile_f
from fastlogreg.kernels.dense_tiles import WIDE_F, U, fetch_columns, rows_of_lanes
from fastlogreg.kernels.link import fill_row_weights
from fastlogreg.kernels.pointwise import curvature
from fastlogreg.runtime.jit import block_kernel, fetch, step_kernel, tile_kernel
from fastlogreg.runtime.lanes import LANES, add_cells, add_into, load, spread, sums_of_four

__all__ = ["product_block_c", "product_block_f"]

_AHEAD = 8  # columns


@step_kernel
def both_decisions_c(
    X: np.ndarray,
    vectors: np.ndarray,
    first: int,
    count: int,
    reach: int,
    z: np.ndarray,
    v: np.ndarray,
) -> None:
    """Fill z and v with the decisions of a tile of C-order X; fetch half of the next."""
    d = X.shape[1]
    coef, direction = vectors[0], vectors[1]
    whole, even = rows_of_lanes(d, count), d // LANES * LANES
    ahead = first * d + reach
    one = spread(1.0)
    for i in range(count):
        z[i], v[i] = coef[d], direction[d]
    for i in range(0, whole, LANES):
        if reach > 0:
            fetch(X, ahead + i * d // 2, ahead + (i + LANES) * d // 2)
        p = (first + i) * d
        q, r, s = p + d, p + 2 * d, p + 3 * d
        a = b = c = e = spread(0.0)
        f = g = h = k = spread(0.0)
        for j in range(0, even, LANES):
            x = load(X, p + j)
            a, f = add_cells(a, coef, j, x), add_cells(f, direction, j, x)
            x = load(X, q + j)
            b, g = add_cells(b, coef, j, x), add_cells(g, direction, j, x)
            x = load(X, r + j)
            c, h = add_cells(c, coef, j, x), add_cells(h, direction, j, x)
            x = load(X, s + j)
            e, k = add_cells(e, coef, j, x), add_cells(k, direction, j, x)
        if even < d:
            x = load(X, q - LANES)
            a, f = add_cells(a, coef, d + 1, x), add_cells(f, direction, d + 1, x)
            x = load(X, r - LANES)
            b, g = add_cells(b, coef, d + 1, x), add_cells(g, direction, d + 1, x)
            x = load(X, s - LANES)
            c, h = add_cells(c, coef, d + 1, x), add_cells(h, direction, d + 1, x)
            x = load(X, s + d - LANES)
            e, k = add_cells(e, coef, d + 1, x), add_cells(k, direction, d + 1, x)
        add_into(z, i, sums_of_four(a, b, c, e), one)
        add_into(v, i, sums_of_four(f, g, h, k), one)
    for i in range(whole, count):
        for j in range(d):
            x = X[first + i, j]
            z[i] += x * coef[j]
            v[i] += x * direction[j]


@step_kernel
def both_decisions_f(
    Xt: np.ndarray,
    vectors: np.ndarray,
    first: int,
    count: int,
    n_rows: int,
    z: np.ndarray,
    v: np.ndarray,
) -> None:
    """Fill z and v with the decisions of a tile; fetch as `decisions_tile_f` does."""
    d = Xt.shape[0]
    coef, direction = vectors[0], vectors[1]
    last = first + count
    ahead = min(last + z.size // 2, n_rows)
    for i in range(count):
        z[i] = coef[d]
        v[i] = direction[d]
    whole = d // 4 * 4
    for j in range(0, whole, 4):
        if d >= WIDE_F:
            fetch_columns(Xt, j + _AHEAD, first, last)
        else:
            fetch_columns(Xt, j, last, ahead)
        q = U(j)
        column_a, column_b = Xt[q][first:last], Xt[q + U(1)][first:last]
        column_c, column_e = Xt[q + U(2)][first:last], Xt[q + U(3)][first:last]
        a, b, c, e = coef[q], coef[q + U(1)], coef[q + U(2)], coef[q + U(3)]
        f, g = direction[q], direction[q + U(1)]
        h, k = direction[q + U(2)], direction[q + U(3)]
        for i in range(count):
            x_a, x_b, x_c, x_e = column_a[i], column_b[i], column_c[i], column_e[i]
            z[i] += (x_a * a + x_b * b) + (x_c * c + x_e * e)
            v[i] += (x_a * f + x_b * g) + (x_c * h + x_e * k)
    for j in range(whole, d):
        column_a = Xt[j][first:last]
        a, f = coef[j], direction[j]
        for i in range(count):
            x_a = column_a[i]
            z[i] += x_a * a
            v[i] += x_a * f


@tile_kernel
def bend_tile(
    z: np.ndarray,
    v: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    count: int,
    weight: np.ndarray,
    part: np.ndarray,
) -> None:
    """Turn z into s sigmoid(z) sigmoid(-z) v, and add its sum to the end of part."""
    if weights.size > 0 or class_weights[0] != 1.0 or class_weights[1] != 1.0:
        fill_row_weights(codes, weights, class_weights, first, count, weight)
    total = 0.0
    for i in range(count):
        pull = weight[i] * (curvature(z[i]) * v[i])
        z[i] = pull
        total += pull
    part[part.size - 1] += total


@block_kernel
def product_block_c(
    X: np.ndarray,
    vectors: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    reach: int,
    z: np.ndarray,
    v: np.ndarray,
    weight: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the product of some blocks of C-order X."""
    for b in range(first_block, last_block):
        part = partials[b]
        end = edges[b + 1]
        for first in range(edges[b], end, z.size):
            count = min(z.size, end - first)
            both_decisions_c(X, vectors, first, count, reach, z, v)
            bend_tile(z, v, codes, weights, class_weights, first, count, weight, part)
            gradient_tile_c(X, vectors[0], z, first, count, reach, part)


@block_kernel
def product_block_f(
    Xt: np.ndarray,
    vectors: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    v: np.ndarray,
    weight: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the product of some blocks of F-order X, given as Xt (d, n_rows)."""
    n_rows = Xt.shape[1]
    for b in range(first_block, last_block):
        part = partials[b]
        end = edges[b + 1]
        for first in range(edges[b], end, z.size):
            count = min(z.size, end - first)
            both_decisions_f(Xt, vectors, first, count, n_rows, z, v)
            bend_tile(z, v, codes, weights, class_weights, first, count, weight, part)
            gradient_tile_f(Xt, z, first, count, n_rows, part)
