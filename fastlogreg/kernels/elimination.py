"""The Schur complement of a diagonal block, by the loops of a Gram matrix; no X is read.

The same names and signatures as in `fastlogreg.reference.elimination`.  A BLAS would share the
product among threads of its own, which then spin for many milliseconds in the way of the
next pass.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.blocks import block_edges, sum_parts
from fastlogreg.kernels.dense_gram import LINES, TILE, fill_tile_c, padded, sum_tile
from fastlogreg.runtime.jit import block_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = ["schur_complement"]

_MOST_BLOCKS = 8


@block_kernel
def add_border_gram(
    border: np.ndarray,
    scale: np.ndarray,
    of_core: np.ndarray,
    first: int,
    last: int,
    side: int,
    tile: np.ndarray,
    scaled: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add the products of the scaled columns of some rows of the border with each other."""
    ones = tile[side]
    for start in range(first, last, TILE):
        count = min(TILE, last - start)
        fill_tile_c(border, start, last, tile)
        for j in range(of_core.size):
            for i in range(count):
                tile[j, i] *= of_core[j] * scale[start + i]
        for i in range(TILE):
            ones[i] = 1.0 if i < count else 0.0
        sum_tile(tile, side, scaled, out, 0)


def schur_complement(
    scale: np.ndarray, of_core: np.ndarray, border: np.ndarray, core: np.ndarray, n_threads: int
) -> np.ndarray:
    """Return ``c (A - B' s^2 B) c``, symmetric, for scales s of the rows of B and c of A.

    Parameters
    ----------
    scale : ndarray of float64, shape (m,)
        One over the roots of the diagonal block.
    of_core : ndarray of float64, shape (r,)
    border : ndarray of float64, shape (m, r), C order
    core : ndarray of float64, shape (r, r)
    n_threads : int
        Threads; the result does not depend on it.
    """
    m, r = border.shape
    side = padded(r)
    n_blocks = max(1, min(-(-m // TILE), _MOST_BLOCKS))
    edges = block_edges(m, n_blocks, TILE)
    parts = np.zeros((n_blocks, side + 2, side))

    def block(begin: int, end: int) -> None:
        tile, scaled = np.zeros((side + 2, TILE)), np.empty((LINES, TILE))
        for b in range(begin, end):
            rows = (edges[b], edges[b + 1])
            add_border_gram(border, scale, of_core, *rows, side, tile, scaled, parts[b])

    run_blocks(block, n_blocks, n_threads)
    upper = np.triu(sum_parts(parts)[:r, :r])
    upper += np.triu(upper, 1).T
    complement: np.ndarray = core * of_core
    complement *= of_core[:, None]
    complement -= upper
    return complement
