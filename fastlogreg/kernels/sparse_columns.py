"""Kernels over a sparse X by column: decisions, then the link, then the gradient.

The columns are cut into parts that depend on X alone.  Each part adds what its columns
bring into decisions of its own, ``(n_lines, n_rows)``, and these are added up in order; the
link goes over tiles of rows; the gradient of a column is a sum over it alone.  So X is read
twice, and nothing depends on the threads.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_decision import store_classes, store_tile
from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.runtime.jit import block_kernel

__all__ = ["decide_block", "gradient_block", "link_block", "squares_block", "store_block"]

U = np.uintp


@block_kernel
def decide_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    parts: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add the columns of the parts first : last to parts (n_parts, n_lines, n_rows)."""
    for b in range(first, last):
        for o in range(coef.shape[1]):
            line = parts[b, o]
            for j in range(edges[b], edges[b + 1]):
                weight = coef[j, o]
                for p in range(U(indptr[j]), U(indptr[j + 1])):
                    line[U(indices[p])] += data[p] * weight


@block_kernel
def link_block(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    ahead: int,
    decisions: np.ndarray,
    sums: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Turn the decisions of the blocks of rows first : last into pulls; add to their sums."""
    tile = row_weight.size
    n_lines = decisions.shape[0]
    for b in range(first, last):
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            for o in range(n_lines):
                line, whole = lines[o], decisions[o][row : row + count]
                for i in range(count):
                    line[i] = whole[i]
            fill_class_weights(codes, weights, class_weights, row, count, row_weight)
            code = codes[row : row + count]
            link_lines(lines, code, softmax, ahead, row_weight, scratch, count, sums[b])
            for o in range(sums.shape[1]):
                line, whole = lines[o], decisions[o][row : row + count]
                for i in range(count):
                    whole[i] = line[i]


@block_kernel
def store_block(
    decisions: np.ndarray,
    probability: bool,
    softmax: bool,
    out: np.ndarray,
    check: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    other: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Write decisions, or probabilities, of the blocks of rows first : last."""
    tile = lines.shape[1]
    for b in range(first, last):
        check[b] = 0.0
        for row in range(edges[b], edges[b + 1], tile):
            count = min(tile, edges[b + 1] - row)
            for o in range(decisions.shape[0]):
                line, whole = lines[o], decisions[o][row : row + count]
                for i in range(count):
                    line[i] = whole[i]
            if softmax:
                check[b] += store_classes(lines, other, row, count, out)
            else:
                for o in range(decisions.shape[0]):
                    check[b] += store_tile(lines[o], other, o, row, count, probability, out)


@block_kernel
def gradient_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    pulls: np.ndarray,
    gradient: np.ndarray,
    edges: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Write sum_i pulls[o, i] x_ij to gradient[j, o] for the columns of some parts."""
    for b in range(first, last):
        for o in range(gradient.shape[1]):
            pull = pulls[o]
            for j in range(edges[b], edges[b + 1]):
                total = 0.0
                for p in range(U(indptr[j]), U(indptr[j + 1])):
                    total += data[p] * pull[U(indices[p])]
                gradient[j, o] = total


@block_kernel
def squares_block(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    row_weights: np.ndarray,
    out: np.ndarray,
    edges: np.ndarray,
    column: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Add sum_i r_io x_ij^2 to out[j, o] for the columns of some parts.

    *column* is scratch of the length of a column, all 0: values of one place are added up
    in it before they are squared, and what was taken is 0 again.
    """
    for b in range(first, last):
        for j in range(edges[b], edges[b + 1]):
            for p in range(U(indptr[j]), U(indptr[j + 1])):
                column[U(indices[p])] += data[p]
            for p in range(U(indptr[j]), U(indptr[j + 1])):
                i = U(indices[p])
                square = column[i] * column[i]
                column[i] = 0.0
                for o in range(out.shape[1]):
                    out[j, o] += row_weights[i, o] * square
