"""Coordinate descent: the compiled loop and its mirror, against every choice of signs."""

import numpy as np
import pytest

from fastlogreg.kernels.coordinate import descend_coordinates as compiled
from fastlogreg.reference.coordinate import descend_coordinates as reference
from tests import oracle


@pytest.fixture(params=[compiled, reference], ids=["kernel", "mirror"])
def descend(request):
    return request.param


def problem(p, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((2 * p, p))
    matrix = root.T @ root / p
    gradient = rng.standard_normal(p)
    bounds = np.full(p, 0.4)
    bounds[-1] = 0.0
    start = rng.standard_normal(p) * (rng.random(p) < 0.5)
    return matrix, gradient, start, bounds


@pytest.mark.parametrize("p", [1, 2, 5])
def test_the_minimum_is_the_oracles(descend, p):
    matrix, gradient, start, bounds = problem(p)
    coef, slopes = start.copy(), gradient.copy()
    moved = descend(matrix, bounds, coef, slopes, np.arange(p), 10_000, 0.0)
    assert moved <= 1e-25
    expected = oracle.quadratic_l1_minimum(matrix, gradient, start, bounds)
    np.testing.assert_allclose(coef, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(coef == 0.0, expected == 0.0)
    np.testing.assert_allclose(slopes, gradient + matrix @ (coef - start), rtol=1e-9, atol=1e-12)


def test_the_mirror_takes_the_same_steps():
    matrix, gradient, start, bounds = problem(30)
    points = []
    for function in (compiled, reference):
        coef, slopes = start.copy(), gradient.copy()
        moved = function(matrix, bounds, coef, slopes, np.arange(30), 3, 0.0)
        points.append((coef, slopes, moved))
    for ours, theirs in zip(*points, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(points[0][0] == 0.0, points[1][0] == 0.0)


def test_only_members_with_curvature_move(descend):
    matrix, gradient, start, bounds = problem(6)
    matrix[2] = matrix[:, 2] = 0.0
    coef, slopes = start.copy(), gradient.copy()
    descend(matrix, bounds, coef, slopes, np.array([0, 2, 4]), 5, 0.0)
    assert (coef[[1, 2, 3, 5]] == start[[1, 2, 3, 5]]).all()
    assert (coef[[0, 4]] != start[[0, 4]]).all()


def test_a_strong_penalty_gives_exact_zeros(descend):
    matrix, gradient, start, _ = problem(6)
    coef, slopes = start.copy(), gradient.copy()
    descend(matrix, np.full(6, 1e3), coef, slopes, np.arange(6), 1, 0.0)
    assert not coef.any()


def test_it_ends_with_a_sweep_that_moves_little(descend):
    matrix, gradient, start, bounds = problem(5)
    coef, slopes = start.copy(), gradient.copy()
    first = descend(matrix, bounds, coef.copy(), slopes.copy(), np.arange(5), 1, np.inf)
    again = descend(matrix, bounds, coef, slopes, np.arange(5), 100, np.inf)
    assert again == first > 0.0


def test_no_members_move_nothing(descend):
    matrix, gradient, start, bounds = problem(3)
    members = np.empty(0, dtype=np.int64)
    assert descend(matrix, bounds, start.copy(), gradient.copy(), members, 4, 0.0) == 0.0
