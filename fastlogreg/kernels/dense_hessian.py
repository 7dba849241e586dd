"""Loss, gradient and Hessian of a dense X from one read of it.

Two ways, chosen by shape and size of X alone:

- *by rows*: each block of rows sums into a matrix of its own, and the matrices are added
  in block order.  A block is a sequence of tiles, each filled, weighted and summed while
  it is in the cache.
- *by panels*, where so many matrices would take too much memory: a chunk of tiles is
  filled by all threads, then each panel of the one matrix takes its sums over the chunk,
  owned by one thread.

Neither holds a scaled copy of X, and neither depends on who does what.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastlogreg.kernels.blocks import (
    aligned_zeros,
    block_edges,
    count_blocks,
    sum_parts,
)
from fastlogreg.kernels.dense_gram import (
    LINES,
    PANEL,
    TILE,
    add_gram,
    fill_tile_c,
    fill_tile_f,
    padded,
    sum_tile,
    weigh_tile,
)
from fastlogreg.kernels.link import link_scratch
from fastlogreg.runtime.jit import block_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = ["loss_gradient_hessian", "mirror", "panels_of", "tiles_of_chunk"]

_LEAST_BLOCKS = 16  # below, 16 cores have not all work, and panels are the better way
_SMALL = 4_194_304  # bytes that may be taken whatever the size of X
_SHARE = 12  # else a twelfth of X's bytes
_MOST_TILES = 32  # of a chunk; 11,776 rows
_STRIP = 256  # rows


@block_kernel
def hessian_block_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
    edges: np.ndarray,
    tile: np.ndarray,
    scaled: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Sum over some blocks of C-order X; out stacks their matrices."""
    n_outputs = coef.shape[0]
    side = out.shape[1] - 1
    for b in range(first_block, last_block):
        end = edges[b + 1]
        for first in range(edges[b], end, TILE):
            fill_tile_c(X, first, end, tile)
            for o in range(n_outputs):
                part = b * n_outputs + o
                weigh_tile(
                    tile,
                    side,
                    coef[o],
                    codes,
                    weights,
                    class_weights,
                    first,
                    end,
                    weight,
                    u,
                    growth[o],
                    sums[part],
                )
                sum_tile(tile, side, scaled, out, part * (side + 2))


@block_kernel
def hessian_block_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
    edges: np.ndarray,
    tile: np.ndarray,
    scaled: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Sum over some blocks of F-order X, given as Xt (d, n_rows); out stacks their matrices."""
    n_outputs = coef.shape[0]
    side = out.shape[1] - 1
    for b in range(first_block, last_block):
        end = edges[b + 1]
        for first in range(edges[b], end, TILE):
            fill_tile_f(Xt, first, end, tile)
            for o in range(n_outputs):
                part = b * n_outputs + o
                weigh_tile(
                    tile,
                    side,
                    coef[o],
                    codes,
                    weights,
                    class_weights,
                    first,
                    end,
                    weight,
                    u,
                    growth[o],
                    sums[part],
                )
                sum_tile(tile, side, scaled, out, part * (side + 2))


@block_kernel
def fill_c(X: np.ndarray, tiles: np.ndarray, edges: np.ndarray, first: int, last: int) -> None:
    """Fill the tiles [first, last) of a chunk from C-order X."""
    for b in range(first, last):
        fill_tile_c(X, edges[b], edges[b + 1], tiles[b])


@block_kernel
def fill_f(Xt: np.ndarray, tiles: np.ndarray, edges: np.ndarray, first: int, last: int) -> None:
    """Fill the tiles [first, last) of a chunk from F-order X, given as Xt (d, n_rows)."""
    for b in range(first, last):
        fill_tile_f(Xt, edges[b], edges[b + 1], tiles[b])


@block_kernel
def weigh_block(
    tiles: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    sums: np.ndarray,
    edges: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Weigh the tiles [first, last) of a chunk for the one output of coef ``(d + 1,)``."""
    side = tiles.shape[1] - 2
    for b in range(first, last):
        weigh_tile(
            tiles[b],
            side,
            coef,
            codes,
            weights,
            class_weights,
            edges[b],
            edges[b + 1],
            weight,
            u,
            growth,
            sums[b],
        )


