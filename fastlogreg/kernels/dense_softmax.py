"""Loss, gradient and Hessian of a softmax model over a dense X, from one read of it.

The Hessian has a block for each pair of classes, and only those of two different ones are
summed::

    G_kl = sum_i s_i p_ik p_il [x_i, 1][x_i, 1]^T
    H_kl = -G_kl  for k != l,     H_kk = sum over l != k of G_kl

since ``p_k (1 - p_k)`` is the sum of ``p_k p_l``, all of one sign, over the other classes.

A chunk of tiles is filled by all threads, each tile with its columns and what follows;
then every pair, or panel of a pair in wide tables, takes its sums over the chunk, owned
by one thread.  With ``side`` as in `fastlogreg.kernels.dense_gram`::

    tile[j]              x_j, zeros from the number of columns up to side
    tile[side]           s, the row weight; 0 marks a place that is no row of the tile
    tile[side + 1]       y, the class
    tile[side + 2]       s (1 - p_y)
    tile[side + 3 + k]   p_k

The matrix of pair ``q`` is summed with the borders of `fastlogreg.kernels.dense_gram` and
the sums of their weights, ``h = s p_k p_l`` and, for the first pairs, ``r`` of class ``q``::

    out[q, j, k]             sum h x_j x_k
    out[q, side, j]          sum h x_j       out[q, side, side]        sum h
    out[q, side + 1, j]      sum r x_j       out[q, side + 1, side]    sum r
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from fastlogreg.kernels.blocks import UNIT_WEIGHTS, aligned_zeros
from fastlogreg.kernels.dense_gram import (
    LINES,
    PANEL,
    TILE,
    add_gram,
    decide_tile,
    fill_tile_c,
    fill_tile_f,
    padded,
)
from fastlogreg.kernels.dense_hessian import mirror, panels_of, tiles_of_chunk
from fastlogreg.kernels.softmax import loss_tile, raise_tile, share_tile, softmax_scratch
from fastlogreg.runtime.jit import block_kernel, step_kernel, tile_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = ["loss_gradient_hessian"]

_EXTRA = 3  # lines beside those of columns and classes
_MANY_PAIRS = 16  # so many are work enough for the threads without being cut


@tile_kernel
def fill_rows(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    end: int,
    weight: np.ndarray,
    code: np.ndarray,
) -> None:
    """Fill the row weights and classes of a tile; weights has 1 or n numbers."""
    for i in range(TILE):
        r = min(first + i, end - 1)
        share = class_weights[np.uintp(codes[r])] * weights[min(r, weights.size - 1)]
        weight[i] = share if first + i < end else 0.0
        code[i] = codes[r]


@step_kernel
def link_tile(tile: np.ndarray, side: int, coef: np.ndarray, scratch: np.ndarray) -> float:
    """Fill the probabilities of a tile; return the loss."""
    for o in range(coef.shape[0]):
        decide_tile(coef[o], tile, side + _EXTRA + o)
    lines = tile[side + _EXTRA :]
    n_classes = lines.shape[0]
    raise_tile(lines, n_classes, tile[side + 1], TILE, scratch)
    loss = loss_tile(tile[side], TILE, scratch)
    share_tile(lines, n_classes, tile[side], TILE, scratch, tile[side + 2])
    return loss


@block_kernel
def softmax_fill_c(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    tiles: np.ndarray,
    losses: np.ndarray,
    edges: np.ndarray,
    scratch: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Fill the tiles [first, last) of a chunk from C-order X."""
    side = tiles.shape[1] - _EXTRA - coef.shape[0]
    for b in range(first, last):
        tile = tiles[b]
        row, end = edges[b], edges[b + 1]
        fill_rows(codes, weights, class_weights, row, end, tile[side], tile[side + 1])
        fill_tile_c(X, row, end, tile)
        losses[b] += link_tile(tile, side, coef, scratch)


