"""Block kernels of prediction: decisions, or probabilities, of the rows of a dense X.

For rows ``i`` of a block and outputs ``o``, with ``z_io = x_i w_o + b_o``::

    out[i, o] = z_io                                    probability False
    out[i]    = sigmoid(-z_i), sigmoid(z_i)             probability True, one output
    check[b]  = 0 if every z_io is finite, else NaN

Nothing as long as X is made, and the results are written where they stay.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import (
    decisions_tile_c,
    decisions_tile_f,
    reach_c,
    tile_rows_c,
    tile_rows_f,
)
from fastlogreg.kernels.pointwise import sigmoid
from fastlogreg.runtime.jit import block_kernel, tile_kernel

__all__ = ["decision_block_c", "decision_block_f"]


@tile_kernel
def store_tile(
    z: np.ndarray, o: int, first: int, count: int, probability: bool, out: np.ndarray
) -> float:
    """Write a tile's decisions of output o, or the probabilities of both classes."""
    check = 0.0
    for i in range(count):
        check += z[i] - z[i]
    if probability:
        rows = out[first : first + count]
        for i in range(count):
            rows[i, 0] = sigmoid(-z[i])
            rows[i, 1] = sigmoid(z[i])
    else:
        column = out[first : first + count, o]
        for i in range(count):
            column[i] = z[i]
    return check


@block_kernel
def decision_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    probability: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Predict for some blocks of C-order X; coef is (n_outputs, d + 1)."""
    d = X.shape[1]
    tile = tile_rows_c(d)
    reach = reach_c(d, X.itemsize)
    z = np.empty(tile)
    for b in range(first_block, last_block):
        check[b] = 0.0
        for first in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - first)
            for o in range(coef.shape[0]):
                decisions_tile_c(X, coef[o], first, count, reach, z)
                check[b] += store_tile(z, o, first, count, probability, out)


@block_kernel
def decision_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    probability: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Predict for some blocks of F-order X, given as Xt (d, n_rows)."""
    d, n_rows = Xt.shape
    tile = tile_rows_f(d)
    z = np.empty(tile)
    for b in range(first_block, last_block):
        check[b] = 0.0
        for first in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - first)
            for o in range(coef.shape[0]):
                decisions_tile_f(Xt, coef[o], first, count, n_rows, z)
                check[b] += store_tile(z, o, first, count, probability, out)
