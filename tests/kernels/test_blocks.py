"""Blocks are a function of the shape and cover every row once."""

import numpy as np
import pytest

from fastlogreg.kernels.blocks import block_edges, count_blocks, sum_parts


@pytest.mark.parametrize("n", [1, 31, 32, 33, 1_000, 123_457])
@pytest.mark.parametrize("n_blocks", [1, 2, 7, 64])
def test_blocks_cover_every_row_once_in_whole_tiles(n, n_blocks):
    edges = block_edges(n, n_blocks, 32)
    assert edges[0] == 0
    assert edges[-1] == n
    assert (np.diff(edges) >= 0).all()
    assert (edges[1:-1] % 32 == 0).all() or edges[1:-1].max(initial=0) == n


def test_a_small_table_is_one_block_and_a_large_one_is_not():
    assert count_blocks(100, 10, 12) == 1
    assert count_blocks(1_000_000, 10, 12) == 64


def test_the_parts_of_a_wide_hessian_stay_within_64_mib():
    side = 3_000
    assert count_blocks(100_000, side, side * side) == 1
    side = 1_000
    assert 1 < count_blocks(100_000, side, side * side) <= 8


def test_parts_are_added_in_block_order():
    parts = np.array([1e16, 1.0, -1e16])
    assert sum_parts(parts) == (1e16 + 1.0) - 1e16