@block_kernel
def softmax_fill_f(
    Xt: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    tiles: np.ndarray,
    losses: np.ndarray,
    edges: np.ndarray,
    scratch: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Fill the tiles [first, last) of a chunk from F-order X, given as Xt (d, n_rows)."""
    side = tiles.shape[1] - _EXTRA - coef.shape[0]
    for b in range(first, last):
        tile = tiles[b]
        row, end = edges[b], edges[b + 1]
        fill_rows(codes, weights, class_weights, row, end, tile[side], tile[side + 1])
        fill_tile_f(Xt, row, end, tile)
        losses[b] += link_tile(tile, side, coef, scratch)


@block_kernel
def pair_block(
    tiles: np.ndarray,
    n_tiles: int,
    units: np.ndarray,
    out: np.ndarray,
    scaled: np.ndarray,
    h: np.ndarray,
    r: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the first n_tiles to the units [first, last) of out, the matrices of all pairs.

    A unit is a pair's number and classes, and the panel ``j, j_end, k, k_end``.
    """
    side = out.shape[1] - 1
    n_classes = tiles.shape[1] - side - _EXTRA
    for b in range(n_tiles):
        tile = tiles[b]
        weight, code, missing = tile[side], tile[side + 1], tile[side + 2]
        for u in range(first, last):
            unit = units[u]
            q, j, k = unit[0], unit[3], unit[5]
            p, other = tile[side + _EXTRA + unit[1]], tile[side + _EXTRA + unit[2]]
            total = 0.0
            for i in range(TILE):
                share = weight[i] * p[i] * other[i]
                h[i] = share
                total += share
            base = q * (side + 2)
            if j == 0 and k == 0:
                out[base + side, side] += total
            if q < n_classes:
                p = tile[side + _EXTRA + q]
                total = 0.0
                for i in range(TILE):
                    residual = -missing[i] if code[i] == q else weight[i] * p[i]
                    r[i] = residual
                    total += residual
                if j == 0 and k == 0:
                    out[base + side + 1, side] += total
            add_gram(tile, h, r, scaled, side, out, base, j, unit[4], k, unit[6])


def loss_gradient_hessian(
    matrix: np.ndarray,
    in_c_order: bool,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return loss, gradient and Hessian, summed over rows.

    Parameters
    ----------
    matrix : ndarray, shape (n, d) or (d, n)
        X where it is in C order, else its transpose.
    in_c_order : bool
        Which of both.
    coef : ndarray of float64, shape (n_classes, d + 1)
        A row per class.
    codes, weights, class_weights : ndarray
        As in `fastlogreg.kernels.dense`; no weights are an empty array.
    n_threads : int
        Threads; the result does not depend on it.

    Returns
    -------
    loss : ndarray, shape (1,)
    gradient : ndarray, shape (d + 1, n_classes)
    hessian : ndarray, shape (1, p, p)
        With ``p = n_classes (d + 1)``, class by class.
    """
    every = UNIT_WEIGHTS if weights.size == 0 else weights
    out, loss = _summed((matrix, coef, codes, every, class_weights), in_c_order, n_threads)
    n_classes, width = coef.shape
    d = width - 1
    gradient = np.empty((width, n_classes))
    gradient[:d, : len(out)] = out[:n_classes, -1, :d].T
    gradient[d, : len(out)] = out[:n_classes, -1, -1]
    if n_classes == 2:  # one pair, two classes: their residuals are opposite
        gradient[:, 1] = -gradient[:, 0]
    hessian = np.zeros((n_classes, width, n_classes, width))
    for pair, (k, other) in zip(out, combinations(range(n_classes), 2), strict=True):
        # The last row may lie where a padded column does: copied before.
        last, corner = pair[-2, :d].copy(), pair[-2, -1]
        pair[:d, d] = last
        pair[d, d] = corner
        gram = pair[:width, :width]
        mirror(gram)
        hessian[k, :, k] += gram
        hessian[other, :, other] += gram
        np.negative(gram, out=hessian[k, :, other])
        np.negative(gram, out=hessian[other, :, k])
    return loss, gradient, hessian.reshape(1, n_classes * width, n_classes * width)


def _summed(
    arguments: tuple[np.ndarray, ...], in_c_order: bool, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices of all pairs, ``(pairs, side + 2, side + 1)``, and the loss ``(1,)``."""
    matrix, coef, *_ = arguments
    n, d = matrix.shape if in_c_order else matrix.shape[::-1]
    side, n_classes = padded(d), len(coef)
    n_lines = side + _EXTRA + n_classes
    n_tiles = tiles_of_chunk(n, n_lines, matrix.nbytes)
    tiles = aligned_zeros(n_tiles, n_lines, TILE)
    losses = np.zeros(n_tiles)
    units = _units(side, n_classes)
    out = np.zeros((n_classes * (n_classes - 1) // 2, side + 2, side + 1))
    matrices = out.reshape(-1, side + 1)
    kernel: Callable[..., object] = softmax_fill_c if in_c_order else softmax_fill_f
    for chunk in range(0, n, n_tiles * TILE):
        rows = min(n_tiles * TILE, n - chunk)
        edges = np.minimum(np.arange(0, rows + TILE, TILE), rows) + chunk
        count = len(edges) - 1

        def fill(first: int, last: int, edges: np.ndarray = edges) -> None:
            kernel(*arguments, tiles, losses, edges, softmax_scratch(), first, last)

        run_blocks(fill, count, n_threads)

        def add(first: int, last: int, count: int = count) -> None:
            scratch = (aligned_zeros(LINES, TILE), aligned_zeros(TILE), aligned_zeros(TILE))
            pair_block(tiles, count, units, matrices, *scratch, first, last)

        run_blocks(add, len(units), n_threads)
    return out, losses.sum(keepdims=True)


def _units(side: int, n_classes: int) -> np.ndarray:
    """Return number, classes and panel of what threads share out, as `pair_block` takes it."""
    pairs = list(combinations(range(n_classes), 2))
    whole = side <= PANEL and len(pairs) >= _MANY_PAIRS
    panels = [(0, side, 0, side)] if whole else panels_of(side).tolist()
    units = [(q, *pair, *panel) for panel in panels for q, pair in enumerate(pairs)]
    return np.array(units, dtype=np.int64)
