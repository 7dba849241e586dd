"""Several outputs from one read of a sparse X by rows: gradients, products and Hessians.

The sums and links are those of `fastlogreg.kernels.dense_outputs`.  The coefficients of
all outputs of a column lie side by side, and of a product those of the direction behind
them: a stored value fetches one place and serves them all.

Products at the same coefficients share the curvature of the rows: the gradient there keeps it,
or the first of them, and those after it decide the direction alone.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.pointwise import curvature
from fastlogreg.kernels.softmax import (
    fill_class_weights,
    loss_tile,
    probability_tile,
    raise_tile,
    residual_tile,
)
from fastlogreg.kernels.sparse_blocks import rows_of_tile
from fastlogreg.kernels.sparse_rows import add_rows_of_lanes, decide_lanes
from fastlogreg.runtime.jit import block_kernel, step_kernel

__all__ = ["keep_lines", "outputs_rows", "recall_lines"]


@step_kernel
def recall_lines(
    lines: np.ndarray, softmax: bool, is_known: bool, kept: np.ndarray, scratch: np.ndarray
) -> None:
    """Fill the first lines with the curvature of a tile's rows, as `link_lines` takes it.

    It is that in *kept*, (rows, n_outputs), if it is known; else it is made of decisions, in
    place, and kept.
    """
    count, n_outputs = kept.shape
    if is_known:
        for o in range(n_outputs):
            line = lines[o]
            for i in range(count):
                line[i] = kept[i, o]
        return
    if softmax:
        probability_tile(lines[:n_outputs], 0, count, scratch)
    for o in range(n_outputs):
        line = lines[o]
        if not softmax:
            for i in range(count):
                line[i] = curvature(line[i])
        for i in range(count):
            kept[i, o] = line[i]


@step_kernel
def keep_lines(
    lines: np.ndarray,
    code: np.ndarray,
    row_weight: np.ndarray,
    kept: np.ndarray,
    scratch: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Do to a tile's lines what `link_lines` does for a softmax gradient; keep the shares p."""
    count, n_outputs = kept.shape
    raise_tile(lines, n_outputs, code, count, scratch)
    sums[0, 1] += loss_tile(row_weight, count, scratch)
    for o in range(n_outputs):
        line = lines[o]
        for i in range(count):
            kept[i, o] = line[i] * scratch[i]
    residual_tile(lines, n_outputs, code, row_weight, count, scratch, sums)


@block_kernel
def outputs_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    gradients: np.ndarray,
    sums: np.ndarray,
    kept: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    lines: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the sums of some blocks to their parts.

    Parameters
    ----------
    coef : ndarray of float64, shape (d + 1, width)
        Whole lanes of outputs, zeros where there are none; for a product those of the
        direction alone, or behind the coefficients', which then are not known yet.
    gradients : ndarray of float64, shape (n_blocks, d, lanes of outputs)
        Added to.
    sums : ndarray of float64, shape (n_blocks, n_outputs, 2)
        Of the intercepts and the losses; added to.
    kept : ndarray of float64, shape (n_rows, n_outputs)
        The curvature of the rows, for products; empty, or for a softmax gradient to fill.
    z : ndarray of float64, shape (tile, width)
        Scratch, as are *row_weight* and *scratch*.
    lines : ndarray of float64, shape (lanes of outputs, tile)
        Scratch; twice as many for a product.
    """
    n_outputs = sums.shape[1]
    ahead = lines.shape[0] - gradients.shape[2]
    given = lines.shape[0] - coef.shape[1]
    for b in range(first_block, last_block):
        first, end = edges[b], edges[b + 1]
        while first < end:
            count = rows_of_tile(indptr, first, end)
            decide_lanes(data, indices, indptr, coef, first, count, z)
            for o in range(coef.shape[1]):
                line = lines[given + o]
                for i in range(count):
                    line[i] = z[i, o]
            if ahead > 0:
                recall_lines(lines, softmax, given > 0, kept[first : first + count], scratch)
            fill_class_weights(codes, weights, class_weights, first, count, row_weight)
            code = codes[first : first + count]
            if ahead == 0 and kept.shape[0] > 0:
                some = kept[first : first + count]
                keep_lines(lines, code, row_weight, some, scratch, sums[b])
            else:
                bent = ahead > 0
                link_lines(lines, code, softmax, ahead, bent, row_weight, scratch, count, sums[b])
            for o in range(n_outputs):
                line = lines[o]
                for i in range(count):
                    z[i, o] = line[i]
            add_rows_of_lanes(data, indices, indptr, z, first, count, gradients[b])
            first += count
