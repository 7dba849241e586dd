"""Several outputs from one read of X: loss and gradient, and Hessians times a vector.

Outputs are binary models of their own, or the classes of one softmax model.  For rows
``i`` of a block and an output ``o`` with coefficients ``w_o`` and intercept ``b_o``::

    z_oi = w_o x_i + b_o
    p_oi = what the link makes of them
    gradient[o, j] = sum_i p_oi x_ij
    sums[o, 0]     = sum_i p_oi                           intercept
    sums[o, 1]     = the loss, of softmax in sums[0, 1]

With signs ``t_i`` in {-1, 1} and row weights ``s_i``, the link of a binary model makes
``p_oi = -s_i t_i sigmoid(-t_i z_oi)`` and the loss ``s_i log(1 + exp(-t_i z_oi))``; that of
softmax is in `fastlogreg.kernels.softmax`.  For a product there are twice as many lines:
those of the coefficients, and from ``ahead`` on those of the direction, whose decisions
are ``v_oi``.  The binary link is then ``s_i sigmoid(z_oi) sigmoid(-z_oi) v_oi``, and
there is no loss.

`fastlogreg.kernels.outputs_tiles` has the arithmetic that all of them share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import aligned_zeros, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.outputs_tiles import (
    GAP,
    PITCH,
    SIDE,
    STRETCH,
    add_gradient,
    count_tiles,
    decide_tile,
    fill_tile_c,
    fill_tile_f,
    from_tiles,
    tile_rows,
    to_tiles,
)
from fastlogreg.kernels.pointwise import curvature, loss_pull, signed
from fastlogreg.kernels.softmax import (
    fill_class_weights,
    loss_tile,
    product_tile,
    raise_tile,
    residual_tile,
    softmax_scratch,
)
from fastlogreg.runtime.jit import block_kernel, step_kernel, tile_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = [
    "hessian_product_outputs",
    "link_lines",
    "loss_gradient_outputs",
    "outputs_block_c",
    "outputs_block_f",
]

_SHARE_OF_X = 20  # partial results take at most a 20th of X ...
_LEAST_BLOCKS = 16  # ... where that leaves blocks enough for the threads


@tile_kernel
def link_tile(
    lines: np.ndarray, code: np.ndarray, row_weight: np.ndarray, sums: np.ndarray
) -> None:
    """Turn the decisions of all rows of code into -s t sigmoid(-m) in place, and add to sums.

    Every index is the loop's own, which is known not to be negative.  Of one that might
    be, the compiler checks the wrapped place for overlap as well, past the array's end,
    and what lies there would choose between the vector loop and the scalar one: other
    bits, and slower.
    """
    for o in range(sums.shape[0]):
        line = lines[o]
        pulls = losses = 0.0
        for i in range(code.size):
            loss, pull = loss_pull(signed(line[i], code[i]))
            weight = row_weight[i]
            losses += weight * loss
            pull = weight * (-pull if code[i] == 1 else pull)
            line[i] = pull
            pulls += pull
        sums[o, 0] += pulls
        sums[o, 1] += losses


@tile_kernel
def bend_tile(
    lines: np.ndarray,
    ahead: int,
    is_bent: bool,
    row_weight: np.ndarray,
    count: int,
    sums: np.ndarray,
) -> None:
    """Turn decisions into s sigmoid(z) sigmoid(-z) v in place, v being *ahead* lines on.

    Where they are bent, they are sigmoid(z) sigmoid(-z) already.
    """
    for o in range(sums.shape[0]):
        line, along = lines[o], lines[ahead + o]
        pulls = 0.0
        for i in range(count):
            bend = line[i] if is_bent else curvature(line[i])
            pull = row_weight[i] * (bend * along[i])
            line[i] = pull
            pulls += pull
        sums[o, 0] += pulls


@step_kernel
def link_lines(
    lines: np.ndarray,
    code: np.ndarray,
    softmax: bool,
    ahead: int,
    is_bent: bool,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    n_rows: int,
    sums: np.ndarray,
) -> None:
    """Link the lines of all rows of code, zero the rows behind them up to n_rows.

    With *ahead*, lines of a direction are so many lines on; those before it may be *bent*: the
    classes' probabilities, or of binary models sigmoid(z) sigmoid(-z), instead of decisions.
    """
    count = code.size
    n_outputs = sums.shape[0]
    if ahead > 0 and softmax:
        product_tile(lines, n_outputs, ahead, row_weight, count, is_bent, scratch, sums)
    elif ahead > 0:
        bend_tile(lines, ahead, is_bent, row_weight, count, sums)
    elif softmax:
        raise_tile(lines, n_outputs, code, count, scratch)
        sums[0, 1] += loss_tile(row_weight, count, scratch)
        residual_tile(lines, n_outputs, code, row_weight, count, scratch, sums)
    else:
        link_tile(lines, code, row_weight, sums)
    for o in range(n_outputs):
        line = lines[o]
        for i in range(count, n_rows):
            line[i] = 0.0


@block_kernel
def outputs_block_c(
    X: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    coef: np.ndarray,
    intercepts: np.ndarray,
    gradients: np.ndarray,
    sums: np.ndarray,
    x: np.ndarray,
    lines: np.ndarray,
    z: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    rows: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the sums of blocks first : last of C-order X to their parts."""
    tile = row_weight.size
    ahead = (coef.shape[0] - gradients.shape[1]) * SIDE
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            n_rows = (count + STRETCH - 1) // STRETCH * STRETCH
            fill_tile_c(X, row, count, x, rows)
            fill_class_weights(codes, weights, class_weights, row, count, row_weight)
            decide_tile(x, coef, intercepts, z, n_rows)
            code = codes[row : row + count]
            link_lines(lines, code, softmax, ahead, False, row_weight, scratch, n_rows, sums[b])
            add_gradient(x, z, n_rows, gradients[b])


