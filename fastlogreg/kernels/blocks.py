"""How rows are cut into blocks: by the shape of X only, never by the threads.

That is what makes a result the same bits for any number of threads: the parts and
the order in which they are added are fixed before anyone counts threads.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = [
    "EMPTY_WEIGHTS",
    "UNIT_WEIGHTS",
    "aligned_zeros",
    "block_edges",
    "count_blocks",
    "sum_parts",
]

EMPTY_WEIGHTS = np.empty(0)
EMPTY_WEIGHTS.flags.writeable = False
UNIT_WEIGHTS = np.ones(1)
UNIT_WEIGHTS.flags.writeable = False

_MOST_BLOCKS = 64  # 4 a thread on 16 cores: enough to even out, cheap to add up
_LEAST_CELLS = 16_384  # 128 KiB of float64: below, starting a block costs more than it
_LARGEST_PARTS = 8_388_608  # float64 numbers in all partial results together: 64 MiB


def count_blocks(n_rows: int, n_columns: int, part_size: int) -> int:
    """Return the number of blocks for X of that shape, each with a part of that size."""
    by_work = n_rows * (n_columns + 1) // _LEAST_CELLS
    by_memory = _LARGEST_PARTS // max(part_size, 1)
    return max(1, min(_MOST_BLOCKS, by_work, by_memory, n_rows))


def block_edges(n_rows: int, n_blocks: int, multiple: int) -> np.ndarray:
    """Return n_blocks + 1 ascending row numbers, whole tiles of *multiple* rows apart."""
    tiles = -(-n_rows // multiple)
    edges = (np.arange(n_blocks + 1, dtype=np.int64) * tiles // n_blocks) * multiple
    return np.minimum(edges, n_rows)


def sum_parts(partials: np.ndarray) -> np.ndarray:
    """Return the sum over the blocks, added in block order."""
    total: np.ndarray = partials[0].copy()
    for part in partials[1:]:
        total += part
    return total


def aligned_zeros(*shape: int) -> np.ndarray:
    """Return zeros that begin with a cache line: no vector of a line then lies in two."""
    numbers = np.zeros(math.prod(shape) + 8)
    start = -(numbers.ctypes.data // 8) % 8
    return numbers[start : start + math.prod(shape)].reshape(shape)