@block_kernel
def panel_block(
    tiles: np.ndarray,
    n_tiles: int,
    scaled: np.ndarray,
    out: np.ndarray,
    panels: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the first n_tiles to the panels [first, last) of out, one matrix for all rows."""
    side = out.shape[1] - 1
    for u in range(first, last):
        j, j_end, k, k_end = panels[u, 0], panels[u, 1], panels[u, 2], panels[u, 3]
        for b in range(n_tiles):
            tile = tiles[b]
            h, r = tile[side], tile[side + 1]
            add_gram(tile, h, r, scaled, side, out, 0, j, j_end, k, k_end)


def loss_gradient_hessian(
    matrix: np.ndarray,
    in_c_order: bool,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return losses, gradients and Hessians of every output, summed over rows.

    Parameters
    ----------
    matrix : ndarray, shape (n, d) or (d, n)
        X where it is in C order, else its transpose.
    in_c_order : bool
        Which of both.
    coef : ndarray of float64, shape (n_outputs, d + 1)
        A row per model.
    codes, weights, class_weights : ndarray
        As in `fastlogreg.kernels.dense`; no weights are an empty array.
    n_threads : int
        Threads; the result does not depend on it.

    Returns
    -------
    losses : ndarray, shape (n_outputs,)
    gradients : ndarray, shape (d + 1, n_outputs)
    hessians : ndarray, shape (n_outputs, d + 1, d + 1)
    """
    n_outputs, d = len(coef), coef.shape[1] - 1
    arguments = (matrix, coef, codes, weights, class_weights)
    out, sums = _summed(arguments, in_c_order, n_threads)
    gradients = np.empty((d + 1, n_outputs))
    gradients[:d] = out[:, -1, :d].T
    gradients[d] = sums[:, 1]
    # The last row of the Hessian lies where a padded column may lie: copied before.
    out[:, :d, d] = out[:, -2, :d]
    out[:, d, d] = sums[:, 0]
    for hessian in out:
        mirror(hessian[: d + 1, : d + 1])
    return sums[:, 2].copy(), gradients, out[:, : d + 1, : d + 1]


def mirror(matrix: np.ndarray) -> None:
    """Copy the upper triangle below, a strip at a time: no second matrix is held."""
    for start in range(0, len(matrix), _STRIP):
        end = start + _STRIP
        square = matrix[start:end, start:end]
        square[...] = np.triu(square) + np.triu(square, 1).T
        matrix[end:, start:end] = matrix[start:end, end:].T


def _summed(
    arguments: tuple[np.ndarray, ...], in_c_order: bool, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `dense_gram` sums: a matrix, and sum h, sum r and loss, per output.

    The last column and the lower triangle of the matrices have no meaning yet.
    """
    matrix, coef, *rows = arguments
    n, d = matrix.shape if in_c_order else matrix.shape[::-1]
    side, n_outputs = padded(d), len(coef)
    limit = min(count_blocks(n, d, 0), -(-n // TILE))
    part_bytes = n_outputs * (side + 2) * (side + 1) * 8
    n_blocks = max(1, min(limit, max(_SMALL, matrix.nbytes // _SHARE) // part_bytes))
    if side <= PANEL or n_blocks >= min(limit, _LEAST_BLOCKS):
        return _by_rows(arguments, in_c_order, block_edges(n, n_blocks, TILE), n_threads)
    out = np.zeros((n_outputs, side + 2, side + 1))
    sums = np.empty((n_outputs, 3))
    for o in range(n_outputs):
        one = (matrix, coef[o], *rows)
        sums[o] = _by_panels(one, in_c_order, n, out[o], n_threads)
    return out, sums


def _by_rows(
    arguments: tuple[np.ndarray, ...], in_c_order: bool, edges: np.ndarray, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    n_outputs, width = arguments[1].shape
    side = padded(width - 1)
    n_blocks = len(edges) - 1
    out = np.zeros((n_blocks, n_outputs * (side + 2), side + 1))
    sums = np.zeros((n_blocks, n_outputs, 3))
    kernel: Callable[..., object] = hessian_block_c if in_c_order else hessian_block_f
    rows = out.reshape(-1, side + 1)
    all_sums = sums.reshape(-1, 3)

    def block(first: int, last: int) -> None:
        tiles = (aligned_zeros(side + 2, TILE), aligned_zeros(LINES, TILE))
        weight, u, growth = link_scratch(TILE)
        lines = (weight, u, np.tile(growth, (n_outputs, 1)))
        kernel(*arguments, rows, all_sums, edges, *tiles, *lines, first, last)

    run_blocks(block, n_blocks, n_threads)
    for part in out[1:]:
        out[0] += part
    return out[0].reshape(n_outputs, side + 2, side + 1), sum_parts(sums)


def _by_panels(
    arguments: tuple[np.ndarray, ...],
    in_c_order: bool,
    n_rows: int,
    out: np.ndarray,
    n_threads: int,
) -> np.ndarray:
    matrix, *model = arguments
    side = out.shape[1] - 1
    n_tiles = tiles_of_chunk(n_rows, side + 2, matrix.nbytes)
    tiles = aligned_zeros(n_tiles, side + 2, TILE)
    sums = np.zeros((n_tiles, 3))
    panels = panels_of(side)
    fill: Callable[..., object] = fill_c if in_c_order else fill_f
    weigh: Callable[..., object] = weigh_block
    for chunk in range(0, n_rows, n_tiles * TILE):
        rows = min(n_tiles * TILE, n_rows - chunk)
        edges = np.minimum(np.arange(0, rows + TILE, TILE), rows) + chunk
        count = len(edges) - 1

        def prepare(first: int, last: int, edges: np.ndarray = edges) -> None:
            scratch = link_scratch(TILE)
            for b in range(first, last):  # while a tile is in the cache
                fill(matrix, tiles, edges, b, b + 1)
                weigh(tiles, *model, sums, edges, *scratch, b, b + 1)

        run_blocks(prepare, count, n_threads)

        def add(first: int, last: int, count: int = count) -> None:
            panel_block(tiles, count, aligned_zeros(LINES, TILE), out, panels, first, last)

        run_blocks(add, len(panels), n_threads)
    return sum_parts(sums)


def tiles_of_chunk(n_rows: int, n_lines: int, n_bytes: int) -> int:
    """Return how many tiles are held at a time: the more, the less often threads meet."""
    by_memory = max(_SMALL, n_bytes // _SHARE) // (8 * TILE * n_lines)
    return min(max(by_memory, 2), _MOST_TILES, -(-n_rows // TILE))


def panels_of(side: int) -> np.ndarray:
    """Return ``j, j_end, k, k_end`` of the squares that cover the upper triangle.

    The last column of squares comes first: it has the fewest halves, and what is small
    had better be left for the end, when threads run out of work.
    """
    step = min(max(padded(side // 8), 32), PANEL)
    starts = range(0, side, step)
    squares = [(j, min(j + step, side), k, min(k + step, side)) for k in starts for j in starts]
    upper = [square for square in squares if square[0] <= square[2]]
    return np.array(sorted(upper, key=lambda square: square[0] == square[2]), dtype=np.int64)
