"""Tiles of a mixed table: columns of numbers and codes of categories, converted in the cache.

A tile is some thousand rows.  Its columns of numbers are lines of float64, its codes lines
of int32, so that the kernels know neither the types nor the strides of the table.  They
meet arrays of *slots* (see `fastlogreg.design.tabular.MixedColumns`): with the slot
``s_j`` of a column of numbers, ``t_c`` of the missing level of category ``c`` and its code
``k_ci``, from -1, of a row::

    z_i                     = sum_j w[s_j] x_ij + sum_c w[t_c + 1 + k_ci] + w[-1]
    part[s_j]               += sum_i r_i x_ij
    part[t_c + 1 + k_ci]    += r_i
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import block_edges, count_blocks
from fastlogreg.runtime.jit import tile_kernel

__all__ = ["SUB", "TileReader", "add_levels", "add_numbers", "decisions_tile", "edges_of", "pack"]

SUB = 1_024  # rows of a tile that are linked at a time: what the link needs stays in L1
_MOST_BYTES = 262_144  # of a tile: half of a small L2
_SHARE_OF_X = 20  # partial results take at most a 20th of X ...
_LEAST_BLOCKS = 8  # ... where that leaves blocks enough for some threads


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
        self._copies = [
            *zip(self.numbers, X.numbers, strict=True),
            *zip(self.levels, X.levels, strict=True),
        ]

    def fill(self, first: int, last: int) -> int:
        """Read the rows from first to last - 1, and return how many they are."""
        count = last - first
        for line, column in self._copies:
            # Copies of a whole tile release the GIL.
            line[:count] = column[first:last]
        return count


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


def pack(X: Any, coef: np.ndarray) -> np.ndarray:
    """Return coefficients ``(d + 1, k)`` as slots ``(k, n_slots)``; 0 for missing levels."""
    packed = np.zeros((coef.shape[1], X.n_slots))
    packed[:, X.slots] = coef.T
    return packed


@tile_kernel
def decisions_tile(
    numbers: np.ndarray,
    levels: np.ndarray,
    number_slots: np.ndarray,
    level_slots: np.ndarray,
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
    for j in range(numbers.shape[0]):
        x = numbers[j][start:last]
        w = packed[number_slots[j]]
        for i in range(count):
            z[i] += w * x[i]
    for c in range(levels.shape[0]):
        code = levels[c][start:last]
        level = packed[level_slots[c] :]
        for i in range(count):
            z[i] += level[np.uintp(code[i] + 1)]


@tile_kernel
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


@tile_kernel
def add_levels(
    levels: np.ndarray,
    level_slots: np.ndarray,
    pull: np.ndarray,
    start: int,
    count: int,
    part: np.ndarray,
) -> None:
    """Add pull to the slots of the levels."""
    for c in range(levels.shape[0]):
        code = levels[c][start : start + count]
        level = part[level_slots[c] :]
        for i in range(count):
            level[np.uintp(code[i] + 1)] += pull[i]
