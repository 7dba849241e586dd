"""The link over a tile of rows: from decisions to losses and to the pulls of the gradient.

For a row with decision ``z``, sign ``t`` in {-1, 1}, margin ``m = t z`` and weight ``s``
it turns ``z`` into ``-s t sigmoid(-m)``, in place, and adds up ``s log(1 + exp(-m))``; for a
Hessian it gives the curvature ``s sigmoid(m) sigmoid(-m)`` besides.  The loops are flat, so
that they become vector code.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.pointwise import exp_of_negative, log1p_of_positive, signed
from fastlogreg.runtime.jit import step_kernel, tile_kernel
from fastlogreg.runtime.lanes import add_cells, load, spread, store

__all__ = ["LANES", "fill_row_weights", "link_bend_tile", "link_scratch", "link_tile"]

LANES = 32  # products kept at once; see `even_loss`
_MOST_FACTORS = 512  # of a product: each is at most 2, and a tile brings at most 64


def link_scratch(tile: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return *weight*, *u* and *growth* for tiles of so many rows."""
    size = -(-tile // LANES) * LANES
    return np.ones(size), np.empty(size), np.zeros(LANES + 1)


@step_kernel
def link_tile(
    z: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    end: int,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Turn a tile's decisions into pulls; add their sum to sums[-2], the loss to sums[-1].

    The tile holds the rows from first on, of a block that ends at end.  *weight*, *u* and
    *growth* are scratch from `link_scratch`.
    """
    count = min(z.size, end - first)
    even = weights.size == 0 and class_weights[0] == 1.0 and class_weights[1] == 1.0
    if not even:
        fill_row_weights(codes, weights, class_weights, first, count, weight)
    # A slice of codes, indexed from 0: an index that might wrap is checked for overlap
    # beyond the array, and what lies there would choose between vector and scalar code.
    code = codes[first : first + count]
    loss = pulls = 0.0
    for i in range(count):
        margin = signed(z[i], code[i])
        u_i = exp_of_negative(-abs(margin))
        pull = (u_i if margin > 0.0 else 1.0) * (1.0 / (1.0 + u_i)) * weight[i]
        pull = -pull if code[i] == 1 else pull
        loss += weight[i] * max(-margin, 0.0)
        pulls += pull
        u[i] = u_i
        z[i] = pull
    if even:
        loss += even_loss(u, count, first + count == end, growth)
    else:
        for i in range(count):
            loss += weight[i] * log1p_of_positive(u[i])
    sums[sums.size - 2] += pulls
    sums[sums.size - 1] += loss


@step_kernel
def link_bend_tile(
    z: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    end: int,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    bend: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Do what `link_tile` does; fill *bend* with curvatures, and add their sum to sums[-3].

    Beyond the rows of the tile, decisions and curvatures become 0.
    """
    link_tile(z, codes, weights, class_weights, first, end, weight, u, growth, sums)
    count = min(z.size, end - first)
    total = 0.0
    for i in range(count):
        inverse = 1.0 / (1.0 + u[i])
        curvature = weight[i] * (u[i] * inverse * inverse)
        bend[i] = curvature
        total += curvature
    for i in range(count, z.size):
        z[i] = bend[i] = 0.0
    sums[sums.size - 3] += total


@tile_kernel
def even_loss(u: np.ndarray, count: int, is_last: bool, growth: np.ndarray) -> float:
    """Take the sum of log(1 + u[:count]) into *growth*; return what is due of it.

    All is due with the last tile of a block, and once the products have enough factors,
    which ``growth[LANES]`` counts.
    """
    # A sum of log(1 + u) is the log of a product: one logarithm for up to 16,384 rows.
    # The product P is kept as P - 1, all terms positive, so that tiny u keep their digits
    # and the relative error of a factor is that of an addition.
    for i in range(count, u.size):
        u[i] = 0.0
    one = spread(1.0)
    # P + u + u P, of sixteen products at once: left to the compiler, a loop over so few
    # products is unrolled into scalar code.
    for k in range(0, LANES, 16):
        p, q = load(growth, k), load(growth, k + 4)
        r, s = load(growth, k + 8), load(growth, k + 12)
        for i in range(k, u.size, LANES):
            p = add_cells(add_cells(p, u, i, one), u, i, p)
            q = add_cells(add_cells(q, u, i + 4, one), u, i + 4, q)
            r = add_cells(add_cells(r, u, i + 8, one), u, i + 8, r)
            s = add_cells(add_cells(s, u, i + 12, one), u, i + 12, s)
        store(growth, k, p)
        store(growth, k + 4, q)
        store(growth, k + 8, r)
        store(growth, k + 12, s)
    growth[LANES] += u.size // LANES
    total = 0.0
    if is_last or growth[LANES] >= _MOST_FACTORS:
        for i in range(LANES):
            total += log1p_of_positive(growth[i])
            growth[i] = 0.0
        growth[LANES] = 0.0
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
