"""The step with an L1 penalty: the model's minimum, at any rank, scale and packing."""

import numpy as np
import pytest

from fastlogreg.design import load_backend
from fastlogreg.hessian import DenseHessian, ProximalHessian
from tests import oracle


@pytest.fixture
def curved(backend):
    """Return what makes a Hessian of a matrix."""
    loops = load_backend(backend)
    return lambda matrix, n_outputs=1: ProximalHessian(matrix.copy(), n_outputs, loops)


def problem(p, seed, rows=None):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((rows or 2 * p, p))
    start = rng.standard_normal((p, 1)) * (rng.random((p, 1)) < 0.5)
    return root.T @ root / len(root), rng.standard_normal((p, 1)), start


def model(matrix, gradient, start, bounds, target):
    """Return the model at target less that at start, and its subgradient of least norm."""
    step = (target - start)[:, 0]
    slopes = gradient[:, 0] + matrix @ step
    value = gradient[:, 0] @ step + 0.5 * step @ matrix @ step
    value += bounds[:, 0] @ (np.abs(target) - np.abs(start))[:, 0]
    at_zero = np.sign(slopes) * np.maximum(np.abs(slopes) - bounds[:, 0], 0.0)
    signs = np.sign(target[:, 0])
    return value, np.where(signs == 0.0, at_zero, slopes + bounds[:, 0] * signs)


@pytest.mark.parametrize("strength", [1e-3, 0.3, 1.0, 10.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_step_is_that_of_the_best_signs(curved, seed, strength):
    matrix, gradient, start = problem(5, seed)
    bounds = np.full((5, 1), strength)
    bounds[-1] = 0.0
    target, decrease = curved(matrix).proximal_step(start, gradient, bounds)
    expected = oracle.quadratic_l1_minimum(matrix, gradient[:, 0], start[:, 0], bounds[:, 0])
    np.testing.assert_allclose(target[:, 0], expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(target[:, 0] == 0.0, expected == 0.0)
    value, _ = model(matrix, gradient, start, bounds, target)
    assert decrease == pytest.approx(-value, rel=1e-12)


def test_without_a_penalty_it_is_newtons(curved):
    matrix, gradient, start = problem(7, 0)
    target, decrease = curved(matrix).proximal_step(start, gradient, np.zeros((7, 1)))
    step = -DenseHessian(matrix.copy()).solve(gradient)
    np.testing.assert_allclose(target - start, step, rtol=1e-11)
    assert decrease == pytest.approx(-0.5 * float(np.vdot(gradient, step)), rel=1e-12)


@pytest.mark.parametrize("rows", [3, 20, 200])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_conditions_of_a_minimum_hold_at_any_rank_and_scale(curved, rows, scaled):
    p = 40
    matrix, _, start = problem(p, 1, rows)
    scale = 10.0 ** np.random.default_rng(2).uniform(-3.0, 3.0, p) if scaled else np.ones(p)
    # A gradient in the range of the matrix: else the model has no minimum without a penalty.
    gradient = matrix @ np.random.default_rng(3).standard_normal((p, 1)) * scale[:, None]
    matrix, start = matrix * scale * scale[:, None], start / scale[:, None]
    bounds = 0.05 * scale[:, None]
    target, decrease = curved(matrix).proximal_step(start, gradient, bounds)
    value, slopes = model(matrix, gradient, start, bounds, target)
    assert decrease == pytest.approx(-value, rel=1e-12)
    assert np.abs(slopes / scale).max() <= 1e-12
    assert 0 < np.count_nonzero(target) < p


def test_equal_columns_share_a_minimum(curved):
    matrix, gradient, _ = problem(6, 5)
    twice = np.block([[matrix, matrix], [matrix, matrix]])
    gradient, start = np.vstack([gradient, gradient]), np.zeros((12, 1))
    bounds = np.full((12, 1), 0.2)
    target, decrease = curved(twice).proximal_step(start, gradient, bounds)
    single, alone = curved(matrix).proximal_step(start[:6], gradient[:6], bounds[:6])
    assert decrease == pytest.approx(alone, rel=1e-12)
    np.testing.assert_allclose(target[:6] + target[6:], single, atol=1e-12)


def test_a_step_of_several_outputs_is_class_by_class(curved):
    matrix, gradient, start = problem(6, 6)
    bounds = np.array([[0.2], [0.0]])  # two rows, three outputs
    target, _ = curved(matrix, 3).proximal_step(
        start.reshape(3, 2).T, gradient.reshape(3, 2).T, bounds
    )
    alone, _ = curved(matrix).proximal_step(start, gradient, np.tile(bounds, (3, 1)))
    np.testing.assert_array_equal(target.T.reshape(-1, 1), alone)


def test_a_fixed_intercept_gets_no_step(curved):
    matrix, gradient, start = problem(4, 7)
    longer = np.vstack([start, [[0.0]]])
    target, _ = curved(matrix).proximal_step(
        longer, np.vstack([gradient, [[0.0]]]), np.array([[0.1]] * 4 + [[0.0]])
    )
    assert target.shape == (5, 1)
    assert target[-1] == 0.0


def test_a_coordinate_without_curvature_stays(curved):
    hessian = curved(np.diag([2.0, 0.0]))
    target, _ = hessian.proximal_step(np.ones((2, 1)), np.ones((2, 1)), np.full((2, 1), 0.5))
    np.testing.assert_array_equal(target, [[0.25], [1.0]])
    assert hessian.is_blind_to(np.array([[0.0], [0.1]]))
    assert not hessian.is_blind_to(np.array([[0.1], [0.0]]))


def test_a_matrix_that_is_not_finite_gives_a_step_that_is_not(curved):
    matrix = np.eye(3)
    matrix[0, 1] = matrix[1, 0] = np.inf
    target, decrease = curved(matrix).proximal_step(*np.zeros((2, 3, 1)), np.zeros((3, 1)))
    assert np.isnan(target).all()
    assert np.isnan(decrease)


def test_an_update_fits_the_pair_and_keeps_the_matrix_definite(curved):
    matrix, step, _ = problem(6, 8)
    other, *_ = problem(6, 9)
    change = other @ step
    hessian = curved(matrix)
    before = hessian.solve(change)
    hessian.update(step, change)
    np.testing.assert_allclose(hessian.matrix @ step, change, rtol=1e-11)
    np.testing.assert_allclose(hessian.solve(change), step, rtol=1e-10)
    assert not np.allclose(before, step)
    np.testing.assert_allclose(hessian.matrix, hessian.matrix.T, rtol=1e-13)
    assert np.linalg.eigvalsh(hessian.matrix).min() > 0.0


def test_a_pair_without_curvature_changes_nothing(curved):
    matrix, step, _ = problem(4, 10)
    hessian = curved(matrix)
    hessian.update(step, -step)
    hessian.update(step, np.zeros_like(step))
    np.testing.assert_array_equal(hessian.matrix, matrix)
