"""Kernels of the decisions of a dense X: ``lines[o, i] = x_i w_o + b_o``.

The first place of a line is that of row *first*; rows go up to *end*, a tile of so many at a
time, which is read once from memory however many outputs there are.  ``coef`` is
``(n_outputs, d + 1)``, for C order from `fastlogreg.kernels.dense_tiles.with_rest`.  NaN is
returned if a decision is not finite, else 0.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_tiles import decisions_tile_c, decisions_tile_f
from fastlogreg.kernels.predicted import check_line
from fastlogreg.runtime.jit import block_kernel

__all__ = ["WIDE_TILE_F", "decide_c", "decide_f"]

WIDE_TILE_F = 1_024  # rows; nothing is read twice, so long runs of a column serve best


@block_kernel
def decide_c(
    X: np.ndarray,
    coef: np.ndarray,
    tile: int,
    reach: int,
    lines: np.ndarray,
    first: int,
    end: int,
) -> float:
    """Decide rows of C-order X."""
    check = 0.0
    for row in range(first, end, tile):
        count = min(tile, end - row)
        at = row - first
        for o in range(coef.shape[0]):
            z = lines[o][at : at + count]
            decisions_tile_c(X, coef[o], row, count, reach, 1, z)
            check += check_line(z, count)
    return check


@block_kernel
def decide_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    tile: int,
    lines: np.ndarray,
    first: int,
    end: int,
) -> float:
    """Decide rows of F-order X, given as Xt (d, n_rows)."""
    n_rows = Xt.shape[1]
    check = 0.0
    for row in range(first, end, tile):
        count = min(tile, end - row)
        at = row - first
        for o in range(coef.shape[0]):
            z = lines[o][at : at + tile]
            decisions_tile_f(Xt, coef[o], row, count, n_rows, 1, z)
            check += check_line(z, count)
    return check
