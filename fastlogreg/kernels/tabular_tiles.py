"""Tiles of a mixed table: columns of numbers and codes of categories, converted in the cache.

A tile is some thousand rows.  Its columns of numbers are lines of float64, its codes lines
of int32, so that what follows `fastlogreg.kernels.tabular_fill` knows neither the types nor
the strides of the table.  They meet arrays of *slots* (see
`fastlogreg.design.tabular.MixedColumns`): with the slot ``s_j`` of a column of numbers,
``t_c`` of the missing level of category ``c`` and its code ``k_ci``, from -1, of a row::

    z_i                     = sum_j w[s_j] x_ij + sum_c w[t_c + 1 + k_ci] + w[-1]
    part[s_j]               += sum_i r_i x_ij
    part[t_c + 1 + k_ci]    += r_i
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import uintp as U  # an index that cannot count from the end

from fastlogreg.kernels.blocks import block_edges, count_blocks
from fastlogreg.kernels.tabular_fill import describe, fill_tile
from fastlogreg.runtime.jit import step_kernel

__all__ = [
    "SUB",
    "TileReader",
    "U",
    "add_levels",
    "add_numbers",
    "decisions_tile",
    "edges_of",
    "lanes_of_levels",
    "one_hot_rows",
    "pack",
]

SUB = 1_024  # rows of a tile that are linked at a time: what the link needs stays in L1
_MOST_BYTES = 262_144  # of a tile: half of a small L2
_SHARE_OF_X = 20  # partial results take at most a 20th of X ...
_LEAST_BLOCKS = 8  # ... where that leaves blocks enough for some threads
_FEW_LEVELS = 128  # with more, rows side by side seldom have the same


class TileReader:
    """Reads tiles of a table into lines of its own; each thread has one.

    Parameters
    ----------
    X : MixedColumns
        The table.
    """

    def __init__(self, X: Any) -> None:
        self.rows = tile_rows(X)
        self.numbers = np.empty((len(X.numbers), self.rows))
        self.levels = np.empty((len(X.levels), self.rows), dtype=np.int32)
        self.table = (self.numbers, self.levels, X.number_slots, spans_of(X))
        self._columns = (describe(X.numbers), describe(X.levels))

    def fill(self, first: int, last: int) -> int:
        """Read the rows from first to last - 1, and return how many they are."""
        count = last - first
        fill_tile(*self._columns, first, count, self.numbers, self.levels)
        return count


def spans_of(X: Any) -> np.ndarray:
    """Return the slot of code -1 and the number of slots of each category, ``(k, 2)``."""
    return np.stack([X.level_slots, X.n_levels + 1], axis=1).astype(np.int64, copy=False)


def lanes_of_levels() -> np.ndarray:
    """Return *lanes* for `add_levels`."""
    return np.empty((4, _FEW_LEVELS))


def tile_rows(X: Any) -> int:
    """Return the rows of a tile, a multiple of `SUB`."""
    of_row = 8 * len(X.numbers) + 4 * len(X.levels)
    return SUB * max(1, min(_MOST_BYTES // (SUB * max(of_row, 1)), 8))


def edges_of(X: Any, part_size: int) -> np.ndarray:
    """Return the first rows of the blocks and the end, for a part of that size each."""
    n_columns = len(X.numbers) + len(X.levels)
    by_share = X.n_rows * n_columns // (_SHARE_OF_X * part_size)
    n_blocks = min(count_blocks(X.n_rows, n_columns, part_size), max(_LEAST_BLOCKS, by_share))
    return block_edges(X.n_rows, n_blocks, SUB)


def one_hot_rows(X: Any, row: int, chunk: np.ndarray) -> None:
    """Add the rows from *row* on to a matrix of zeros, a column a coefficient."""
    rows = slice(row, row + len(chunk))
    place = np.zeros(X.n_slots, dtype=np.intp)
    place[X.slots] = np.arange(len(X.slots))
    for column, slot in zip(X.numbers, X.number_slots, strict=True):
        chunk[:, place[slot]] = column[rows]
    for level, slot in zip(X.levels, X.level_slots, strict=True):
        code = level[rows].astype(np.intp)
        known = np.flatnonzero(code >= 0)
        chunk[known, place[slot + 1 + code[known]]] = 1.0


def pack(X: Any, coef: np.ndarray) -> np.ndarray:
    """Return coefficients ``(d + 1, k)`` as slots ``(k, n_slots)``; 0 for missing levels."""
    packed = np.zeros((coef.shape[1], X.n_slots))
    packed[:, X.slots] = coef.T
    return packed


@step_kernel
def decisions_tile(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    spans: np.ndarray,
    packed: np.ndarray,
    start: int,
    count: int,
    z: np.ndarray,
) -> None:
    """Fill z[:count] with the decisions of the rows from start on of a tile."""
    intercept = packed[packed.size - 1]
    for i in range(count):
        z[i] = intercept
    last = start + count
    # Two columns a sweep: z is read and written half as often.
    pairs = numbers.shape[0] // 2 * 2
    for j in range(0, pairs, 2):
        x, other = numbers[j][start:last], numbers[j + 1][start:last]
        w, v = packed[number_slots[j]], packed[number_slots[j + 1]]
        for i in range(count):
            z[i] += w * x[i] + v * other[i]
    for j in range(pairs, numbers.shape[0]):
        x, w = numbers[j][start:last], packed[number_slots[j]]
        for i in range(count):
            z[i] += w * x[i]
    pairs = levels.shape[0] // 2 * 2
    for c in range(0, pairs, 2):
        code, second = levels[c][start:last], levels[c + 1][start:last]
        level, of_second = packed[spans[c, 0] :], packed[spans[c + 1, 0] :]
        for i in range(count):
            z[i] += level[U(code[i] + 1)] + of_second[U(second[i] + 1)]
    for c in range(pairs, levels.shape[0]):
        code, level = levels[c][start:last], packed[spans[c, 0] :]
        for i in range(count):
            z[i] += level[U(code[i] + 1)]


@step_kernel
def add_numbers(
    numbers: np.ndarray,
    number_slots: np.ndarray,
    pull: np.ndarray,
    start: int,
    count: int,
    part: np.ndarray,
) -> None:
    """Add the sums of pull times each column of numbers to its slot."""
    for j in range(numbers.shape[0]):
        x = numbers[j][start : start + count]
        total = 0.0
        for i in range(count):
            total += pull[i] * x[i]
        part[number_slots[j]] += total


@step_kernel
def add_levels(
    levels: np.ndarray,
    spans: np.ndarray,
    pull: np.ndarray,
    start: int,
    count: int,
    lanes: np.ndarray,
    part: np.ndarray,
) -> None:
    """Add pull to the slots of the levels; *lanes* is scratch from `lanes_of_levels`."""
    for c in range(levels.shape[0]):
        code = levels[c][start : start + count]
        first, size = spans[c, 0], spans[c, 1]
        level = part[first:]
        if size > lanes.shape[1]:
            for i in range(count):
                level[U(code[i] + 1)] += pull[i]
            continue
        # Rows in order often have the same level, and a sum waits for the one before it:
        # four sums a level, of every fourth row each, wait a quarter as long.
        a, b, e, f = lanes[0], lanes[1], lanes[2], lanes[3]
        for q in range(size):
            a[q] = b[q] = e[q] = f[q] = 0.0
        whole = count // 4 * 4
        for i in range(0, whole, 4):
            k = U(i)
            a[U(code[k] + 1)] += pull[k]
            b[U(code[k + U(1)] + 1)] += pull[k + U(1)]
            e[U(code[k + U(2)] + 1)] += pull[k + U(2)]
            f[U(code[k + U(3)] + 1)] += pull[k + U(3)]
        for i in range(whole, count):
            a[U(code[i] + 1)] += pull[i]
        for q in range(size):
            level[q] += (a[q] + b[q]) + (e[q] + f[q])
