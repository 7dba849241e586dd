"""The Hessian of one output over a mixed table, in blocks, from one read of it.

The levels of the largest category exclude each other, so their block is a diagonal.  With
the curvature ``h_i`` of a row, its numbers ``x_i`` and its level of each category, a row adds
to a handful of places only::

    border[l, q]     sum h v_q      of the rows of level l; v the other columns, the last one 1
    core[q, q']      sum h v_q v_q'

and the diagonal of the block is the last column of ``border``.  Every pair of different
columns is added to one of its two places in ``core``; the caller adds the transpose.  Both
have one more row and column, for rows without a level, so that no loop has to ask; both are
flat, with ``side`` numbers a row.  Products of numbers are vector loops over a tile; those of
a pair of categories are a loop of their own; a row of the border, which is far from the
next, is visited once a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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

_ADDS_OF_PART = 12  # additions for each number of a part, so that parts are worth their room


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
    side: int,
    scaled: np.ndarray,
    core: np.ndarray,
) -> None:
    """Add the products of numbers with each other and with the column of ones."""
    last = side - 2
    total = 0.0
    for i in range(count):
        total += bend[i]
    core[last * side + last] += total
    for j in range(numbers.shape[0]):
        x = numbers[j][start : start + count]
        total = 0.0
        for i in range(count):
            scaled[i] = bend[i] * x[i]
            total += scaled[i]
        base = of_numbers[j] * side
        core[base + last] += total
        for k in range(j + 1):
            other = numbers[k][start : start + count]
            total = 0.0
            for i in range(count):
                total += scaled[i] * other[i]
            core[base + of_numbers[k]] += total


@tile_kernel
def find_places(
    levels: np.ndarray, of_levels: np.ndarray, start: int, count: int, side: int, places: np.ndarray
) -> None:
    """Fill a line a category with the places of its levels; of none it is the last one."""
    for c in range(levels.shape[0]):
        code, place = levels[c][start : start + count], places[c]
        first = of_levels[c]
        for i in range(count):
            place[i] = first + code[i] if code[i] >= 0 else side - 1


@tile_kernel
def add_level_products(
    numbers: np.ndarray,
    of_numbers: np.ndarray,
    places: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    side: int,
    core: np.ndarray,
) -> None:
    """Add the products of levels with each other, with numbers and with the column of ones."""
    last = U(side - 2)
    wide = U(side)
    for a in range(places.shape[0]):
        place = places[a]
        for i in range(count):
            base = U(place[i]) * wide
            core[base + U(place[i])] += bend[i]
            core[base + last] += bend[i]
        for b in range(a):
            other = places[b]
            for i in range(count):
                core[U(place[i]) * wide + U(other[i])] += bend[i]
        for j in range(numbers.shape[0]):
            x = numbers[j][start : start + count]
            of_number = U(of_numbers[j])
            for i in range(count):
                core[U(place[i]) * wide + of_number] += bend[i] * x[i]


@tile_kernel
def add_border(
    numbers: np.ndarray,
    of_numbers: np.ndarray,
    places: np.ndarray,
    code: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    side: int,
    border: np.ndarray,
) -> None:
    """Add the products of the levels of the largest category with all other columns."""
    wide = U(side)
    none = U(border.size) - wide
    n_levels, n_numbers = U(places.shape[0]), U(numbers.shape[0])
    for i in range(count):
        q = U(i)
        h = bend[q]
        base = none if code[q] < 0 else U(code[q]) * wide
        border[base + wide - U(2)] += h
        for a in range(n_levels):
            border[base + U(places[a, q])] += h
        for j in range(n_numbers):
            border[base + U(of_numbers[j])] += h * numbers[j, U(start) + q]


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
    largest: int,
    side: int,
    gradient: np.ndarray,
    sums: np.ndarray,
    border: np.ndarray,
    core: np.ndarray,
    lanes: np.ndarray,
    lines: np.ndarray,
    places: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add loss, gradient and Hessian of a tile; *lines* and *places* are scratch.

    *of_levels* has no entry for the largest category, which is the last of *levels*, or for
    none where *largest* is 0.
    """
    z, weight, bend, scaled = lines[0], lines[1], lines[2], lines[3]
    others = levels[: levels.shape[0] - largest]
    for start in range(0, count, z.size):
        some = min(z.size, count - start)
        row = first + start
        decisions_tile(numbers, levels, number_slots, spans, packed, start, some, z)
        fill_class_weights(codes, weights, class_weights, row, some, weight)
        bend_tile(z, codes[row : row + some], weight, bend, sums)
        add_numbers(numbers, number_slots, z, start, some, gradient)
        add_levels(levels, spans, z, start, some, lanes, gradient)
        find_places(others, of_levels, start, some, side, places)
        add_number_products(numbers, of_numbers, bend, start, some, side, scaled, core)
        add_level_products(numbers, of_numbers, places, bend, start, some, side, core)
        if largest > 0:
            code = levels[levels.shape[0] - 1][start : start + some]
            add_border(numbers, of_numbers, places, code, bend, start, some, side, border)


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
    first, size, of_numbers, of_levels = _places(X)
    table = _largest_last(X)
    rest = len(X.slots) - size
    side = rest + 1
    n_blocks = _count_blocks(X, (size + 1 + side) * side)
    edges = block_edges(X.n_rows, n_blocks, SUB)
    gradients, sums = np.zeros((n_blocks, X.n_slots)), np.zeros((n_blocks, 2))
    borders, cores = np.zeros((n_blocks, (size + 1) * side)), np.zeros((n_blocks, side * side))
    arguments = (pack(X, coef)[0], *rows, of_numbers, of_levels, int(size > 0), side)
    kernel: Callable[..., object] = hessian_mixed

    def block(begin: int, end: int) -> None:
        tile = TileReader(table)
        places = np.empty((len(of_levels), SUB), dtype=np.int64)
        scratch = (lanes_of_levels(), np.empty((4, SUB)), places)
        for b in range(begin, end):
            parts = (gradients[b], sums[b], borders[b], cores[b])
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                kernel(*tile.table, *arguments, *parts, *scratch, row, count)

    run_blocks(block, n_blocks, n_threads)
    pulls, loss = sum_parts(sums)
    gradient = sum_parts(gradients)[X.slots]
    gradient[-1] = pulls
    core = sum_parts(cores).reshape(side, side)[:rest, :rest].copy()
    core += core.T
    core.flat[:: rest + 1] *= 0.5
    border = sum_parts(borders).reshape(size + 1, side)[:size, :rest]
    parts = first, border[:, -1].copy(), border.copy(), core
    return np.array([loss]), gradient[:, None], parts


