"""Block kernels over a sparse X by row: gather, link, scatter, from one read of it.

``lines`` are those of `fastlogreg.kernels.dense_outputs`: decisions of the outputs for a
tile of rows, then what the link makes of them; for a product of Hessians and a direction
there are twice as many.  ``coef`` is ``(d + 1, n_lines)``, the intercepts in the last row,
so that the numbers that a value is multiplied by lie together.

For rows ``i`` of a block and outputs ``o``, with ``p_io`` what the link makes::

    gradient[j, o] = sum_i p_io x_ij          sums[o] = sum_i p_io, loss

Indices are valid, for they were checked once: no kernel looks at them again.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_decision import store_classes, store_tile
from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.runtime.jit import block_kernel, tile_kernel

__all__ = ["decision_block", "densify_block", "pass_block", "squares_block"]

U = np.uintp


@tile_kernel
def gather(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    row: int,
    count: int,
    total: np.ndarray,
    lines: np.ndarray,
) -> None:
    """Fill lines[:, :count] with the decisions of the rows from *row* on."""
    last = coef.shape[0] - 1
    n_lines = coef.shape[1]
    if n_lines == 1:
        line = lines[0]
        for i in range(count):
            z = coef[last, 0]
            for p in range(indptr[row + i], indptr[row + i + 1]):
                z += data[p] * coef[U(indices[p]), 0]
            line[i] = z
        return
    for i in range(count):
        for o in range(n_lines):
            total[o] = coef[last, o]
        for p in range(indptr[row + i], indptr[row + i + 1]):
            value = data[p]
            of_column = coef[U(indices[p])]
            for o in range(n_lines):
                total[o] += value * of_column[o]
        for o in range(n_lines):
            lines[o, i] = total[o]


@tile_kernel
def scatter(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    row: int,
    count: int,
    lines: np.ndarray,
    total: np.ndarray,
    part: np.ndarray,
) -> None:
    """Add sum_i lines[o, i] x_ij to part[j, o] over the rows from *row* on."""
    n_outputs = part.shape[1]
    if n_outputs == 1:
        line = lines[0]
        for i in range(count):
            pull = line[i]
            for p in range(indptr[row + i], indptr[row + i + 1]):
                part[U(indices[p]), 0] += data[p] * pull
        return
    for i in range(count):
        for o in range(n_outputs):
            total[o] = lines[o, i]
        for p in range(indptr[row + i], indptr[row + i + 1]):
            value = data[p]
            of_column = part[U(indices[p])]
            for o in range(n_outputs):
                of_column[o] += value * total[o]


@block_kernel
def pass_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    coef: np.ndarray,
    gradients: np.ndarray,
    sums: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    total: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the sums of blocks first : last to their parts, gradients (d, n_outputs)."""
    tile = row_weight.size
    n_outputs = gradients.shape[2]
    ahead = n_outputs if coef.shape[1] > n_outputs else 0
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            gather(data, indices, indptr, coef, row, count, total, lines)
            fill_class_weights(codes, weights, class_weights, row, count, row_weight)
            code = codes[row : row + count]
            link_lines(lines, code, softmax, ahead, row_weight, scratch, count, sums[b])
            scatter(data, indices, indptr, row, count, lines, total, gradients[b])


@block_kernel
def decision_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    probability: bool,
    softmax: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    other: np.ndarray,
    total: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Write the decisions, or the probabilities, of blocks first : last."""
    tile = lines.shape[1]
    for b in range(first, last):
        check[b] = 0.0
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            gather(data, indices, indptr, coef, row, count, total, lines)
            if softmax:
                check[b] += store_classes(lines, other, row, count, out)
            else:
                for o in range(coef.shape[1]):
                    check[b] += store_tile(lines[o], other, o, row, count, probability, out)


@block_kernel
def squares_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    row_weights: np.ndarray,
    out: np.ndarray,
    edges: np.ndarray,
    row: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add sum_i r_io x_ij^2 to out[b, j, o] for blocks first : last.

    *row* is scratch of the length of a row, all 0: values of one place are added up in it
    before they are squared, and what was taken is 0 again.
    """
    for b in range(first, last):
        part = out[b]
        for i in range(edges[b], edges[b + 1]):
            for p in range(indptr[i], indptr[i + 1]):
                row[U(indices[p])] += data[p]
            for p in range(indptr[i], indptr[i + 1]):
                j = U(indices[p])
                square = row[j] * row[j]
                row[j] = 0.0
                for o in range(part.shape[1]):
                    part[j, o] += row_weights[i, o] * square


@block_kernel
def densify_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    row: int,
    out: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the rows row + first : row + last to out[first:last], which is 0."""
    for i in range(first, last):
        for p in range(indptr[row + i], indptr[row + i + 1]):
            out[i, U(indices[p])] += data[p]
