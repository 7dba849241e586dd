"""Block kernels of prediction: decisions, or probabilities, of the rows of a dense X.

For rows ``i`` of a block and outputs ``o``, with ``z_io = x_i w_o + b_o``::

    out[i, o] = z_io                                    probability False
    out[i]    = sigmoid(-z_i), sigmoid(z_i)             probability True, one output
    out[i, o] = exp(z_io) / sum_l exp(z_il)             probability True, several
    check[b]  = 0 if every z_io is finite, else NaN

Nothing as long as X is made, and the results are written where they stay.  ``lines``
is scratch with a line of the size of a tile: one, or one per class for the
probabilities of several; ``other`` is scratch of that size, or of `softmax_scratch`.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import decisions_tile_c, decisions_tile_f
from fastlogreg.kernels.pointwise import sigmoids
from fastlogreg.kernels.softmax import probability_tile
from fastlogreg.runtime.jit import block_kernel, step_kernel, tile_kernel

__all__ = [
    "WIDE_TILE_F",
    "decision_block_c",
    "decision_block_f",
    "store_classes",
    "store_tile",
]

WIDE_TILE_F = 1_024  # rows; nothing is read twice, so long runs of a column serve best


@tile_kernel
def store_tile(
    z: np.ndarray,
    other: np.ndarray,
    o: int,
    first: int,
    count: int,
    probability: bool,
    out: np.ndarray,
) -> float:
    """Write a tile's decisions of output o, or the probabilities of both classes.

    *other*, of the size of z, is scratch.
    """
    check = 0.0
    # 0 times what is not finite is NaN; z - z would be regrouped away.
    for i in range(count):
        check += 0.0 * z[i]
    if probability:
        rows = out[first : first + count]
        # Apart from the stores two by two, so that this one is a vector loop.
        for i in range(count):
            other[i], z[i] = sigmoids(z[i])
        for i in range(count):
            rows[i, 0], rows[i, 1] = other[i], z[i]
    else:
        column = out[first : first + count, o]
        for i in range(count):
            column[i] = z[i]
    return check


@step_kernel
def link_classes(lines: np.ndarray, other: np.ndarray, count: int) -> float:
    """Turn decisions into probabilities of all classes; return what is NaN if any is not finite."""
    check = 0.0
    for o in range(lines.shape[0]):
        line = lines[o]
        for i in range(count):
            check += 0.0 * line[i]
    probability_tile(lines, count, other)
    return check


@tile_kernel
def store_classes(
    lines: np.ndarray, other: np.ndarray, first: int, count: int, out: np.ndarray
) -> float:
    """Write a tile's probabilities of all classes, made from the decisions in lines."""
    check = link_classes(lines, other, count)
    for o in range(lines.shape[0]):
        line, column = lines[o], out[first : first + count, o]
        for i in range(count):
            column[i] = line[i]
    return check


@block_kernel
def decision_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    probability: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    reach: int,
    lines: np.ndarray,
    other: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Predict for some blocks of C-order X; coef is (n_outputs, d + 1)."""
    several = lines.shape[0] > 1
    tile = lines.shape[1]
    for b in range(first_block, last_block):
        check[b] = 0.0
        end = edges[b + 1]
        for first in range(edges[b], end, tile):
            count = min(tile, end - first)
            for o in range(coef.shape[0]):
                z = lines[o if several else 0]
                decisions_tile_c(X, coef[o], first, count, reach, 1, z)
                if not several:
                    check[b] += store_tile(z, other, o, first, count, probability, out)
            if several:
                check[b] += store_classes(lines, other, first, count, out)


@block_kernel
def decision_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    probability: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    other: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Predict for some blocks of F-order X, given as Xt (d, n_rows)."""
    several = lines.shape[0] > 1
    tile = lines.shape[1]
    n_rows = Xt.shape[1]
    for b in range(first_block, last_block):
        check[b] = 0.0
        end = edges[b + 1]
        for first in range(edges[b], end, tile):
            count = min(tile, end - first)
            for o in range(coef.shape[0]):
                z = lines[o if several else 0]
                decisions_tile_f(Xt, coef[o], first, count, n_rows, 1, z)
                if not several:
                    check[b] += store_tile(z, other, o, first, count, probability, out)
            if several:
                check[b] += store_classes(lines, other, first, count, out)