def _places(X: Any) -> tuple[int, int, np.ndarray, np.ndarray]:
    """Return where the largest category begins, its levels, and the places of the rest.

    Those are in the order of the coefficients without the largest category: one of each
    column of numbers, and that of the first level of each other category.
    """
    of_slot = np.full(X.n_slots + 1, -1, dtype=np.int64)
    first = size = 0
    others = list(range(len(X.levels)))
    if len(X.levels):
        largest = others.pop(int(np.argmax(X.n_levels)))
        size = int(X.n_levels[largest])
        first = int(np.searchsorted(X.slots, X.level_slots[largest] + 1))
    rest = np.delete(np.arange(len(X.slots)), np.arange(first, first + size))
    of_slot[X.slots[rest]] = np.arange(len(rest))
    return first, size, of_slot[X.number_slots], of_slot[X.level_slots[others] + 1]


def _largest_last(X: Any) -> Any:
    """Return the table with its largest category behind the others."""
    if not len(X.levels):
        return X
    order = list(range(len(X.levels)))
    order.append(order.pop(int(np.argmax(X.n_levels))))
    return replace(
        X,
        levels=tuple(X.levels[c] for c in order),
        level_slots=X.level_slots[order],
        n_levels=X.n_levels[order],
    )


def _count_blocks(X: Any, part_size: int) -> int:
    """Return the number of blocks: few where a part is large beside what a block adds to it."""
    adds = (len(X.levels) + len(X.numbers) + 1) ** 2
    by_work = int(X.n_rows) * adds // (_ADDS_OF_PART * max(part_size, 1))
    return min(count_blocks(X.n_rows, adds, part_size), max(by_work, 2))