@block_kernel
def outputs_block_f(
    Xt: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    coef: np.ndarray,
    intercepts: np.ndarray,
    gradients: np.ndarray,
    sums: np.ndarray,
    x: np.ndarray,
    lines: np.ndarray,
    z: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    rows: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the sums of blocks first : last of F-order X, given as Xt, to their parts."""
    tile = row_weight.size
    ahead = (coef.shape[0] - gradients.shape[1]) * SIDE
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            n_rows = (count + STRETCH - 1) // STRETCH * STRETCH
            fill_tile_f(Xt, row, count, x, n_rows)
            fill_class_weights(codes, weights, class_weights, row, count, row_weight)
            decide_tile(x, coef, intercepts, z, n_rows)
            code = codes[row : row + count]
            link_lines(lines, code, softmax, ahead, False, row_weight, scratch, n_rows, sums[b])
            add_gradient(x, z, n_rows, gradients[b])


def loss_gradient_outputs(
    matrix: np.ndarray,
    in_c_order: bool,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
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
    codes : ndarray of int8 or int16, shape (n_rows,)
        The class of each row.
    weights : ndarray of float64, shape (n_rows,) or (0,)
        Sample weights; empty for none.
    class_weights : ndarray of float64, shape (n_classes,)
        Weights of the classes.
    softmax : bool
        Whether the outputs are the classes of one model, of which there is one loss.
    n_threads : int
        Threads; the result does not depend on it.
    """
    rows = (codes, weights, class_weights, softmax)
    losses, gradient = _summed(matrix, in_c_order, [coef], rows, n_threads)
    return losses[:1] if softmax else losses, gradient


def hessian_product_outputs(
    matrix: np.ndarray,
    in_c_order: bool,
    both: Sequence[np.ndarray],
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    n_threads: int,
) -> np.ndarray:
    """Return Hessians times a direction, ``(d + 1, n_outputs)``.

    *both* are coefficients and direction, of that shape; the rest is as in
    `loss_gradient_outputs`.
    """
    rows = (codes, weights, class_weights, softmax)
    return _summed(matrix, in_c_order, both, rows, n_threads)[1]


def _summed(
    matrix: np.ndarray,
    in_c_order: bool,
    vectors: Sequence[np.ndarray],
    rows: tuple[Any, ...],
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses, and ``(d + 1, n_outputs)`` summed over rows, from decisions of all vectors."""
    n, d = matrix.shape if in_c_order else matrix.shape[::-1]
    n_outputs = vectors[0].shape[1]
    wide, deep = count_tiles(d), count_tiles(n_outputs)
    padded = np.zeros((wide * SIDE + 1, len(vectors), deep * SIDE))
    for v, vector in enumerate(vectors):
        padded[:d, v, :n_outputs] = vector[:d]
        padded[-1, v, :n_outputs] = vector[d]
    side_by_side = padded.reshape(len(padded), -1)
    n_blocks = _count_blocks(n, d, matrix.itemsize, wide * deep * SIDE**2 + 2 * n_outputs)
    gradients = np.zeros((n_blocks, deep, wide, SIDE**2))
    sums = np.zeros((n_blocks, n_outputs, 2))
    tile = tile_rows(d)
    block = partial(
        _with_scratch,
        outputs_block_c if in_c_order else outputs_block_f,
        tile,
        d,
        matrix,
        *rows,
        np.ascontiguousarray(to_tiles(side_by_side[:-1])),
        side_by_side[-1].reshape(-1, SIDE),
        gradients,
        sums,
        block_edges(n, n_blocks, tile),
    )
    run_blocks(block, n_blocks, n_threads)
    pulls, losses = sum_parts(sums).T
    gradient = from_tiles(sum_parts(gradients))[:d, :n_outputs]
    return losses.copy(), np.concatenate([gradient, pulls[None, :]])


def _with_scratch(block: Callable[..., object], tile: int, d: int, *arguments: Any) -> None:
    """Call a block kernel with arrays of its own for a tile of rows."""
    *whole, coef, intercepts, gradients, sums, edges, first, last = arguments
    deep, wide = coef.shape[:2]
    x = aligned_zeros(wide * SIDE, tile + GAP)  # lines past d stay zero
    lines = aligned_zeros(deep * SIDE, PITCH)
    z = lines.reshape(deep, SIDE * PITCH)
    scratch = (x, lines, z, np.empty(tile), softmax_scratch(), np.empty((STRETCH, d)))
    block(*whole, coef, intercepts, gradients, sums, *scratch, edges, first, last)


def _count_blocks(n_rows: int, n_columns: int, itemsize: int, part_size: int) -> int:
    """Return the number of blocks: by the shape and type of X and the number of outputs."""
    by_share = n_rows * n_columns * itemsize // (_SHARE_OF_X * 8 * part_size)
    return min(count_blocks(n_rows, n_columns, part_size), max(_LEAST_BLOCKS, by_share))
