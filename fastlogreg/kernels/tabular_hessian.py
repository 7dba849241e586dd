"""The Hessian of one output over a mixed table, in blocks, from one read of it.

The levels of the largest category exclude each other, so their block is a diagonal.  With
the curvature ``h_i`` of a row, its numbers ``x_i`` and its level of each category, a row adds
to a handful of places only::

    diagonal[l]      sum h          of the rows of level l
    border[l, q]     sum h v_q      of the same rows; v the other columns, the last one 1
    core[q, q']      sum h v_q v_q'

Every pair of different columns is added to one of its two places in ``core``; the caller
adds the transpose.  Products of numbers are summed a tile at a time, in vector loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import block_edges, count_blocks, sum_parts
from fastlogreg.kernels.pointwise import loss_pull_curvature, signed
from fastlogreg.kernels.softmax import fill_class_weights
from fastlogreg.kernels.tabular_tiles import (
    SUB,
    TileReader,
    U,
    add_levels,
    add_numbers,
    decisions_tile,
    lanes_of_levels,
    pack,
)
from fastlogreg.runtime.jit import block_kernel, step_kernel, tile_kernel
from fastlogreg.runtime.threads import run_blocks

__all__ = ["loss_gradient_hessian"]

_ADDS_OF_PART = 5  # additions for each number of a part, so that parts are worth their room


@step_kernel
def bend_tile(
    z: np.ndarray, code: np.ndarray, weight: np.ndarray, bend: np.ndarray, sums: np.ndarray
) -> None:
    """Turn decisions into pulls, fill bend with curvatures; add to intercept's sum and loss."""
    pulls = losses = 0.0
    for i in range(code.size):
        loss, pull, bent = loss_pull_curvature(signed(z[i], code[i]))
        pull = weight[i] * (-pull if code[i] == 1 else pull)
        losses += weight[i] * loss
        bend[i] = weight[i] * bent
        z[i] = pull
        pulls += pull
    sums[0] += pulls
    sums[1] += losses


@tile_kernel
def add_number_products(
    numbers: np.ndarray,
    of_numbers: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    scaled: np.ndarray,
    core: np.ndarray,
) -> None:
    """Add the products of numbers with each other and with the column of ones."""
    last = core.shape[0] - 1
    total = 0.0
    for i in range(count):
        total += bend[i]
    core[last, last] += total
    for j in range(numbers.shape[0]):
        x = numbers[j][start : start + count]
        total = 0.0
        for i in range(count):
            scaled[i] = bend[i] * x[i]
            total += scaled[i]
        place = of_numbers[j]
        core[place, last] += total
        for k in range(j + 1):
            other = numbers[k][start : start + count]
            total = 0.0
            for i in range(count):
                total += scaled[i] * other[i]
            core[place, of_numbers[k]] += total


@tile_kernel
def add_level_products(
    numbers: np.ndarray,
    levels: np.ndarray,
    of_numbers: np.ndarray,
    of_levels: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    present: np.ndarray,
    diagonal: np.ndarray,
    border: np.ndarray,
    core: np.ndarray,
) -> None:
    """Add what involves a level: row by row, level by level.

    *of_levels* is the place in core of the first level of each category, -1 for the one of
    the diagonal block; *present* is scratch for the places of a row's levels.
    """
    n_numbers = numbers.shape[0]
    last = core.shape[0] - 1
    for i in range(count):
        h = bend[i]
        n_present = 0
        own = -1
        for c in range(levels.shape[0]):
            code = levels[c, start + i]
            if of_levels[c] < 0:
                own = code
            elif code >= 0:
                present[n_present] = of_levels[c] + code
                n_present += 1
        for a in range(n_present):
            row = core[U(present[a])]
            row[U(present[a])] += h
            row[U(last)] += h
            for b in range(a):
                row[U(present[b])] += h
            for j in range(n_numbers):
                row[U(of_numbers[j])] += h * numbers[j, start + i]
        if own >= 0:
            diagonal[U(own)] += h
            row = border[U(own)]
            row[U(last)] += h
            for a in range(n_present):
                row[U(present[a])] += h
            for j in range(n_numbers):
                row[U(of_numbers[j])] += h * numbers[j, start + i]


