"""The Hessian of one output over a mixed table, in blocks, from one read of it.

The levels of the largest category exclude each other, so their block is a diagonal.  With
the curvature ``h_i`` of a row, its numbers ``x_i`` and its level of each category, a row adds
to a handful of places only::

    border[l, q]     sum h v_q      of the rows of level l; v the other columns, the last one 1
    core[q, q']      sum h v_q v_q'

and the diagonal of the block is the last column of ``border``.  Every pair of different
columns is added to one of its two places in ``core``; the caller adds the transpose.  Both
are flat, with ``side`` numbers a row: first the levels, then one for rows without a level, so
that no loop has to ask, then at the end the numbers and the one, four added together.

An addition to a place waits for the one before to the same place, and rows in order often
have the same level: so what levels bring is added row by row, not pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import aligned_zeros, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.link import link_bend_tile, link_scratch
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

_LANES = 4  # numbers that are added together
_LINE = 8  # numbers of a cache line
_LINES_OF_SHARE = 64  # of the levels' lines that a thread adds up at a time ...
_MOST_SHARES = 64  # ... or more, so that these are not too many
_ADDS_OF_PART = 12  # additions for each number of a part, so that parts are worth their room


@step_kernel
def add_number_products(
    numbers: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    side: int,
    width: int,
    line: np.ndarray,
    core: np.ndarray,
) -> None:
    """Add the products of numbers with each other and with the column of ones."""
    n = numbers.shape[0]
    corner = (side - width) * side + side - width
    total = 0.0
    for i in range(count):
        total += bend[i]
    core[corner + n * side + n] += total
    for j in range(n):
        x = numbers[j][start : start + count]
        total = 0.0
        for i in range(count):
            line[i] = bend[i] * x[i]
            total += line[i]
        base = corner + j * side
        core[base + n] += total
        for k in range(j + 1):
            other = numbers[k][start : start + count]
            total = 0.0
            for i in range(count):
                total += line[i] * other[i]
            core[base + k] += total


@step_kernel
def fill_rows(
    numbers: np.ndarray,
    bend: np.ndarray,
    start: int,
    count: int,
    width: int,
    scaled: np.ndarray,
) -> None:
    """Fill the rows ``h [x, 1, 0 ...]``, *width* numbers each."""
    n = numbers.shape[0]
    for j in range(n):
        x = numbers[j][start : start + count]
        for i in range(count):
            scaled[U(i * width + j)] = bend[i] * x[i]
    for i in range(count):
        scaled[U(i * width + n)] = bend[i]
        for j in range(n + 1, width):
            scaled[U(i * width + j)] = 0.0


@step_kernel
def find_places(
    levels: np.ndarray,
    of_levels: np.ndarray,
    start: int,
    count: int,
    nowhere: int,
    places: np.ndarray,
) -> None:
    """Fill the places of the levels of each row, category by category."""
    n = levels.shape[0]
    for c in range(n):
        code = levels[c][start : start + count]
        first = of_levels[c]
        for i in range(count):
            places[U(i * n + c)] = first + code[i] if code[i] >= 0 else nowhere


@tile_kernel
def add_line(line: np.ndarray, base: int, scaled: np.ndarray, first: int, width: int) -> None:
    """Add ``scaled[first:]`` to ``line[base:]``, *width* numbers, four together."""
    for v in range(0, width, 4):
        q, s = U(base + v), U(first + v)
        a, b = line[q] + scaled[s], line[q + U(1)] + scaled[s + U(1)]
        c, d = line[q + U(2)] + scaled[s + U(2)], line[q + U(3)] + scaled[s + U(3)]
        line[q], line[q + U(1)], line[q + U(2)], line[q + U(3)] = a, b, c, d


@step_kernel
def add_level_pairs(
    places: np.ndarray, bend: np.ndarray, count: int, n_levels: int, side: int, core: np.ndarray
) -> None:
    """Add the products of levels with each other."""
    for i in range(count):
        h, own = bend[i], i * n_levels
        for a in range(n_levels):
            row = places[U(own + a)] * side
            for b in range(a):
                core[U(row + places[U(own + b)])] += h


@step_kernel
def add_level_lines(
    places: np.ndarray,
    scaled: np.ndarray,
    count: int,
    n_levels: int,
    width: int,
    side: int,
    core: np.ndarray,
) -> None:
    """Add the products of levels with numbers and with the column of ones."""
    for i in range(count):
        for a in range(i * n_levels, (i + 1) * n_levels):
            add_line(core, (places[U(a)] + 1) * side - width, scaled, i * width, width)


@step_kernel
def add_border(
    border_rows: np.ndarray,
    places: np.ndarray,
    bend: np.ndarray,
    scaled: np.ndarray,
    count: int,
    n_levels: int,
    width: int,
    side: int,
    border: np.ndarray,
) -> None:
    """Add the products of the levels of the largest category with all other columns."""
    for i in range(count):
        h, base = bend[i], border_rows[i] * side
        for a in range(i * n_levels, (i + 1) * n_levels):
            border[U(base + places[U(a)])] += h
        add_line(border, base + side - width, scaled, i * width, width)


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
    of_levels: np.ndarray,
    largest: int,
    side: int,
    width: int,
    gradient: np.ndarray,
    sums: np.ndarray,
    border: np.ndarray,
    core: np.ndarray,
    lanes: np.ndarray,
    lines: np.ndarray,
    scaled: np.ndarray,
    places: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first: int,
    count: int,
) -> None:
    """Add loss, gradient and Hessian of a tile; what is between *core* and *first* is scratch.

    *of_levels* has no entry for the largest category, which is the last of *levels* and may
    have no level, or for none where *largest* is 0 and there is no category.
    """
    z, bend, line = lines[0], lines[1], lines[2]
    n_levels = levels.shape[0] - largest
    others = levels[:n_levels]
    without = border.size // side - 1
    border_rows = places[z.size * n_levels :]
    for start in range(0, count, z.size):
        some = min(z.size, count - start)
        row, end = first + start, first + count
        decisions_tile(numbers, levels, number_slots, spans, packed, start, some, z)
        link_bend_tile(z, codes, weights, class_weights, row, end, weight, u, growth, bend, sums)
        add_numbers(numbers, number_slots, z, start, some, gradient)
        add_levels(levels, spans, z, start, some, lanes, gradient)
        add_number_products(numbers, bend, start, some, side, width, line, core)
        find_places(others, of_levels, start, some, side - width - 1, places)
        for i in range(some):
            border_rows[i] = without
        if largest > 0:
            code = levels[n_levels][start : start + some]
            for i in range(some):
                border_rows[i] = code[i] if code[i] >= 0 else without
        fill_rows(numbers, bend, start, some, width, scaled)
        add_level_pairs(places, bend, some, n_levels, side, core)
        add_level_lines(places, scaled, some, n_levels, width, side, core)
        add_border(border_rows, places, bend, scaled, some, n_levels, width, side, border)


@block_kernel
def add_up_lines(
    parts: np.ndarray, order: np.ndarray, first: int, last: int, side: int, out: np.ndarray
) -> None:
    """Fill the lines first to last - 1 of out, whose columns are *order*, with sums of parts."""
    for line in range(first, last):
        base = line * side
        for k in range(order.size):
            place = base + order[k]
            total = parts[0, place]
            for b in range(1, parts.shape[0]):
                total += parts[b, place]
            out[line, k] = total


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
    first, size = _largest(X)
    table = _largest_last(X)
    width = -(-(len(X.numbers) + 1) // _LANES) * _LANES
    side = -(-(int(X.n_levels.sum()) - size + 1 + width) // _LINE) * _LINE
    of_levels, order = _places(X, side - width)
    n_blocks = _count_blocks(X, (size + 1 + side) * side)
    edges = block_edges(X.n_rows, n_blocks, SUB)
    gradients, sums = np.zeros((n_blocks, X.n_slots)), np.zeros((n_blocks, 3))
    borders = aligned_zeros(n_blocks, (size + 1) * side)
    cores = aligned_zeros(n_blocks, side * side)
    arguments = (pack(X, coef)[0], *rows, of_levels, len(X.levels[:1]), side, width)
    kernel: Callable[..., object] = hessian_mixed

    def block(begin: int, end: int) -> None:
        tile = TileReader(table)
        places = np.empty(SUB * (len(of_levels) + 1), dtype=np.int64)
        scratch = (lanes_of_levels(), np.empty((3, SUB)), np.empty(SUB * width), places)
        link = link_scratch(SUB)
        for b in range(begin, end):
            parts = (gradients[b], sums[b], borders[b], cores[b])
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                kernel(*tile.table, *arguments, *parts, *scratch, *link, row, count)

    run_blocks(block, n_blocks, n_threads)
    _, pulls, loss = sum_parts(sums)
    gradient = sum_parts(gradients)[X.slots]
    gradient[-1] = pulls
    core = sum_parts(cores).reshape(side, side)
    n_levels = side - width
    ones = n_levels + len(X.numbers)
    core[np.arange(n_levels), np.arange(n_levels)] = core[:n_levels, ones]
    core = core[np.ix_(order, order)]
    core += core.T
    core.flat[:: len(core) + 1] *= 0.5
    border = _add_up(borders, size, side, order, n_threads)
    return np.array([loss]), gradient[:, None], (first, border[:, -1].copy(), border, core)


def _add_up(
    parts: np.ndarray, n_lines: int, side: int, order: np.ndarray, n_threads: int
) -> np.ndarray:
    """Return the lines ``(n_lines, len(order))`` of the sum of parts, added in block order."""
    out = np.empty((n_lines, len(order)))
    n_shares = max(1, min(_MOST_SHARES, -(-n_lines // _LINES_OF_SHARE)))
    edges = block_edges(n_lines, n_shares, 1)

    def block(begin: int, end: int) -> None:
        add_up_lines(parts, order, edges[begin], edges[end], side, out)

    run_blocks(block, len(edges) - 1, n_threads)
    return out


def _largest(X: Any) -> tuple[int, int]:
    """Return the coefficient of the largest category's first level, and how many levels it has."""
    if not len(X.levels):
        return 0, 0
    largest = int(np.argmax(X.n_levels))
    first = np.searchsorted(X.slots, X.level_slots[largest] + 1)
    return int(first), int(X.n_levels[largest])


