"""Loss and gradient of several outputs from one read of X.

For rows ``i`` of a block, an output ``o`` with coefficients ``w_o`` and intercept
``b_o``, signs ``t_i`` in {-1, 1} and row weights ``s_i``::

    z_oi = w_o x_i + b_o         p_oi = -s_i t_i sigmoid(-t_i z_oi)
    gradient[o, j] = sum_i p_oi x_ij
    sums[o, 0]     = sum_i p_oi                           intercept
    sums[o, 1]     = sum_i s_i log(1 + exp(-t_i z_oi))    loss

A tile of rows is copied once, transposed where X is in C order, into ``x`` with a line
per column; ``lines`` has one per output.  From there on every loop runs over rows that
lie side by side, whatever the order and type of X, in register tiles of 4 columns times
4 outputs:

- decisions: 16 coefficients in registers, 16 products for 8 loads and 4 stores;
- the link, in place;
- gradient: 16 sums in registers, 16 products for 8 loads.

What a register tile needs side by side lies so: ``z`` is ``lines`` with four outputs to
a row, a constant pitch apart, which needs no check for overlap; ``coef`` and
``gradients`` are ``(outputs / 4, columns / 4, 16)``.  Columns, outputs and rows that are
missing to whole register tiles are zeros, so that no border needs code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import aligned_zeros, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.link import fill_row_weights
from fastlogreg.kernels.pointwise import loss_pull, signed
from fastlogreg.runtime.jit import block_kernel, tile_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = ["loss_gradient_outputs", "outputs_block_c", "outputs_block_f"]

_SIDE = 4  # columns and outputs of a register tile
_STRETCH = 32  # rows that are copied before they are transposed; tiles are whole stretches
_TILE_CELLS = 131_072  # 1 MiB of float64
_TILE_LEAST = 64
_TILE_MOST = 256  # rows; long enough that adding up a register tile's lanes does not count
_GAP = 8  # float64 between lines: a cache line, so that lines do not share cache sets
_PITCH = _TILE_MOST + _GAP

_SHARE_OF_X = 20  # partial results take at most a 20th of X ...
_LEAST_BLOCKS = 16  # ... where that leaves blocks enough for the threads


@tile_kernel
def fill_tile_c(X: np.ndarray, first: int, count: int, x: np.ndarray, rows: np.ndarray) -> None:
    """Fill line j of x with column j of rows first : first + count; C-order X."""
    d = X.shape[1]
    for start in range(0, count, _STRETCH):
        # Memory is read as one stream, and transposed from the cache: nearly twice as fast.
        taken = min(_STRETCH, count - start)
        for i in range(taken):
            source, row = X[first + start + i], rows[i]
            for j in range(d):
                row[j] = source[j]
        for i in range(taken, _STRETCH):
            row = rows[i]
            for j in range(d):
                row[j] = 0.0
        # Eight rows a sweep, so that each cache line of x is written once and whole.
        for i in range(0, rows.shape[0], 8):
            a, b, c, e = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            f, g, h, k = rows[i + 4], rows[i + 5], rows[i + 6], rows[i + 7]
            at = start + i
            for j in range(d):
                line = x[j]
                line[at], line[at + 1], line[at + 2], line[at + 3] = a[j], b[j], c[j], e[j]
                line[at + 4], line[at + 5], line[at + 6], line[at + 7] = f[j], g[j], h[j], k[j]


@tile_kernel
def fill_tile_f(Xt: np.ndarray, first: int, count: int, x: np.ndarray, n_rows: int) -> None:
    """Fill line j of x with column j of rows first : first + count; Xt is (d, n_rows)."""
    for j in range(Xt.shape[0]):
        column, line = Xt[j][first : first + count], x[j]
        for i in range(count):
            line[i] = column[i]
        for i in range(count, n_rows):
            line[i] = 0.0


@tile_kernel
def decide_tile(
    x: np.ndarray, coef: np.ndarray, intercepts: np.ndarray, z: np.ndarray, n_rows: int
) -> None:
    """Fill z with the decisions of the first n_rows rows of x."""
    for g in range(coef.shape[0]):
        line, start = z[g], intercepts[g]
        a, b, c, e = start[0], start[1], start[2], start[3]
        for i in range(n_rows):
            line[i], line[i + _PITCH], line[i + 2 * _PITCH], line[i + 3 * _PITCH] = a, b, c, e
        for h in range(coef.shape[1]):
            w, j = coef[g, h], h * _SIDE
            aa, ab, ac, ae, ba, bb, bc, be = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            ca, cb, cc, ce, ea, eb, ec, ee = w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15]
            x_a, x_b, x_c, x_e = x[j], x[j + 1], x[j + 2], x[j + 3]
            for i in range(n_rows):
                a, b, c, e = x_a[i], x_b[i], x_c[i], x_e[i]
                line[i] = line[i] + a * aa + b * ba + c * ca + e * ea
                k = i + _PITCH
                line[k] = line[k] + a * ab + b * bb + c * cb + e * eb
                k = i + 2 * _PITCH
                line[k] = line[k] + a * ac + b * bc + c * cc + e * ec
                k = i + 3 * _PITCH
                line[k] = line[k] + a * ae + b * be + c * ce + e * ee


@tile_kernel
def link_tile(
    lines: np.ndarray, codes: np.ndarray, row_weight: np.ndarray, n_rows: int, sums: np.ndarray
) -> None:
    """Turn the decisions of all rows of codes into -s t sigmoid(-m) in place, and add to sums.

    Every index is the loop's own, which is known not to be negative.  Of one that might
    be, the compiler checks the wrapped place for overlap as well, past the array's end,
    and what lies there would choose between the vector loop and the scalar one: other
    bits, and slower.
    """
    count = codes.size
    for o in range(sums.shape[0]):
        line = lines[o]
        pulls = losses = 0.0
        for i in range(count):
            code = codes[i]
            loss, pull = loss_pull(signed(line[i], code))
            weight = row_weight[i]
            losses += weight * loss
            pull = weight * (-pull if code == 1 else pull)
            line[i] = pull
            pulls += pull
        for i in range(count, n_rows):
            line[i] = 0.0
        sums[o, 0] += pulls
        sums[o, 1] += losses


@tile_kernel
def add_gradient(x: np.ndarray, z: np.ndarray, n_rows: int, gradient: np.ndarray) -> None:
    """Add sum_i p_oi x_ij over the first n_rows rows to every register tile of gradient."""
    for h in range(gradient.shape[1]):
        j = h * _SIDE
        x_a, x_b, x_c, x_e = x[j], x[j + 1], x[j + 2], x[j + 3]
        for g in range(gradient.shape[0]):
            line = z[g]
            aa = ab = ac = ae = ba = bb = bc = be = 0.0
            ca = cb = cc = ce = ea = eb = ec = ee = 0.0
            for i in range(n_rows):
                a, b, c, e = x_a[i], x_b[i], x_c[i], x_e[i]
                pull = line[i]
                aa, ba, ca, ea = aa + a * pull, ba + b * pull, ca + c * pull, ea + e * pull
                pull = line[i + _PITCH]
                ab, bb, cb, eb = ab + a * pull, bb + b * pull, cb + c * pull, eb + e * pull
                pull = line[i + 2 * _PITCH]
                ac, bc, cc, ec = ac + a * pull, bc + b * pull, cc + c * pull, ec + e * pull
                pull = line[i + 3 * _PITCH]
                ae, be, ce, ee = ae + a * pull, be + b * pull, ce + c * pull, ee + e * pull
            w = gradient[g, h]
            for k, total in enumerate(
                (aa, ab, ac, ae, ba, bb, bc, be, ca, cb, cc, ce, ea, eb, ec, ee)
            ):
                w[k] += total


@block_kernel
def outputs_block_c(
    X: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    coef: np.ndarray,
    intercepts: np.ndarray,
    gradients: np.ndarray,
    sums: np.ndarray,
    x: np.ndarray,
    lines: np.ndarray,
    z: np.ndarray,
    row_weight: np.ndarray,
    rows: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add loss and gradient of blocks first : last of C-order X to their parts."""
    tile = row_weight.size
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            n_rows = (count + _STRETCH - 1) // _STRETCH * _STRETCH
            fill_tile_c(X, row, count, x, rows)
            fill_row_weights(codes, weights, class_weights, row, count, row_weight)
            decide_tile(x, coef, intercepts, z, n_rows)
            link_tile(lines, codes[row : row + count], row_weight, n_rows, sums[b])
            add_gradient(x, z, n_rows, gradients[b])


