"""Samples that hold rows which chance might miss."""

import numpy as np
import pytest

from fastlogreg.design import Targets, draw_rows
from tests.problems import correlated


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_held_count_as_themselves_and_the_others_for_the_rest(weighted):
    _, y, weights = correlated(5_000, 2)
    weights = weights if weighted else None
    own = np.ones(5_000) if weights is None else weights
    targets = Targets(y.astype(np.int8), np.ones(2))
    held = np.arange(7, 5_000, 100)
    rows, standing = draw_rows(targets, weights, 400, np.random.default_rng(0), held)
    assert (np.diff(rows) > 0).all()
    places = np.searchsorted(rows, held)
    np.testing.assert_array_equal(rows[places], held)
    np.testing.assert_allclose(standing[places], own[held])
    assert 350 <= len(rows) - len(held) <= 450
    for code in (0, 1):
        of_sample, of_all = standing[y[rows] == code].sum(), own[y == code].sum()
        assert of_sample == pytest.approx(of_all, rel=1e-12)


def test_a_class_of_held_rows_alone_is_no_one_elses():
    codes = np.zeros(1_000, dtype=np.int8)
    codes[[3, 500]] = 1
    targets = Targets(codes, np.ones(2))
    rows, standing = draw_rows(targets, None, 50, np.random.default_rng(0), np.array([3, 500]))
    np.testing.assert_array_equal(standing[codes[rows] == 1], [1.0, 1.0])
