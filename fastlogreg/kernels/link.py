"""The link over a tile of rows: from decisions to losses and to the pulls of the gradient.

For a row with decision ``z``, sign ``t`` in {-1, 1}, margin ``m = t z`` and weight ``s``
it turns ``z`` into ``-s t sigmoid(-m)``, in place, and adds up ``s log(1 + exp(-m))``.
Every storage of X goes through here; the loops are flat, so that they become vector code.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.pointwise import exp_of_negative, log1p_of_positive, loss_pull, signed
from fastlogreg.runtime.jit import tile_kernel

__all__ = [
    "LANES",
    "MOST_FACTORS",
    "even_link",
    "fill_row_weights",
    "link_scratch",
    "take_growth",
    "uneven_link",
]

LANES = 32  # products kept at once in `even_link`; tiles are whole numbers of lanes
MOST_FACTORS = 512  # of a product: each is at most 2, and a tile brings at most 64


def link_scratch(tile: int) -> tuple[np.ndarray, np.ndarray]:
    """Return *u* and *growth* for tiles of so many rows."""
    return np.empty(-(-tile // LANES) * LANES), np.zeros(LANES + 1)


@tile_kernel
def even_link(
    z: np.ndarray, codes: np.ndarray, first: int, count: int, u: np.ndarray, growth: np.ndarray
) -> float:
    """Turn decisions z[:count] into pulls of rows that all weigh 1; return a part of the loss.

    The other part is kept in *growth* until `take_growth`; ``growth[LANES]`` counts its
    factors.  *u* is overwritten.
    """
    # A sum of log(1 + u) is the log of a product: one logarithm for 16,384 rows.  The
    # product P is kept as P - 1, all terms positive, so that tiny u keep their digits and
    # the relative error of a factor is that of an addition.
    code = codes[first : first + count]
    hinge = 0.0
    for i in range(count):
        margin = signed(z[i], code[i])
        u_i = exp_of_negative(-abs(margin))
        pull = (u_i if margin > 0.0 else 1.0) * (1.0 / (1.0 + u_i))
        hinge += max(-margin, 0.0)
        u[i] = u_i
        z[i] = -pull if code[i] == 1 else pull
    for i in range(count, u.size):
        u[i] = 0.0
    for start in range(0, u.size, LANES):
        factor = u[start : start + LANES]
        for i in range(LANES):
            growth[i] += factor[i] * (1.0 + growth[i])
    growth[LANES] += u.size // LANES
    return hinge


@tile_kernel
def take_growth(growth: np.ndarray) -> float:
    """Return the part of the loss that lies in *growth*, and empty it.

    Due at the end of a block, and once ``growth[LANES]`` reaches `MOST_FACTORS`.
    """
    total = 0.0
    for i in range(LANES):
        total += log1p_of_positive(growth[i])
        growth[i] = 0.0
    growth[LANES] = 0.0
    return total


@tile_kernel
def uneven_link(
    z: np.ndarray, codes: np.ndarray, first: int, count: int, row_weight: np.ndarray
) -> float:
    """Turn decisions z[:count] into pulls of weighted rows; return the sum of s loss."""
    code = codes[first : first + count]
    total = 0.0
    for i in range(count):
        loss, pull = loss_pull(signed(z[i], code[i]))
        pull *= row_weight[i]
        total += row_weight[i] * loss
        z[i] = -pull if code[i] == 1 else pull
    return total


@tile_kernel
def fill_row_weights(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    count: int,
    out: np.ndarray,
) -> None:
    """Fill out[:count] with class weight times sample weight of the rows from first on."""
    negative = class_weights[0]
    positive = class_weights[1]
    code = codes[first : first + count]
    for i in range(count):
        out[i] = positive if code[i] == 1 else negative
    if weights.size > 0:
        weight = weights[first : first + count]
        for i in range(count):
            out[i] *= weight[i]
