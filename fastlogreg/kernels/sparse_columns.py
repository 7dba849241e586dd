"""Block kernels over a sparse X by columns (CSC): it is read twice.

1. Decisions: blocks of columns scatter into decisions of all rows of their own.
2. The link, over blocks of rows: what the blocks decided is added up in their order.
3. Sums over rows: every column gathers what the link made of its rows.

Numbers of a row lie side by side, 1, 2 or whole `LANES` of them, as in
`fastlogreg.kernels.sparse_rows`, which also says what ``data``, ``indices`` and
``indptr`` are, by columns here.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.kernels.sparse_blocks import ascends
from fastlogreg.kernels.sparse_outputs import recall_lines
from fastlogreg.runtime.jit import block_kernel
from fastlogreg.runtime.lanes import LANES, add_into, load, spread

__all__ = ["add_columns", "decide_columns", "link_rows", "squares_columns"]

U = np.uintp


@block_kernel
def decide_columns(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    decided: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add what some blocks of columns decide to their parts, (n_rows, width).

    coef is (d + 1, width), of which the intercepts play no part.
    """
    width = coef.shape[1]
    for b in range(first_block, last_block):
        part = decided[b]
        for j in range(edges[b], edges[b + 1]):
            begin, end = indptr[j], indptr[j + 1]
            if width < LANES:
                for o in range(width):
                    a = coef[j, o]
                    for k in range(begin, end):
                        part[U(indices[U(k)]), U(o)] += a * data[U(k)]
            else:
                for g in range(0, width, LANES):
                    w = load(coef, j * width + g)
                    for k in range(begin, end):
                        at = np.intp(indices[U(k)]) * width + g
                        add_into(part, at, w, spread(np.float64(data[U(k)])))


@block_kernel
def link_rows(
    decided: np.ndarray,
    intercepts: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    pulls: np.ndarray,
    sums: np.ndarray,
    kept: np.ndarray,
    edges: np.ndarray,
    lines: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Fill pulls, (n_rows, width), for some blocks of rows, and add to their sums.

    decided is (n_parts, n_rows, width), for a product of the direction alone or, behind the
    coefficients', twice as wide; all else is as in `fastlogreg.kernels.sparse_outputs`.
    """
    ahead = lines.shape[0] - pulls.shape[1]
    given = lines.shape[0] - intercepts.size
    for b in range(first_block, last_block):
        for first in range(edges[b], edges[b + 1], row_weight.size):
            count = min(row_weight.size, edges[b + 1] - first)
            for o in range(intercepts.size):
                line = lines[given + o]
                for i in range(count):
                    line[i] = intercepts[o]
                for part in range(decided.shape[0]):
                    rows = decided[part, first : first + count]
                    for i in range(count):
                        line[i] += rows[i, o]
            if ahead > 0:
                recall_lines(lines, softmax, given > 0, kept[first : first + count], scratch)
            fill_class_weights(codes, weights, class_weights, first, count, row_weight)
            code = codes[first : first + count]
            bent = ahead > 0
            link_lines(lines, code, softmax, ahead, bent, row_weight, scratch, count, sums[b])
            rows = pulls[first : first + count]
            for o in range(sums.shape[1]):
                line = lines[o]
                for i in range(count):
                    rows[i, o] = line[i]


@block_kernel
def add_columns(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    pulls: np.ndarray,
    out: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Fill out, (d, width) of zeros, with sum_i x_ij pulls_i for some blocks of columns."""
    width = pulls.shape[1]
    for j in range(edges[first_block], edges[last_block]):
        begin, end = indptr[j], indptr[j + 1]
        if width == 1:
            total = 0.0
            for k in range(begin, end):
                total += data[U(k)] * pulls[U(indices[U(k)]), U(0)]
            out[j, 0] = total
        else:
            for g in range(0, width, LANES):
                for k in range(begin, end):
                    pull = load(pulls, np.intp(indices[U(k)]) * width + g)
                    add_into(out, j * width + g, pull, spread(np.float64(data[U(k)])))


@block_kernel
def squares_columns(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    r: np.ndarray,
    out: np.ndarray,
    edges: np.ndarray,
    whole: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Fill out, (d, n_outputs) of zeros, with sum_i r_io x_ij^2 for some blocks of columns.

    *whole*, n_rows zeros, is scratch in which a column is put together whose rows do not ascend.
    """
    for j in range(edges[first_block], edges[last_block]):
        total = out[j]
        begin, end = indptr[j], indptr[j + 1]
        if ascends(indices, begin, end):
            for o in range(total.size):
                of_one = 0.0
                for k in range(begin, end):
                    x = data[U(k)]
                    of_one += r[U(indices[U(k)]), U(o)] * x * x
                total[o] = of_one
        else:
            for k in range(begin, end):
                whole[U(indices[U(k)])] += data[U(k)]
            for k in range(begin, end):
                i = U(indices[U(k)])
                x = whole[i]
                whole[i] = 0.0
                row = r[i]
                for o in range(total.size):
                    total[o] += row[o] * x * x
