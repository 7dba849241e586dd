"""Block kernels over a sparse X by row: gather, link, scatter, from one read of it.

``lines`` are those of `fastlogreg.kernels.dense_outputs`: decisions of the outputs for a
tile of rows, then what the link makes of them; for a product of Hessians and a direction
there are twice as many.  ``coef`` is that of ``(d + 1, n_lines)``, the intercepts in the
last row, and flat: the numbers that a value is multiplied by lie together, and an index
into one axis is not multiplied by a stride.  Indices are unsigned: of one that might be
negative the wrapped place would be looked at as well, three times as slow.

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
    """Fill lines[:, :count] with the decisions of the rows from *row* on.

    One output, and one with a direction, have loops of their own: what they sum stays in
    registers.
    """
    if total.size == 1:
        gather_one(data, indices, indptr, coef, row, count, lines[0])
    elif total.size == 2:
        gather_two(data, indices, indptr, coef, row, count, lines[0], lines[1])
    else:
        gather_many(data, indices, indptr, coef, row, count, total, lines)


@tile_kernel
def gather_one(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    row: int,
    count: int,
    line: np.ndarray,
) -> None:
    """Fill a line with the decisions of one output."""
    for i in range(count):
        z = coef[coef.size - 1]
        for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
            z += data[p] * coef[U(indices[p])]
        line[i] = z


@tile_kernel
def gather_two(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    row: int,
    count: int,
    line: np.ndarray,
    along: np.ndarray,
) -> None:
    """Fill two lines with the decisions of two outputs."""
    for i in range(count):
        z, v = coef[coef.size - 2], coef[coef.size - 1]
        for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
            j = U(2) * U(indices[p])
            z += data[p] * coef[j]
            v += data[p] * coef[j + U(1)]
        line[i], along[i] = z, v


@tile_kernel
def gather_many(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    row: int,
    count: int,
    total: np.ndarray,
    lines: np.ndarray,
) -> None:
    """Fill as many lines as *total* has numbers."""
    n_lines = U(total.size)
    last = U(coef.size) - n_lines
    for i in range(count):
        for o in range(n_lines):
            total[o] = coef[last + o]
        for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
            value = data[p]
            j = n_lines * U(indices[p])
            for o in range(n_lines):
                total[o] += value * coef[j + o]
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
    n_outputs: int,
    total: np.ndarray,
    part: np.ndarray,
) -> None:
    """Add sum_i lines[o, i] x_ij to part[j n_outputs + o] over the rows from *row* on."""
    if n_outputs == 1:
        line = lines[0]
        for i in range(count):
            pull = line[i]
            for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
                part[U(indices[p])] += data[p] * pull
        return
    for i in range(count):
        for o in range(n_outputs):
            total[o] = lines[o, i]
        for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
            value = data[p]
            j = U(n_outputs) * U(indices[p])
            for o in range(U(n_outputs)):
                part[j + o] += value * total[o]


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
    """Add the sums of blocks first : last to their parts, gradients (d * n_outputs,)."""
    tile = row_weight.size
    n_outputs = sums.shape[1]
    ahead = n_outputs if total.size > n_outputs else 0
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            gather(data, indices, indptr, coef, row, count, total, lines)
            fill_class_weights(codes, weights, class_weights, row, count, row_weight)
            code = codes[row : row + count]
            link_lines(lines, code, softmax, ahead, row_weight, scratch, count, sums[b])
            scatter(data, indices, indptr, row, count, lines, n_outputs, total, gradients[b])


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
                for o in range(total.size):
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
            for p in range(U(indptr[i]), U(indptr[i + 1])):
                row[U(indices[p])] += data[p]
            for p in range(U(indptr[i]), U(indptr[i + 1])):
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
        for p in range(U(indptr[row + i]), U(indptr[row + i + 1])):
            out[i, U(indices[p])] += data[p]