@block_kernel
def outputs_block_f(
    Xt: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    coef: np.ndarray,
    intercepts: np.ndarray,
    gradients: np.ndarray,
    sums: np.ndarray,
    x: np.ndarray,
    lines: np.ndarray,
    z: np.ndarray,
    row_weight: np.ndarray,
    rows: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add loss and gradient of blocks first : last of F-order X, given as Xt, to their parts."""
    tile = row_weight.size
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            n_rows = (count + _STRETCH - 1) // _STRETCH * _STRETCH
            fill_tile_f(Xt, row, count, x, n_rows)
            fill_row_weights(codes, weights, class_weights, row, count, row_weight)
            decide_tile(x, coef, intercepts, z, n_rows)
            link_tile(lines, codes[row : row + count], row_weight, n_rows, sums[b])
            add_gradient(x, z, n_rows, gradients[b])


def loss_gradient_outputs(
    matrix: np.ndarray,
    in_c_order: bool,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses ``(n_outputs,)`` and gradients ``(d + 1, n_outputs)``, summed over rows.

    Parameters
    ----------
    matrix : ndarray
        X in C order, or X.T where X is in F order; read-only, as `codes` and `weights`.
    in_c_order : bool
        Whether it is X.
    coef : ndarray of float64, shape (d + 1, n_outputs)
        The intercepts in the last row.
    codes : ndarray of int8, shape (n_rows,)
        1 for the positive class.
    weights : ndarray of float64, shape (n_rows,) or (0,)
        Sample weights; empty for none.
    class_weights : ndarray of float64, shape (2,)
        Weights of the negative and the positive class.
    n_threads : int
        Threads; the result does not depend on it.
    """
    n, d = matrix.shape if in_c_order else matrix.shape[::-1]
    n_outputs = coef.shape[1]
    wide, deep = _tiles(d), _tiles(n_outputs)
    padded = np.zeros((wide * _SIDE + 1, deep * _SIDE))
    padded[:d, :n_outputs] = coef[:d]
    padded[-1, :n_outputs] = coef[d]
    n_blocks = _count_blocks(n, d, matrix.itemsize, wide * deep * _SIDE**2 + 2 * n_outputs)
    gradients = np.zeros((n_blocks, deep, wide, _SIDE**2))
    sums = np.zeros((n_blocks, n_outputs, 2))
    tile = _tile_rows(d)
    block = partial(
        _with_scratch,
        outputs_block_c if in_c_order else outputs_block_f,
        tile,
        d,
        matrix,
        codes,
        weights,
        class_weights,
        np.ascontiguousarray(_to_tiles(padded[:-1])),
        padded[-1].reshape(deep, _SIDE),
        gradients,
        sums,
        block_edges(n, n_blocks, tile),
    )
    run_blocks(block, n_blocks, n_threads)
    pulls, losses = sum_parts(sums).T
    gradient = _from_tiles(sum_parts(gradients))[:d, :n_outputs]
    return losses.copy(), np.concatenate([gradient, pulls[None, :]])


def _with_scratch(block: Callable[..., object], tile: int, d: int, *arguments: Any) -> None:
    """Call a block kernel with arrays of its own for a tile of rows."""
    *whole, coef, intercepts, gradients, sums, edges, first, last = arguments
    deep, wide = coef.shape[:2]
    x = aligned_zeros(wide * _SIDE, tile + _GAP)  # lines past d stay zero
    lines = aligned_zeros(deep * _SIDE, _PITCH)
    z = lines.reshape(deep, _SIDE * _PITCH)
    scratch = (x, lines, z, np.empty(tile), np.empty((_STRETCH, d)))
    block(*whole, coef, intercepts, gradients, sums, *scratch, edges, first, last)


def _tiles(size: int) -> int:
    """Return the register tiles that *size* columns or outputs take."""
    return -(-size // _SIDE)


def _to_tiles(matrix: np.ndarray) -> np.ndarray:
    """Return ``(columns, outputs)`` as ``(outputs / 4, columns / 4, 16)``."""
    wide, deep = matrix.shape[0] // _SIDE, matrix.shape[1] // _SIDE
    cut = matrix.reshape(wide, _SIDE, deep, _SIDE).transpose(2, 0, 1, 3)
    return cut.reshape(deep, wide, _SIDE**2)


def _from_tiles(tiles: np.ndarray) -> np.ndarray:
    """Return ``(outputs / 4, columns / 4, 16)`` as ``(columns, outputs)``."""
    deep, wide = tiles.shape[:2]
    cut = tiles.reshape(deep, wide, _SIDE, _SIDE).transpose(1, 2, 0, 3)
    return cut.reshape(wide * _SIDE, deep * _SIDE)


def _tile_rows(n_columns: int) -> int:
    """Return the rows of a tile, such that it stays in L2 where it can."""
    rows = _TILE_CELLS // max(n_columns, 1) // _TILE_LEAST * _TILE_LEAST
    return min(max(rows, _TILE_LEAST), _TILE_MOST)


def _count_blocks(n_rows: int, n_columns: int, itemsize: int, part_size: int) -> int:
    """Return the number of blocks: by the shape and type of X and the number of outputs."""
    by_share = n_rows * n_columns * itemsize // (_SHARE_OF_X * 8 * part_size)
    return min(count_blocks(n_rows, n_columns, part_size), max(_LEAST_BLOCKS, by_share))