@block_kernel
def hessian_mixed(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    packed: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    of_numbers: np.ndarray,
    of_levels: np.ndarray,
    gradient: np.ndarray,
    sums: np.ndarray,
    diagonal: np.ndarray,
    border: np.ndarray,
    core: np.ndarray,
    lanes: np.ndarray,
    lines: np.ndarray,
    present: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add loss, gradient and Hessian of a tile; *lines* is scratch of four lines."""
    z, weight, bend, scaled = lines[0], lines[1], lines[2], lines[3]
    for start in range(0, count, z.size):
        some = min(z.size, count - start)
        row = first + start
        decisions_tile(numbers, levels, number_slots, spans, packed, start, some, z)
        fill_class_weights(codes, weights, class_weights, row, some, weight)
        bend_tile(z, codes[row : row + some], weight, bend, sums)
        add_numbers(numbers, number_slots, z, start, some, gradient)
        add_levels(levels, spans, z, start, some, lanes, gradient)
        add_number_products(numbers, of_numbers, bend, start, some, scaled, core)
        add_level_products(
            numbers,
            levels,
            of_numbers,
            of_levels,
            bend,
            start,
            some,
            present,
            diagonal,
            border,
            core,
        )


def loss_gradient_hessian(
    X: Any, coef: np.ndarray, rows: tuple[np.ndarray, ...], n_threads: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Return loss, gradient and the parts of the Hessian of one output, summed over rows.

    Parameters
    ----------
    X : MixedColumns
        The table.
    coef : ndarray of float64, shape (d + 1, 1)
    rows : tuple of ndarray
        Codes, weights and class weights, read-only.
    n_threads : int
        Threads; the result does not depend on it.

    Returns
    -------
    losses : ndarray, shape (1,)
    gradient : ndarray, shape (d + 1, 1)
    parts : tuple
        ``first, diagonal, border, core`` of a `fastlogreg.design.BlockSums`; without a
        category the diagonal is empty.
    """
    packed = pack(X, coef)[0]
    first, size, of_numbers, of_levels = _places(X)
    rest = len(X.slots) - size
    n_blocks = _count_blocks(X, size * (rest + 1) + rest**2)
    edges = block_edges(X.n_rows, n_blocks, SUB)
    gradients, sums = np.zeros((n_blocks, X.n_slots)), np.zeros((n_blocks, 2))
    diagonals, borders = np.zeros((n_blocks, size)), np.zeros((n_blocks, size, rest))
    cores = np.zeros((n_blocks, rest, rest))

    kernel: Callable[..., object] = hessian_mixed

    def block(begin: int, end: int) -> None:
        tile = TileReader(X)
        present = np.empty(len(X.levels), dtype=np.int64)
        scratch = (lanes_of_levels(), np.empty((4, SUB)), present)
        for b in range(begin, end):
            parts = (gradients[b], sums[b], diagonals[b], borders[b], cores[b])
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                kernel(
                    *tile.table,
                    packed,
                    *rows,
                    of_numbers,
                    of_levels,
                    *parts,
                    *scratch,
                    row,
                    count,
                )

    run_blocks(block, n_blocks, n_threads)
    pulls, loss = sum_parts(sums)
    gradient = sum_parts(gradients)[X.slots]
    gradient[-1] = pulls
    core = sum_parts(cores)
    core += core.T
    core.flat[:: rest + 1] *= 0.5
    parts = first, sum_parts(diagonals), sum_parts(borders), core
    return np.array([loss]), gradient[:, None], parts


def _places(X: Any) -> tuple[int, int, np.ndarray, np.ndarray]:
    """Return where the largest category begins, its levels, and the places of the rest.

    Those are in the order of the coefficients without the largest category: one of each
    column of numbers, and that of the first level of each category, -1 of the largest.
    """
    of_slot = np.full(X.n_slots, -1, dtype=np.int64)
    first = size = 0
    if len(X.levels):
        largest = int(np.argmax(X.n_levels))
        size = int(X.n_levels[largest])
        first = int(np.searchsorted(X.slots, X.level_slots[largest] + 1))
    rest = np.delete(np.arange(len(X.slots)), np.arange(first, first + size))
    of_slot[X.slots[rest]] = np.arange(len(rest))
    of_levels = np.array(
        [of_slot[slot + 1] if n else -1 for slot, n in zip(X.level_slots, X.n_levels, strict=True)],
        dtype=np.int64,
    )
    return first, size, of_slot[X.number_slots], of_levels


def _count_blocks(X: Any, part_size: int) -> int:
    """Return the number of blocks: few where a part is large beside what a block adds to it."""
    n_levels, n_numbers = len(X.levels), len(X.numbers)
    adds = (n_levels + n_numbers + 1) ** 2
    by_work = int(X.n_rows) * adds // (_ADDS_OF_PART * max(part_size, 1))
    most = count_blocks(X.n_rows, adds, part_size)
    return min(most, max(by_work, 2))
