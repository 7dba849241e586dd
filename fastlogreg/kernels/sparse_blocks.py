"""How a sparse X is cut into blocks: by its stored values, never by the threads.

Rows, or columns, of very different length are cut so that blocks take equally long.  A
block's part of a gradient is as long as the coefficients, which may be more than the
block's rows have numbers: there are so few blocks that zeroing and adding up the parts
stays a small share of a pass.
"""

from __future__ import annotations

import math

import numpy as np

from fastlogreg.kernels.blocks import count_blocks
from fastlogreg.runtime.jit import tile_kernel
from fastlogreg.runtime.threads import run_blocks
from fastlogreg.runtime.vectors import inner

__all__ = [
    "TILE",
    "add_up",
    "ascends",
    "count_hessian_parts",
    "count_parts",
    "even_edges",
    "rows_of_tile",
]

U = np.uintp
TILE = 128  # rows of a tile at most
_TILE_VALUES = 8_192  # 96 KiB with indices of int32: a tile stays in L2
_LINE = 8  # stored values that starting a row takes as long as
_SHARE_OF_WORK = 20  # numbers in parts are at most a 20th of the products
_STRETCH = 16_384  # numbers that are added up at a time


def count_parts(indptr: np.ndarray, part_size: int, width: int = 1) -> int:
    """Return the number of blocks for stored values so divided, each with such a part.

    *width* is how many products a stored value has.  It is the power of two next to what
    the work and the parts allow: so few blocks would else leave threads waiting for the last.
    """
    lines, values = len(indptr) - 1, int(indptr[-1])
    by_share = values * width // (_SHARE_OF_WORK * max(part_size, 1))
    most = min(count_blocks(lines + values // _LINE, _LINE, part_size), max(by_share, 1))
    return min(1 << round(math.log2(most)), lines)


def count_hessian_parts(indptr: np.ndarray, part_size: int) -> int:
    """Return the number of blocks, whose parts have fewer numbers than the rows have pairs."""
    lengths = np.diff(indptr).astype(np.float64)
    by_work = int(inner(lengths, lengths + 1.0)) // (_SHARE_OF_WORK * part_size)
    return max(
        min(count_parts(indptr, 0), count_blocks(len(lengths), 1 << 14, part_size), by_work), 1
    )


def even_edges(indptr: np.ndarray, n_blocks: int) -> np.ndarray:
    """Return n_blocks + 1 ascending row numbers between which the work is the same.

    By columns where *indptr* is that of columns.
    """
    lines = len(indptr) - 1
    total = int(indptr[lines]) + _LINE * lines
    goals = np.array([total * b // n_blocks for b in range(1, n_blocks)], dtype=np.int64)
    least, most = np.zeros(len(goals), dtype=np.int64), np.full(len(goals), lines, dtype=np.int64)
    while (least < most).any():  # bisection, all cuts at once
        middle = (least + most) // 2
        is_less = indptr[middle] + _LINE * middle < goals
        least, most = np.where(is_less, middle + 1, least), np.where(is_less, most, middle)
    return np.array([0, *least, lines], dtype=np.int64)


@tile_kernel
def rows_of_tile(indptr: np.ndarray, first: int, end: int) -> int:
    """Return how many rows from first on, of a block that ends at end, make a tile."""
    count = min(TILE, end - first)
    while count > 1 and indptr[first + count] - indptr[first] > _TILE_VALUES:
        count //= 2
    return count


@tile_kernel
def ascends(indices: np.ndarray, begin: int, end: int) -> bool:
    """Return whether some indices strictly ascend, so that none occurs twice."""
    falls = U(0)  # counted, which becomes vector code
    for k in range(begin + 1, end):
        falls += U(indices[U(k)] <= indices[U(k - 1)])
    return bool(falls == U(0))


def add_up(parts: np.ndarray, n_threads: int) -> np.ndarray:
    """Return the sum over the first axis, added in its order, by several threads."""
    flat = parts.reshape(len(parts), -1)
    total = np.empty(flat.shape[1])

    def block(first: int, last: int) -> None:
        for start in range(first * _STRETCH, last * _STRETCH, _STRETCH):
            some = slice(start, start + _STRETCH)
            total[some] = flat[0, some]
            for part in flat[1:]:
                total[some] += part[some]

    run_blocks(block, -(-flat.shape[1] // _STRETCH), n_threads)
    return total.reshape(parts.shape[1:])
