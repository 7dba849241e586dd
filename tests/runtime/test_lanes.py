"""Four numbers at a time, against the same written out."""

import numba
import numpy as np
import pytest

from fastlogreg.runtime.lanes import (
    add_cells,
    add_into,
    load,
    spread,
    store_across,
    sum_of_both,
    sums_of_four,
)


@numba.njit
def combine(table, out):
    # Rows 0 to 2 of a table of five columns; row 1 begins at cell 5.
    one = load(table, 0)
    two = load(table, 6)
    three = add_cells(one, table, 10, spread(2.5))
    add_into(out, 0, one, two)
    add_into(out, 4, three, spread(1.0))
    add_into(out, 9, sums_of_four(one, two, three, spread(3.0)), spread(1.0))
    return sum_of_both(one, three)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, np.uint16, np.int64])
def test_lanes_are_four_cells_as_float64(dtype):
    rng = np.random.default_rng(0)
    table = rng.integers(0, 100, (3, 5)).astype(dtype)
    if table.dtype.kind != "u":
        table[1] = -table[1]
    out = np.full(14, 7.0)
    both = combine(table, out)
    one = table[0, :4].astype(float)
    two = table[1, 1:5].astype(float)
    three = one + 2.5 * table[2, :4]
    # Whole and half numbers of this size are exact.
    np.testing.assert_array_equal(out[:4], 7.0 + one * two)
    np.testing.assert_array_equal(out[4:8], 7.0 + three)
    np.testing.assert_array_equal(
        out[9:13], 7.0 + np.array([one.sum(), two.sum(), three.sum(), 12])
    )
    assert both == one.sum() + three.sum()
    np.testing.assert_array_equal(out[[8, 13]], 7.0)


@numba.njit
def turn(table, out):
    store_across(out, 2, 6, load(table, 0), load(table, 5), load(table, 10), load(table, 15))


def test_a_square_is_stored_transposed_and_nothing_beside_it():
    table = np.arange(20.0).reshape(4, 5)
    out = np.full((4, 6), -1.0)
    turn(table, out)
    np.testing.assert_array_equal(out[:, 2:], table[:, :4].T)
    assert (out[:, :2] == -1.0).all()
