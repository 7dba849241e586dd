"""Loss, gradient and dense Hessian over a sparse X by rows, from one read of it.

A Hessian is made of Gram matrices ``G_q = sum_i h_iq [x_i, 1][x_i, 1]^T``, one for each
output that is a model of its own, with ``h = s sigmoid(z) sigmoid(-z)``, or for each pair
``k < l`` of classes of a softmax, with ``h = s p_k p_l`` (see
`fastlogreg.kernels.dense_softmax`).  All of them lie side by side for two columns::

    out[b, j, k, q]

Every pair of stored values of a row is taken once, wherever it lands: with *out* goes its
transpose, so the order of a row's indices does not matter, and a column that occurs twice
gets both its products.  What stays on the diagonal, the squares, is in *own*.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.pointwise import loss_pull_curvature, signed
from fastlogreg.kernels.softmax import (
    fill_class_weights,
    loss_tile,
    raise_tile,
    share_tile,
)
from fastlogreg.kernels.sparse_blocks import rows_of_tile
from fastlogreg.kernels.sparse_rows import add_rows_of_lanes, decide_lanes
from fastlogreg.runtime.jit import block_kernel, step_kernel
from fastlogreg.runtime.lanes import LANES, add_into, load, spread

__all__ = ["hessian_rows"]

U = np.uintp


@step_kernel
def bend_lines(
    lines: np.ndarray,
    shares: np.ndarray,
    code: np.ndarray,
    softmax: bool,
    row_weight: np.ndarray,
    missing: np.ndarray,
    scratch: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Turn decisions into pulls in place; shares gets h, sums what dense_outputs says."""
    count = code.size
    n_outputs = sums.shape[0]
    if not softmax:
        for o in range(n_outputs):
            line, share = lines[o], shares[o]
            pulls = losses = 0.0
            for i in range(count):
                loss, pull, bend = loss_pull_curvature(signed(line[i], code[i]))
                weight = row_weight[i]
                losses += weight * loss
                pull = weight * (-pull if code[i] == 1 else pull)
                line[i] = pull
                share[i] = weight * bend
                pulls += pull
            sums[o, 0] += pulls
            sums[o, 1] += losses
        return
    raise_tile(lines, n_outputs, code, count, scratch)
    sums[0, 1] += loss_tile(row_weight, count, scratch)
    share_tile(lines, n_outputs, row_weight, count, scratch, missing)
    q = 0
    for a in range(n_outputs):
        for b in range(a + 1, n_outputs):
            line, other, share = lines[a], lines[b], shares[q]
            for i in range(count):
                share[i] = row_weight[i] * (line[i] * other[i])
            q += 1
    for o in range(n_outputs):
        line = lines[o]
        pulls = 0.0
        for i in range(count):
            pull = -missing[i] if code[i] == o else row_weight[i] * line[i]
            line[i] = pull
            pulls += pull
        sums[o, 0] += pulls


@step_kernel
def add_pairs(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    h: np.ndarray,
    first: int,
    count: int,
    out: np.ndarray,
    own: np.ndarray,
) -> None:
    """Add the products of all pairs of a tile's rows; h is (tile, whole lanes)."""
    d, width = own.shape[0] - 1, own.shape[1]
    one = spread(1.0)
    for i in range(count):
        begin, end = indptr[first + i], indptr[first + i + 1]
        for g in range(0, width, LANES):
            share = load(h, i * width + g)
            add_into(own, d * width + g, share, one)
            for k in range(begin, end):
                x, j = np.float64(data[U(k)]), np.intp(indices[U(k)])
                add_into(own, j * width + g, share, spread(x * x))
                add_into(out, (j * (d + 1) + d) * width + g, share, spread(x))
                for m in range(k + 1, end):
                    at = (j * (d + 1) + np.intp(indices[U(m)])) * width + g
                    add_into(out, at, share, spread(x * data[U(m)]))


@step_kernel
def add_pairs_of_one(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    h: np.ndarray,
    first: int,
    count: int,
    out: np.ndarray,
    own: np.ndarray,
) -> None:
    """Add the products of all pairs of a tile's rows where there is one Gram matrix."""
    d = own.size - 1
    for i in range(count):
        begin, end = indptr[first + i], indptr[first + i + 1]
        share = h[i]
        own[d] += share
        for k in range(begin, end):
            x, j = data[U(k)], U(indices[U(k)])
            line = out[j]
            a = share * x
            own[j] += a * x
            line[d] += a
            for m in range(k + 1, end):
                line[U(indices[U(m)])] += a * data[U(m)]


@block_kernel
def hessian_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    gradients: np.ndarray,
    sums: np.ndarray,
    out: np.ndarray,
    own: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    h: np.ndarray,
    lines: np.ndarray,
    shares: np.ndarray,
    row_weight: np.ndarray,
    missing: np.ndarray,
    scratch: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the sums of some blocks to their parts.

    *h* and *shares*, its transpose, have a column and a line a Gram matrix, whole lanes of
    them or one; the rest is as in `fastlogreg.kernels.sparse_outputs`.
    """
    for b in range(first_block, last_block):
        first, end = edges[b], edges[b + 1]
        while first < end:
            count = rows_of_tile(indptr, first, end)
            decide_lanes(data, indices, indptr, coef, first, count, z)
            for o in range(lines.shape[0]):
                line = lines[o]
                for i in range(count):
                    line[i] = z[i, o]
            fill_class_weights(codes, weights, class_weights, first, count, row_weight)
            code = codes[first : first + count]
            bend_lines(lines, shares, code, softmax, row_weight, missing, scratch, sums[b])
            for o in range(lines.shape[0]):
                line = lines[o]
                for i in range(count):
                    z[i, o] = line[i]
            add_rows_of_lanes(data, indices, indptr, z, first, count, gradients[b])
            if shares.shape[0] == 1:
                add_pairs_of_one(
                    data, indices, indptr, shares[0], first, count, out[b, :, :, 0], own[b, :, 0]
                )
            else:
                for q in range(shares.shape[0]):
                    share = shares[q]
                    for i in range(count):
                        h[i, q] = share[i]
                add_pairs(data, indices, indptr, h, first, count, out[b], own[b])
            first += count