def _places(X: Any, numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the other categories' first levels, and those of coefficients.

    The latter are of the coefficients that are not of the largest category, in their order.
    Levels come first; rows without one have a place behind them, before *numbers*.
    """
    of_slot = np.full(X.n_slots + 1, -1, dtype=np.int64)
    of_slot[X.number_slots] = numbers + np.arange(len(X.numbers))
    of_slot[X.slots[-1]] = numbers + len(X.numbers)
    others = list(range(len(X.levels)))
    if others:
        others.pop(int(np.argmax(X.n_levels)))
    sizes = X.n_levels[others]
    of_levels = np.cumsum(sizes, dtype=np.int64) - sizes
    for c, place in zip(others, of_levels, strict=True):
        begin = X.level_slots[c] + 1
        of_slot[begin : begin + X.n_levels[c]] = place + np.arange(X.n_levels[c])
    places = of_slot[X.slots]
    return of_levels, places[places >= 0]


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
    """Return the number of blocks: few where a part is large beside what a block adds to it.

    It is a power of two: of three blocks, one of two threads would do two.
    """
    adds = (len(X.levels) + len(X.numbers) + 1) ** 2
    by_work = int(X.n_rows) * adds // (_ADDS_OF_PART * max(part_size, 1))
    most = min(count_blocks(X.n_rows, adds, part_size), max(by_work, 2))
    return 1 << (most.bit_length() - 1)
