"""Kernels of the passes over a tile of a mixed table, but for Hessians.

`numbers`, `levels`, `number_slots` and `spans` are as in
`fastlogreg.kernels.tabular_tiles`; ``first`` is the row of the table that the tile begins
with, ``count`` its rows.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.dense_outputs import link_lines
from fastlogreg.kernels.link import link_tile
from fastlogreg.kernels.predicted import check_line
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.kernels.tabular_tiles import SUB, add_levels, add_numbers, decisions_tile
from fastlogreg.runtime.jit import block_kernel

__all__ = ["decide_mixed", "outputs_mixed", "pass_mixed", "sum_mixed"]


@block_kernel
def pass_mixed(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    packed: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    part: np.ndarray,
    lanes: np.ndarray,
    z: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add the gradient of one output to part[:-1], the loss to part[-1]; packed is a row."""
    for start in range(0, count, z.size):
        some = min(z.size, count - start)
        row, end = first + start, first + count
        decisions_tile(numbers, levels, number_slots, spans, packed, start, some, z)
        link_tile(z, codes, weights, class_weights, row, end, weight, u, growth, part)
        add_numbers(numbers, number_slots, z, start, some, part)
        add_levels(levels, spans, z, start, some, lanes, part)


@block_kernel
def outputs_mixed(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    packed: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    softmax: bool,
    part: np.ndarray,
    sums: np.ndarray,
    lanes: np.ndarray,
    lines: np.ndarray,
    row_weight: np.ndarray,
    scratch: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add gradients, or Hessians times directions, to part and sums.

    They are those of `fastlogreg.kernels.dense_outputs`; packed has a row a coefficient
    vector, and for products as many more for the directions.
    """
    n_outputs = sums.shape[0]
    ahead = packed.shape[0] - n_outputs
    for start in range(0, count, row_weight.size):
        some = min(row_weight.size, count - start)
        row = first + start
        fill_class_weights(codes, weights, class_weights, row, some, row_weight)
        for v in range(packed.shape[0]):
            decisions_tile(numbers, levels, number_slots, spans, packed[v], start, some, lines[v])
        code = codes[row : row + some]
        link_lines(lines, code, softmax, ahead, False, row_weight, scratch, some, sums)
        for o in range(n_outputs):
            add_numbers(numbers, number_slots, lines[o], start, some, part[o])
            add_levels(levels, spans, lines[o], start, some, lanes, part[o])


@block_kernel
def decide_mixed(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    packed: np.ndarray,
    lines: np.ndarray,
    count: int,
) -> float:
    """Fill the lines, as `fastlogreg.kernels.predicted` has it, with a tile's decisions."""
    check = 0.0
    for start in range(0, count, SUB):
        some = min(SUB, count - start)
        for o in range(packed.shape[0]):
            z = lines[o][start : start + some]
            decisions_tile(numbers, levels, number_slots, spans, packed[o], start, some, z)
            check += check_line(z, some)
    return check


@block_kernel
def sum_mixed(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    row_weights: np.ndarray,
    part: np.ndarray,
    lanes: np.ndarray,
    line: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add sums weighted by each column of row_weights to a row of part each."""
    last = part.shape[1] - 1
    for o in range(part.shape[0]):
        total = 0.0
        for i in range(count):
            weight = row_weights[first + i, o]
            line[i] = weight
            total += weight
        part[o, last] += total
        add_numbers(numbers, number_slots, line, 0, count, part[o])
        add_levels(levels, spans, line, 0, count, lanes, part[o])
