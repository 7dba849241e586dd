"""F with an L1 part: its subgradient, its slope over a step, and the search along one."""

import numpy as np
import pytest

from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.line_search import Trial

STRENGTHS = np.array([[0.5], [0.5], [0.5], [0.0]])
COEF = np.array([[1.0], [-2.0], [0.0], [0.0]])


def test_the_least_subgradient_is_the_steepest_descent():
    gradient = np.array([[0.2], [0.2], [0.7], [-0.3]])
    least = WithL1(STRENGTHS).subgradient(COEF, gradient)
    np.testing.assert_allclose(least, [[0.7], [-0.3], [0.2], [-0.3]])
    within = WithL1(STRENGTHS).subgradient(COEF, np.full((4, 1), 0.4))
    assert within[2] == 0.0


def test_the_slope_bounds_the_derivative():
    """By convexity; it is the derivative while no coefficient crosses 0."""
    geometry = WithL1(STRENGTHS)
    gradient = np.array([[0.2], [0.2], [0.7], [-0.3]])

    def linear(direction, length):
        moved = COEF + length * direction
        return float(np.vdot(gradient, length * direction)) + geometry.penalty(moved)

    for seed in range(5):
        direction = np.random.default_rng(seed).standard_normal((4, 1))
        derivative = (linear(direction, 1e-6) - linear(direction, 0.0)) / 1e-6
        slope = geometry.slope(COEF, gradient, direction)
        assert slope >= derivative - 1e-8
        short = geometry.slope(COEF, gradient, 0.1 * direction)
        assert short == pytest.approx(0.1 * derivative, abs=1e-8)


def test_downhill_is_downhill():
    geometry = WithL1(STRENGTHS)
    for seed in range(5):
        gradient = np.random.default_rng(seed).standard_normal((4, 1))
        direction = geometry.downhill(COEF, gradient)
        assert geometry.slope(COEF, gradient, direction) <= -float(np.vdot(direction, direction))


def search(value, gradient, *, slope, noise=1e-15, max_trials=20, start=3.0, aim=0.0):
    """Search from *start* to *aim*, where F is value + 0.5 |x|."""
    geometry = WithL1(np.array([[0.5]]))
    lengths = []

    def trial(length):
        coef = np.array([[start + length * (aim - start)]])
        x = float(coef[0, 0])
        return Trial(length, coef, value(x) + 0.5 * abs(x), np.array([[gradient(x)]]), 0.0)

    def evaluate(length):
        lengths.append(length)
        return trial(length)

    here = trial(0.0)._replace(slope=slope)
    found = geometry.search(evaluate, here, first=1.0, noise=noise, max_trials=max_trials)
    return found, lengths


def test_a_full_step_that_lowers_f_is_taken_and_its_zero_is_exact():
    found, lengths = search(lambda x: x * x, lambda x: 2.0 * x, slope=-19.5)
    assert lengths == [1.0]
    assert found.coef == 0.0


def test_a_step_that_overshoots_is_cut_by_a_parabola():
    found, lengths = search(lambda x: x * x, lambda x: 2.0 * x, slope=-260.0, aim=-37.0)
    assert len(lengths) <= 3
    assert found.value < 10.5
    assert lengths == sorted(lengths, reverse=True)


def test_a_value_that_is_not_finite_is_stepped_back_from():
    found, lengths = search(
        lambda x: x * x if x > 1.0 else np.nan, lambda x: 2.0 * x, slope=-260.0, aim=-37.0
    )
    assert found is not None
    assert found.length <= 0.05
    assert lengths[:2] == [1.0, 0.1]


def test_below_rounding_a_step_counts_if_the_subgradient_shrinks():
    flat = 1e17
    better, _ = search(lambda x: flat, lambda x: x, slope=-1e-9, noise=4 * 16.0)
    assert better is not None
    worse, lengths = search(
        lambda x: flat, lambda x: 5.0 - x, slope=-1e-9, noise=4 * 16.0, max_trials=3
    )
    assert worse is None
    assert len(lengths) == 3


def test_uphill_nothing_is_found():
    found, lengths = search(lambda x: -x * x, lambda x: -2.0 * x, slope=-1.0, max_trials=9)
    assert found is None
    assert len(lengths) == 9
