"""Weighted sums of squares of the columns of a dense X: the diagonals of Gram matrices.

For rows ``i`` of a block, columns ``j`` and outputs ``o``::

    out[o, j] = sum_i r_io x_ij^2        out[o, d] = sum_i r_io
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel

__all__ = ["squares_block_c", "squares_block_f"]


@block_kernel
def squares_block_c(
    X: np.ndarray, r: np.ndarray, out: np.ndarray, edges: np.ndarray, first: int, last: int
) -> None:
    """Add the sums of blocks first : last of C-order X to their parts (n_outputs, d + 1)."""
    for b in range(first, last):
        for i in range(edges[b], edges[b + 1]):
            row, of_row = X[i], r[i]
            for o in range(r.shape[1]):
                total, weight = out[b, o], of_row[o]
                for j in range(X.shape[1]):
                    total[j] += weight * row[j] * row[j]
                total[X.shape[1]] += weight


@block_kernel
def squares_block_f(
    Xt: np.ndarray, r: np.ndarray, out: np.ndarray, edges: np.ndarray, first: int, last: int
) -> None:
    """Add the sums of blocks first : last of F-order X, given as Xt (d, n_rows)."""
    d = Xt.shape[0]
    for b in range(first, last):
        weights = r[edges[b] : edges[b + 1]]
        for o in range(r.shape[1]):
            for j in range(d):
                column = Xt[j][edges[b] : edges[b + 1]]
                total = 0.0
                for i in range(weights.shape[0]):
                    total += weights[i, o] * column[i] * column[i]
                out[b, o, j] += total
            total = 0.0
            for i in range(weights.shape[0]):
                total += weights[i, o]
            out[b, o, d] += total
