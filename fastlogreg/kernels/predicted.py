"""From decisions to what is predicted: the same for every storage of X.

A storage's own kernel fills ``lines``, a line of float64 an output, with the decisions
``z_io = x_i w_o + b_o`` of some rows, and returns NaN if any of them is not finite.  What
is predicted of them is, for ``out`` ``(rows, width)``::

    out[i, o] = z_io                                    decisions
    out[i]    = sigmoid(-z_i), sigmoid(z_i)             probabilities, one output
    out[i, o] = exp(z_io) / sum_l exp(z_il)             probabilities, several outputs

So what reads X is compiled without the link, and only who asks for probabilities compiles
that, once for all types and storages of X.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.pointwise import sigmoids
from fastlogreg.kernels.softmax import MOST_ROWS, probability_tile, softmax_scratch
from fastlogreg.runtime.jit import block_kernel, tile_kernel

__all__ = ["check_line", "rows_of_lines", "store", "store_both", "store_classes"]

_CELLS = 32_768  # of all lines: 256 KiB


def rows_of_lines(n_outputs: int, multiple: int) -> int:
    """Return the rows that are decided at a time, some tiles of so many."""
    return max(_CELLS // (n_outputs * multiple), 1) * multiple


@tile_kernel
def check_line(line: np.ndarray, count: int) -> float:
    """Return 0 if all of a line's decisions are finite, else NaN."""
    check = 0.0
    # 0 times what is not finite is NaN; z - z would be regrouped away.
    for i in range(count):
        check += 0.0 * line[i]
    return check


def store(lines: np.ndarray, out: np.ndarray, probability: bool) -> None:
    """Write what is predicted of as many rows as out has; the lines are overwritten."""
    if probability:
        kernel = store_classes if len(lines) > 1 else store_both
        kernel(lines, out, softmax_scratch())
    else:
        with np.errstate(over="ignore"):
            out[...] = lines[:, : len(out)].T


@block_kernel
def store_both(lines: np.ndarray, out: np.ndarray, scratch: np.ndarray) -> None:
    """Write the probabilities of both classes."""
    for first in range(0, out.shape[0], MOST_ROWS):
        count = min(MOST_ROWS, out.shape[0] - first)
        z, rows = lines[0][first : first + count], out[first : first + count]
        # Apart from the stores two by two, so that this one is a vector loop.
        for i in range(count):
            scratch[i], z[i] = sigmoids(z[i])
        for i in range(count):
            rows[i, 0], rows[i, 1] = scratch[i], z[i]


@block_kernel
def store_classes(lines: np.ndarray, out: np.ndarray, scratch: np.ndarray) -> None:
    """Write the probabilities of all classes."""
    for first in range(0, out.shape[0], MOST_ROWS):
        count = min(MOST_ROWS, out.shape[0] - first)
        probability_tile(lines, first, count, scratch)
        for o in range(lines.shape[0]):
            line, column = lines[o][first : first + count], out[first : first + count, o]
            for i in range(count):
                column[i] = line[i]
