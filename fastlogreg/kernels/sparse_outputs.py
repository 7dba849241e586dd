"""Several outputs from one read of a sparse X by rows: gradients, products and Hessians.

The sums and links are those of `fastlogreg.kernels.dense_outputs`.  The coefficients of
all outputs of a column lie side by side, and of a product those of the direction behind
them: a stored value fetches one place and serves them all.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.kernels.sparse_blocks import rows_of_tile
from fastlogreg.kernels.sparse_rows import add_rows_of_lanes, decide_lanes
from fastlogreg.runtime.jit import block_kernel

__all__ = ["outputs_rows"]


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
        Whole lanes of outputs, zeros where there are none; twice as many for a product.
    gradients : ndarray of float64, shape (n_blocks, d, lanes of outputs)
        Added to.
    sums : ndarray of float64, shape (n_blocks, n_outputs, 2)
        Of the intercepts and the losses; added to.
    z : ndarray of float64, shape (tile, width)
        Scratch, as are *lines*, its transpose, *row_weight* and *scratch*.
    """
    n_outputs = sums.shape[1]
    ahead = coef.shape[1] - gradients.shape[2]
    for b in range(first_block, last_block):
        first, end = edges[b], edges[b + 1]
        while first < end:
            count = rows_of_tile(indptr, first, end)
            decide_lanes(data, indices, indptr, coef, first, count, z)
            for o in range(lines.shape[0]):
                line = lines[o]
                for i in range(count):
                    line[i] = z[i, o]
            fill_class_weights(codes, weights, class_weights, first, count, row_weight)
            code = codes[first : first + count]
            link_lines(lines, code, softmax, ahead, row_weight, scratch, count, sums[b])
            for o in range(n_outputs):
                line = lines[o]
                for i in range(count):
                    z[i, o] = line[i]
            add_rows_of_lanes(data, indices, indptr, z, first, count, gradients[b])
            first += count
